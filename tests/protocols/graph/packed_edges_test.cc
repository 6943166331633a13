#include "protocols/graph/packed_edges.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/threaded_ranks.h"

namespace tests {
namespace {

using protocols::Edge;
using protocols::PackedEdges;

std::vector<Edge> listed(const PackedEdges& edges) {
  std::vector<Edge> all;
  for (const auto& edge : edges) all.push_back(edge);
  return all;
}

constexpr std::uint64_t two_32 = std::uint64_t{1} << 32;

TEST(PackedEdges, KeepVerticesOfAnySize) {
  EXPECT_EQ(PackedEdges().size(), 0U);
  EXPECT_EQ(PackedEdges(std::vector<Edge>{}).size(), 0U);
  for (const auto largest : {std::uint64_t{1}, two_32 - 1, two_32, UINT64_MAX}) {
    const std::vector<Edge> edges{{0, 1}, {largest, 0}, {0, largest}, {largest, largest}};
    const PackedEdges packed(edges);
    EXPECT_EQ(packed.size(), 4U);
    EXPECT_EQ(listed(packed), edges) << largest;
    EXPECT_EQ(packed[1], edges[1]) << largest;
    std::vector<Edge> some;
    for (const auto& edge : packed.range(1, 3)) some.push_back(edge);
    EXPECT_EQ(some, (std::vector<Edge>{edges[1], edges[2]})) << largest;
  }
}

/// More than one piece a rank, none on some; vertices that take one word and two.
TEST(PackedEdges, AreGatheredInTheOrderOfTheRanks) {
  for (const auto vertices : {two_32, two_32 + 1}) {
    constexpr std::uint64_t most = (std::uint64_t{1} << 20) + 17;
    const std::vector<std::uint64_t> sizes{3, 0, most, 1};
    std::vector<Edge> expected;
    for (std::uint64_t r = 0; r < sizes.size(); ++r) {
      for (std::uint64_t i = 0; i < sizes[r]; ++i) expected.push_back({r, vertices - 1 - i});
    }
    const auto gathered = ThreadedRanks::results(4, [&](mpc::Ranks& ranks) {
      const auto rank = static_cast<std::uint64_t>(ranks.rank());
      std::vector<Edge> mine;
      for (const auto& edge : expected) {
        if (edge.u == rank) mine.push_back(edge);
      }
      return PackedEdges(mine, vertices).on_first_rank(ranks);
    });
    EXPECT_TRUE(listed(gathered[0]) == expected);
    for (const std::size_t r : {1, 2, 3}) EXPECT_EQ(gathered[r].size(), 0U);
  }
}

}  // namespace
}  // namespace tests
