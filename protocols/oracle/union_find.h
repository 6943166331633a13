#pragma once

#include <cstdint>
#include <vector>

#include "protocols/graph/packed_edges.h"

namespace protocols::oracle {

/// Connected components by union-find with path halving, the smallest id as the root: label[v] is the smallest vertex of v's component.
/// Ids are below `vertices`; loops and duplicates are harmless. O(m log n) at most.
std::vector<std::uint64_t> component_labels(std::uint64_t vertices, const PackedEdges& edges);

}  // namespace protocols::oracle
