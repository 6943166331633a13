#pragma once

#include <cstdint>

#include "protocols/graph/packed_edges.h"

namespace protocols::oracle {

/// What two breadth-first searches find out about distances.
struct Sweep {
  std::uint64_t eccentricity = 0;  ///< of the smallest vertex of the component
  std::uint64_t diameter = 0;      ///< at least; exact for trees
};

/// A lower bound on the diameter of the component with the most vertices (the one with the smallest vertex, among equals): a breadth-first
/// search from its smallest vertex finds a farthest one, a second search from there measures. Zeros without edges. O(n + m).
/// Fewer than `narrow_below` vertices, at most 2^32 - 1, take 32 bits each in memory; more take 64.
Sweep double_sweep(std::uint64_t vertices, const PackedEdges& edges, std::uint64_t narrow_below = UINT32_MAX);

}  // namespace protocols::oracle
