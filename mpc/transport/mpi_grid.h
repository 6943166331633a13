#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "mpc/transport/grid.h"
#include "mpc/transport/mpi.h"

namespace mpc {

/// What an MpiGrid stands on: its own row and column, and the ways to all three.
struct MpiLines {
  MpiLines(Ranks& all, std::size_t piece_words);
  std::unique_ptr<Ranks> row_ranks, column_ranks;
  MpiTransport direct, row, column;
};

/// The two-level exchange between MPI ranks. Building it, and taking it down, is collective.
class MpiGrid final : private MpiLines, public Grid {
 public:
  static constexpr std::size_t always = SIZE_MAX;

  /// Takes the two hops for exchanges of up to `most_words` words a rank; `piece_words` as for MpiTransport.
  explicit MpiGrid(Ranks& ranks, std::size_t most_words = always, std::size_t piece_words = MpiTransport::default_piece_words)
      : MpiLines(ranks, piece_words), Grid(direct, row, column, most_words) {}

  /// From so many ranks on the grid can be the faster way.
  static constexpr int least_ranks = 64;
  /// Words a rank up to which two hops are faster in a model of a message latency of 2 us and 0.39 GB/s a rank (64 ranks on a network card
  /// of 25 GB/s): P latencies and V bytes against 2 sqrt(P) latencies and 2 V bytes.
  static std::size_t crossover_words(std::size_t ranks);
};

}  // namespace mpc
