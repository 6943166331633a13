#pragma once

#include <memory>

#include "mpc/transport.h"

namespace mpc {

/// MPI_Init for the whole program; MPI_Finalize at its end. After an exception that not all ranks share, call ranks().abort() instead.
class MpiSession {
 public:
  MpiSession(int& argc, char**& argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  Ranks& ranks() { return *ranks_; }
  /// "Open MPI v4.1.4, ..."
  static std::string library_version();
  /// Whether messages may lie in the memory of a CUDA device.
  static bool takes_cuda_memory();

 private:
  std::unique_ptr<Ranks> ranks_;
};

/// A part of an MpiSession's ranks, or of such a part: the ranks that bring the same `part`, in the order of `ranks`. Every rank of `ranks`
/// calls this; the result must be gone before the session.
std::unique_ptr<Ranks> split(Ranks& ranks, int part);

/// Returns when all of an MpiSession's ranks, or of a part, have called it. A rank that waits sleeps, and leaves its core to others.
void wait_asleep(Ranks& ranks);

/// Messages between MPI ranks, an MpiSession's or a part of them: Alltoall for counts, Alltoallv on the packed buffers, in place.
class MpiTransport final : public Transport {
 public:
  /// No MPI call counts more than `piece_words` words; the default is what MPI's int can hold. Exchanges near that size go point to
  /// point, in pieces.
  explicit MpiTransport(Ranks& ranks, std::size_t piece_words = default_piece_words);
  ~MpiTransport() override;

  Ranks& ranks() override { return ranks_; }
  const char* name() const override { return "mpi"; }
  void announce(std::span<const Word> send, std::span<Word> receive, std::size_t each) override;
  void exchange(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t total) override;
  void minimum(std::span<Word> values) override;

  static constexpr std::size_t default_piece_words = (std::size_t{1} << 31) - 1;

 private:
  struct State;
  Ranks& ranks_;
  std::size_t piece_words_;
  std::unique_ptr<State> state_;
};

}  // namespace mpc
