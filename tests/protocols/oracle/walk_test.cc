#include "protocols/oracle/walk.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "protocols/oracle/union_find.h"

namespace protocols::oracle {
namespace {

using Labels = std::vector<std::uint64_t>;

std::string refusal(std::uint64_t vertices, const std::vector<Edge>& edges) {
  try {
    count_cycles(vertices, edges);
  } catch (const mpc::Fault& fault) {
    return fault.what();
  }
  return "no error";
}

TEST(CountCycles, ByHand) {
  const std::vector<Edge> edges{{0, 3}, {3, 5}, {5, 0}, {1, 2}, {2, 6}, {6, 4}, {4, 1}};
  const auto cycles = count_cycles(7, edges);
  EXPECT_EQ(cycles.count, 2);
  EXPECT_EQ(cycles.smallest, (Labels{0, 1, 1, 0, 1, 0, 1}));
  EXPECT_EQ(count_cycles(0, {}).count, 0);
}

TEST(CountCycles, AgreesWithUnionFind) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    // Cycles of random lengths over scattered names.
    const std::uint64_t vertices = 3 + mpc::mix(seed) % 200;
    const mpc::PublicPermutation names(vertices, seed);
    std::vector<Edge> edges;
    std::uint64_t count = 0;
    for (std::uint64_t first = 0; first < vertices; ++count) {
      const auto left = vertices - first;
      const auto length = left < 6 ? left : std::min(left - 3, 3 + mpc::mix(first + seed) % 9);
      for (std::uint64_t i = 0; i < length; ++i) edges.push_back({names(first + i), names(first + (i + 1) % length)});
      first += length;
    }
    const auto cycles = count_cycles(vertices, edges);
    EXPECT_EQ(cycles.count, count) << "seed " << seed;
    EXPECT_EQ(cycles.smallest, component_labels(vertices, edges)) << "seed " << seed;
  }
}

TEST(CountCycles, RefusesOtherDegrees) {
  EXPECT_EQ(refusal(4, {{0, 1}, {1, 2}, {2, 3}}), "count_cycles: expected degree 2, vertex 0 has 1");
  EXPECT_EQ(refusal(4, {{0, 1}, {1, 2}, {2, 0}}), "count_cycles: expected degree 2, vertex 3 has 0");
  EXPECT_EQ(refusal(4, {{0, 1}, {1, 2}, {2, 0}, {1, 3}}), "count_cycles: expected degree 2, vertex 1 has more");
  EXPECT_EQ(refusal(3, {{0, 1}, {1, 2}, {2, 3}}), "count_cycles: expected vertices below 3, found 3");
}

}  // namespace
}  // namespace protocols::oracle
