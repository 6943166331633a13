#include "protocols/oracle/bfs.h"

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "protocols/oracle/union_find.h"

#include "tests/protocols/oracle/random_graph.h"

namespace protocols::oracle {
namespace {

constexpr std::uint64_t far = 1 << 20;

/// Of the component with the most vertices, smallest vertex among equals, by Floyd and Warshall.
Sweep true_sweep(std::uint64_t vertices, const std::vector<Edge>& edges) {
  std::vector<std::vector<std::uint64_t>> distance(vertices, std::vector<std::uint64_t>(vertices, far));
  for (std::uint64_t v = 0; v < vertices; ++v) distance[v][v] = 0;
  for (const auto& [u, v] : edges) {
    if (u != v) distance[u][v] = distance[v][u] = 1;
  }
  for (std::uint64_t k = 0; k < vertices; ++k) {
    for (std::uint64_t i = 0; i < vertices; ++i) {
      for (std::uint64_t j = 0; j < vertices; ++j) distance[i][j] = std::min(distance[i][j], distance[i][k] + distance[k][j]);
    }
  }
  const auto farthest = [](const auto& row) {
    std::uint64_t result = 0;
    for (const auto d : row) result = d < far ? std::max(result, d) : result;
    return result;
  };
  std::uint64_t largest = 0;
  Sweep sweep;
  for (const auto& row : distance) {
    const auto reached = static_cast<std::uint64_t>(std::ranges::count_if(row, [](auto d) { return d < far; }));
    if (reached <= largest) continue;
    largest = reached;
    sweep = {farthest(row), 0};
    for (std::uint64_t i = 0; i < vertices; ++i) {
      if (row[i] < far) sweep.diameter = std::max(sweep.diameter, farthest(distance[i]));
    }
  }
  return sweep;
}

TEST(DoubleSweep, ByHand) {
  EXPECT_EQ(double_sweep(0, {}).diameter, 0);
  EXPECT_EQ(double_sweep(3, {}).diameter, 0);
  EXPECT_EQ(double_sweep(4, std::vector<Edge>{{1, 0}, {1, 2}, {2, 3}}).diameter, 3);
  EXPECT_EQ(double_sweep(6, std::vector<Edge>{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}}).diameter, 3);
  EXPECT_EQ(double_sweep(5, std::vector<Edge>{{0, 1}, {0, 2}, {2, 3}, {1, 4}}).eccentricity, 2);
  EXPECT_EQ(double_sweep(5, std::vector<Edge>{{0, 1}, {0, 2}, {2, 3}, {1, 4}}).diameter, 4);
}

TEST(DoubleSweep, LooksAtTheComponentWithMostVertices) {
  // A path of 3 edges, and a star of 5 vertices.
  EXPECT_EQ(double_sweep(9, std::vector<Edge>{{0, 1}, {1, 2}, {2, 3}, {4, 5}, {4, 6}, {4, 7}, {4, 8}}).diameter, 2);
  // Equal sizes: the one with vertex 0.
  EXPECT_EQ(double_sweep(8, std::vector<Edge>{{0, 1}, {1, 2}, {2, 3}, {4, 5}, {4, 6}, {4, 7}}).diameter, 3);
}

TEST(DoubleSweep, IsExactForTrees) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const mpc::PublicHash hash(seed);
    const std::uint64_t vertices = 2 + seed % 30;
    const mpc::PublicPermutation names(vertices, seed);
    std::vector<Edge> edges;
    for (std::uint64_t v = 1; v < vertices; ++v) edges.push_back({names(v), names(hash.below(v, v))});
    EXPECT_EQ(double_sweep(vertices, edges).diameter, true_sweep(vertices, edges).diameter) << "seed " << seed;
  }
}

TEST(DoubleSweep, IsALowerBoundWithinAFactorOfTwo) {
  std::map<bool, int> exact;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::uint64_t vertices = 5 + seed % 25;
    const auto edges = tests::random_pairs(vertices, vertices + seed % 9, seed);
    const auto [eccentricity, diameter] = true_sweep(vertices, edges);
    const auto sweep = double_sweep(vertices, edges);
    const auto bound = sweep.diameter;
    EXPECT_EQ(sweep.eccentricity, eccentricity) << "seed " << seed;
    const auto wide = double_sweep(vertices, edges, 0);
    EXPECT_EQ(wide.eccentricity, sweep.eccentricity) << "seed " << seed;
    EXPECT_EQ(wide.diameter, sweep.diameter) << "seed " << seed;
    EXPECT_LE(bound, diameter) << "seed " << seed;
    EXPECT_GE(2 * bound, diameter) << "seed " << seed;
    ++exact[bound == diameter];
  }
  EXPECT_GT(exact[true], 150);
}

}  // namespace
}  // namespace protocols::oracle
