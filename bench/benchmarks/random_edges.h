#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mpc/hash.h"

#include "protocols/graph/edge.h"

/// Edges of random graphs, loops and repeated ones among them: for running components on.
namespace random_graphs {

using protocols::Edge;

inline std::vector<Edge> edges(std::uint64_t n, std::size_t m, std::uint64_t seed) {
  std::vector<Edge> result;
  for (std::size_t i = 0; i < m; ++i) result.push_back({mpc::mix(mpc::mix(seed) + 2 * i) % n, mpc::mix(mpc::mix(seed) + 2 * i + 1) % n});
  return result;
}

/// One component: a random tree, and random edges besides.
inline std::vector<Edge> connected(std::uint64_t n, std::size_t m, std::uint64_t seed) {
  auto result = edges(n, m, seed);
  for (std::uint64_t v = 1; v < n && v <= m; ++v) result[v - 1] = {v, mpc::mix(mpc::mix(seed) ^ v) % v};
  return result;
}

}  // namespace random_graphs
