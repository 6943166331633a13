#include "protocols/graph/spread.h"

#include <utility>

#include "mpc/word.h"

namespace protocols {

std::vector<std::uint64_t> part_starts(std::uint64_t my_items, mpc::Ranks& ranks) {
  auto starts = ranks.gather({&my_items, 1});
  std::uint64_t before = 0;
  for (auto& start : starts) before += std::exchange(start, before);
  starts.push_back(before);
  return starts;
}

std::vector<std::uint64_t> even_starts(std::uint64_t items, int parts) {
  std::vector<std::uint64_t> starts;
  for (int r = 0; r <= parts; ++r) {
    starts.push_back(static_cast<std::uint64_t>(static_cast<mpc::DoubleWord>(r) * items / static_cast<unsigned>(parts)));
  }
  return starts;
}

std::vector<std::size_t> counts_by_start(std::uint64_t first, std::uint64_t items, std::span<const std::uint64_t> starts) {
  std::vector<std::size_t> counts;
  for (std::size_t r = 0; r + 1 < starts.size(); ++r) {
    const auto from = std::max(first, starts[r]);
    const auto to = std::min(first + items, starts[r + 1]);
    counts.push_back(from < to ? to - from : 0);
  }
  return counts;
}

}  // namespace protocols
