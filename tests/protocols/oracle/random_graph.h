#pragma once

#include <cstdint>
#include <vector>

#include "mpc/hash.h"

#include "protocols/graph/edge.h"

namespace tests {

/// Random pairs of the ids 0..vertices-1, loops and duplicates included.
inline std::vector<protocols::Edge> random_pairs(std::uint64_t vertices, std::uint64_t pairs, std::uint64_t seed) {
  const mpc::PublicHash hash(seed);
  std::vector<protocols::Edge> edges;
  for (std::uint64_t i = 0; i < pairs; ++i) edges.push_back({hash.below(vertices, i, 1), hash.below(vertices, i, 2)});
  return edges;
}

}  // namespace tests
