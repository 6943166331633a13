#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/graph/edge.h"

namespace protocols::oracle {

struct Cycles {
  std::uint64_t count = 0;
  std::vector<std::uint64_t> smallest;  ///< per vertex, the smallest vertex of its cycle
};

/// Walks along every cycle of a 2-regular graph on the vertices 0..vertices-1. O(n).
/// Throws mpc::Fault if a vertex has another degree or an id is too large.
Cycles count_cycles(std::uint64_t vertices, std::span<const Edge> edges);

}  // namespace protocols::oracle
