#include "mpc/transport/mpi_grid.h"

#include <cmath>

namespace mpc {

MpiLines::MpiLines(Ranks& all, std::size_t piece_words)
    : row_ranks([&] {
        const auto place = GridPlace(static_cast<std::size_t>(all.size()));
        return split(all, static_cast<int>(place.row(static_cast<std::size_t>(all.rank()))));
      }()),
      column_ranks([&] {
        const auto place = GridPlace(static_cast<std::size_t>(all.size()));
        return split(all, static_cast<int>(place.column(static_cast<std::size_t>(all.rank()))));
      }()),
      direct(all, piece_words),
      row(*row_ranks, piece_words),
      column(*column_ranks, piece_words) {}

std::size_t MpiGrid::crossover_words(std::size_t ranks) {
  constexpr double latency_s = 2e-6, bytes_a_second = 0.39e9;
  const auto saved = static_cast<double>(ranks) - 2 * std::sqrt(static_cast<double>(ranks));
  return saved <= 0 ? 0 : static_cast<std::size_t>(std::llround(latency_s * saved * bytes_a_second / sizeof(Word)));
}

}  // namespace mpc
