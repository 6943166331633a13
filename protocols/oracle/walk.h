#pragma once

#include <cstdint>
#include <vector>

#include "protocols/graph/packed_edges.h"

namespace protocols::oracle {

struct Cycles {
  std::uint64_t count = 0;
  std::vector<std::uint64_t> smallest;  ///< per vertex, the smallest vertex of its cycle
};

/// Walks along every cycle of a 2-regular graph on the vertices 0..vertices-1. O(n).
/// Throws mpc::Fault if a vertex has another degree or an id is too large.
Cycles count_cycles(std::uint64_t vertices, const PackedEdges& edges);

}  // namespace protocols::oracle
