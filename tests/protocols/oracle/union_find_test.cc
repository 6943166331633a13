#include "protocols/oracle/union_find.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/protocols/oracle/random_graph.h"

namespace protocols::oracle {
namespace {

using Labels = std::vector<std::uint64_t>;

/// Smallest reachable vertex, by passing labels along edges until nothing changes.
Labels by_relaxation(std::uint64_t vertices, const std::vector<Edge>& edges) {
  Labels labels(vertices);
  for (std::uint64_t v = 0; v < vertices; ++v) labels[v] = v;
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [u, v] : edges) {
      const auto least = std::min(labels[u], labels[v]);
      changed = changed || labels[u] != least || labels[v] != least;
      labels[u] = labels[v] = least;
    }
  }
  return labels;
}

TEST(ComponentLabels, ByHand) {
  const std::vector<Edge> edges{{5, 4}, {4, 2}, {1, 3}, {6, 6}, {3, 1}};
  EXPECT_EQ(component_labels(8, edges), (Labels{0, 1, 2, 1, 2, 2, 6, 7}));
  EXPECT_EQ(component_labels(3, {}), (Labels{0, 1, 2}));
  EXPECT_TRUE(component_labels(0, {}).empty());
}

TEST(ComponentLabels, AgreeWithBruteForce) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::uint64_t vertices = 1 + seed % 40;
    const auto edges = tests::random_pairs(vertices, seed % 50, seed);
    EXPECT_EQ(component_labels(vertices, edges), by_relaxation(vertices, edges)) << "seed " << seed;
  }
}

TEST(ComponentLabels, OfALongPathInBadOrder) {
  constexpr std::uint64_t vertices = 200000;
  std::vector<Edge> edges;
  for (std::uint64_t v = vertices - 1; v > 0; --v) edges.push_back({v, v - 1});
  EXPECT_EQ(component_labels(vertices, edges), Labels(vertices, 0));
}

}  // namespace
}  // namespace protocols::oracle
