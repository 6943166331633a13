#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "mpc/hash.h"
#include "mpc/transport/mpi.h"

#include "tests/support/world.h"

/// What a transport of its own right must do, whatever an exchange of the cluster asks of it.
namespace tests {
namespace {

/// More addresses than an int counts words; memory only where something is written.
class FarApart {
 public:
  FarApart() : at_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~FarApart() {
    if (reserved()) munmap(at_, bytes);
  }
  FarApart(const FarApart&) = delete;
  FarApart& operator=(const FarApart&) = delete;

  bool reserved() const { return at_ != MAP_FAILED; }
  /// Places in turn at the lower and at the upper end, i = 0, 1, ...
  mpc::Word* place(std::size_t i) const {
    auto* const lower = static_cast<mpc::Word*>(at_) + i * room;
    return i % 2 == 0 ? lower : lower + (std::size_t{1} << 31);
  }

  static constexpr std::size_t room = 64;  // words

 private:
  static constexpr std::size_t bytes = (std::size_t{1} << 34) + (std::size_t{1} << 20);
  void* at_;
};

/// From three ranks on: a rank alone with one other has one block.
TEST(Exchange, BlocksMayLieAnywhere) {
  const FarApart sent, received;
  // Agreed on, since what follows is collective.
  ASSERT_EQ(world().minimum(sent.reserved() && received.reserved() ? 1 : 0), 1U);
  const auto rank = static_cast<std::size_t>(world().rank());
  const auto ranks = static_cast<std::size_t>(world().size());
  // The last rank alone has its blocks in one place: a rank cannot know how the others' lie.
  const bool near = rank + 1 == ranks;
  std::vector<mpc::Word> here(2 * ranks * FarApart::room);
  const auto words = [](std::size_t from, std::size_t to) { return from == to ? 0 : (5 * from + 3 * to) % FarApart::room; };
  std::vector<mpc::Outgoing> send(ranks);
  std::vector<mpc::Incoming> receive(ranks);
  std::size_t total = 0;
  for (std::size_t r = 0; r < ranks; ++r) {
    for (std::size_t to = 0; to < ranks; ++to) total += words(r, to);
    const auto other = r < rank ? r : r - 1;  // among the others: of two in a row, one is far away
    auto* const out = near || r == rank ? here.data() + 2 * r * FarApart::room : sent.place(other);
    for (std::size_t i = 0; i < words(rank, r); ++i) out[i] = mpc::mix(mpc::mix(rank * ranks + r) + i);
    send[r] = {out, words(rank, r)};
    receive[r] = {near || r == rank ? here.data() + (2 * r + 1) * FarApart::room : received.place(other), words(r, rank)};
    receive[r].words[receive[r].count] = 12345;  // a word more than comes, which must stay
  }
  mpc::MpiTransport transport(world());
  transport.exchange(send, receive, total);
  for (std::size_t r = 0; r < ranks; ++r) {
    for (std::size_t i = 0; i < words(r, rank); ++i)
      ASSERT_EQ(receive[r].words[i], mpc::mix(mpc::mix(r * ranks + rank) + i)) << "from " << r;
    EXPECT_EQ(receive[r].words[receive[r].count], 12345U) << "from " << r;
  }
}

}  // namespace
}  // namespace tests
