#include "mpc/transport/mpi.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <thread>

#include <mpi.h>
#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>  // Open MPI's
#endif

#include "mpc/buffer.h"

namespace mpc {
namespace {

constexpr int message_tag = 1;

struct IntCounts {
  std::vector<int> send, send_at, receive, receive_at;
};

/// Point to point, every MPI call at most `piece` words: for blocks that an int cannot count.
void exchange_in_pieces(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t piece, MPI_Comm group) {
  int rank = 0;
  MPI_Comm_rank(group, &rank);
  std::vector<MPI_Request> requests;
  const auto ranks = send.size();
  for (std::size_t step = 0; step < ranks; ++step) {
    const auto from = (static_cast<std::size_t>(rank) + ranks - step) % ranks;
    for (std::size_t at = 0; at < receive[from].count; at += piece) {
      const auto count = static_cast<int>(std::min(piece, receive[from].count - at));
      MPI_Irecv(receive[from].words + at, count, MPI_UINT64_T, static_cast<int>(from), message_tag, group, &requests.emplace_back());
    }
  }
  for (std::size_t step = 0; step < ranks; ++step) {
    const auto to = (static_cast<std::size_t>(rank) + step) % ranks;
    for (std::size_t at = 0; at < send[to].count; at += piece) {
      const auto count = static_cast<int>(std::min(piece, send[to].count - at));
      MPI_Isend(send[to].words + at, count, MPI_UINT64_T, static_cast<int>(to), message_tag, group, &requests.emplace_back());
    }
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

/// Offsets of the blocks from the lowest one, in words; false if one does not fit an int.
template <class Block>
bool offsets(std::span<const Block> blocks, std::vector<int>& counts, std::vector<int>& at, const Word*& base) {
  counts.assign(blocks.size(), 0);
  at.assign(blocks.size(), 0);
  base = nullptr;
  for (const auto& block : blocks) {
    if (block.count != 0 && (base == nullptr || std::less<>()(static_cast<const Word*>(block.words), base))) base = block.words;
  }
  for (std::size_t r = 0; r < blocks.size(); ++r) {
    if (blocks[r].count == 0) continue;
    const auto offset = static_cast<std::size_t>(blocks[r].words - base);
    if (offset >= MpiTransport::default_piece_words) return false;
    counts[r] = static_cast<int>(blocks[r].count);
    at[r] = static_cast<int>(offset);
  }
  return true;
}

/// Blocks of these sizes, one after the other in `room`.
template <class Block>
std::vector<Block> side_by_side(std::span<const Block> blocks, Buffer& room) {
  std::size_t words = 0;
  for (const auto& block : blocks) words += block.count;
  room.reserve(words);
  std::vector<Block> result;
  auto* next = room.data();
  for (const auto& block : blocks) {
    result.push_back({next, block.count});
    next += block.count;
  }
  return result;
}

void exchange_words(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t total, std::size_t piece,
                    IntCounts& ints, MPI_Comm group) {
  // All ranks know the total, so they choose the same way; total <= piece bounds every block.
  if (total > piece) return exchange_in_pieces(send, receive, piece, group);
  const Word* from = nullptr;
  const Word* to = nullptr;
  Buffer send_staging, receive_staging;
  // Blocks too far apart for an int go through memory of the transport's own: slices that kept the room of a larger round, or blocks
  // that were allocated one by one.
  if (!offsets(send, ints.send, ints.send_at, from)) {
    const auto packed = side_by_side(send, send_staging);
    auto* next = send_staging.data();
    for (const auto& block : send) {
      if (block.count != 0) next = std::copy_n(block.words, block.count, next);
    }
    offsets(std::span<const Outgoing>(packed), ints.send, ints.send_at, from);
  }
  const bool apart = !offsets(receive, ints.receive, ints.receive_at, to);
  if (apart) {
    const auto packed = side_by_side(receive, receive_staging);
    offsets(std::span<const Incoming>(packed), ints.receive, ints.receive_at, to);
  }
  MPI_Alltoallv(from, ints.send.data(), ints.send_at.data(), MPI_UINT64_T, const_cast<Word*>(to), ints.receive.data(),
                ints.receive_at.data(), MPI_UINT64_T, group);
  if (!apart) return;
  const auto* next = receive_staging.data();
  for (const auto& block : receive) {
    if (block.count != 0) std::copy_n(next, block.count, block.words);
    next += block.count;
  }
}

class MpiRanks final : public Ranks {
 public:
  explicit MpiRanks(MPI_Comm group) : group_(group) {
    MPI_Comm_rank(group_, &rank_);
    MPI_Comm_size(group_, &size_);
  }
  ~MpiRanks() override {
    // After an exception that other ranks may not share, nothing collective.
    if (group_ != MPI_COMM_WORLD && std::uncaught_exceptions() == 0) MPI_Comm_free(&group_);
  }
  MpiRanks(const MpiRanks&) = delete;
  MpiRanks& operator=(const MpiRanks&) = delete;

  MPI_Comm group() const { return group_; }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  int node_rank() override {
    MPI_Comm node = MPI_COMM_NULL;
    MPI_Comm_split_type(group_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node);
    int result = 0;
    MPI_Comm_rank(node, &result);
    MPI_Comm_free(&node);
    return result;
  }

  std::vector<std::uint64_t> exchange(std::span<const std::uint64_t> send, std::span<const std::size_t> counts,
                                      std::vector<std::size_t>& received) override {
    const auto ranks = static_cast<std::size_t>(size_);
    std::vector<std::uint64_t> announced(ranks), expected(ranks);
    std::ranges::copy(counts, announced.begin());
    MPI_Alltoall(announced.data(), 1, MPI_UINT64_T, expected.data(), 1, MPI_UINT64_T, group_);
    received.assign(expected.begin(), expected.end());
    std::uint64_t in_all = 0;
    for (const auto count : expected) in_all += count;
    std::vector<std::uint64_t> result(in_all);
    const auto total = sum(in_all);
    std::vector<Outgoing> out(ranks);
    std::vector<Incoming> in(ranks);
    const auto* from = send.data();
    auto* to = result.data();
    for (std::size_t r = 0; r < ranks; ++r) {
      out[r] = {from, counts[r]};
      in[r] = {to, received[r]};
      from += counts[r];
      to += received[r];
    }
    exchange_words(out, in, total, MpiTransport::default_piece_words, ints_, group_);
    return result;
  }

  void reduce(std::span<std::uint64_t> values, Reduction how) override {
    const auto op = how == Reduction::sum ? MPI_SUM : how == Reduction::minimum ? MPI_MIN : MPI_MAX;
    MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_UINT64_T, op, group_);
  }

  void broadcast(std::string& bytes, int root) override {
    std::uint64_t size = bytes.size();
    MPI_Bcast(&size, 1, MPI_UINT64_T, root, group_);
    bytes.resize(size);
    constexpr std::size_t piece = std::size_t{1} << 30;
    for (std::size_t at = 0; at < size; at += piece) {
      MPI_Bcast(bytes.data() + at, static_cast<int>(std::min(piece, size - at)), MPI_CHAR, root, group_);
    }
  }

  std::vector<std::uint64_t> gather(std::span<const std::uint64_t> mine) override {
    const auto ranks = static_cast<std::size_t>(size_);
    std::uint64_t count = mine.size();
    std::vector<std::uint64_t> counts(ranks);
    MPI_Allgather(&count, 1, MPI_UINT64_T, counts.data(), 1, MPI_UINT64_T, group_);
    std::uint64_t in_all = 0;
    for (const auto c : counts) in_all += c;
    std::vector<std::uint64_t> result(in_all);
    std::vector<Outgoing> out(ranks, Outgoing{mine.data(), mine.size()});
    std::vector<Incoming> in(ranks);
    auto* to = result.data();
    for (std::size_t r = 0; r < ranks; ++r) {
      in[r] = {to, counts[r]};
      to += counts[r];
    }
    exchange_words(out, in, in_all * ranks, MpiTransport::default_piece_words, ints_, group_);
    return result;
  }

  [[noreturn]] void abort(Exit exit) override {
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(exit));
    std::_Exit(static_cast<int>(exit));
  }

 private:
  MPI_Comm group_;
  int rank_ = 0;
  int size_ = 1;
  IntCounts ints_;
};

MPI_Comm group_of(const Ranks& ranks) {
  const auto* mpi = dynamic_cast<const MpiRanks*>(&ranks);
  if (mpi == nullptr) throw std::logic_error("these ranks are not those of an MpiSession, nor a part of them");
  return mpi->group();
}

}  // namespace

MpiSession::MpiSession(int& argc, char**& argv) {
  // Open MPI, started without a launcher, would start a daemon, and for that look for ssh.
  bool launched = false;
  for (const auto* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
    launched = launched || std::getenv(name) != nullptr;
  if (!launched) setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  MPI_Init(&argc, &argv);
  ranks_ = std::make_unique<MpiRanks>(MPI_COMM_WORLD);
}

MpiSession::~MpiSession() { MPI_Finalize(); }

std::string MpiSession::library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string whole(text, static_cast<std::size_t>(length));
  return whole.substr(0, whole.find(','));
}

bool MpiSession::takes_cuda_memory() {
#if defined(MPIX_CUDA_AWARE_SUPPORT) && MPIX_CUDA_AWARE_SUPPORT
  return MPIX_Query_cuda_support() == 1;  // compiled for it; the library that was found at run time has the last word
#else
  return false;
#endif
}

std::unique_ptr<Ranks> split(Ranks& ranks, int part) {
  MPI_Comm group = MPI_COMM_NULL;
  MPI_Comm_split(group_of(ranks), part, ranks.rank(), &group);
  return std::make_unique<MpiRanks>(group);
}

void wait_asleep(Ranks& ranks) {
  constexpr std::chrono::milliseconds longest(5);
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(group_of(ranks), &request);
  int done = 0;
  for (std::chrono::microseconds nap(50);; nap = std::min<std::chrono::microseconds>(2 * nap, longest)) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done != 0) return;
    std::this_thread::sleep_for(nap);
  }
}

struct MpiTransport::State : IntCounts {
  MPI_Comm group;
};

MpiTransport::MpiTransport(Ranks& ranks, std::size_t piece_words)
    : ranks_(ranks), piece_words_(piece_words), state_(std::make_unique<State>()) {
  state_->group = group_of(ranks);
}

MpiTransport::~MpiTransport() = default;

void MpiTransport::announce(std::span<const Word> send, std::span<Word> receive, std::size_t each) {
  const auto count = static_cast<int>(each);
  MPI_Alltoall(send.data(), count, MPI_UINT64_T, receive.data(), count, MPI_UINT64_T, state_->group);
}

void MpiTransport::exchange(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t total) {
  exchange_words(send, receive, total, piece_words_, *state_, state_->group);
}

void MpiTransport::minimum(std::span<Word> values) {
  MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_UINT64_T, MPI_MIN, state_->group);
}

}  // namespace mpc
