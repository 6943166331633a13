#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocols/graph/edge.h"

namespace protocols {

/// What a source says about vertices that no edge names.
enum class Declared {
  seen,   ///< nothing: the vertices are the ids that occur
  range,  ///< the vertices are lowest..lowest+count-1
  count,  ///< there are `count` vertices; the ids that do not occur are unknown
};

/// This rank's part of a graph as its source gives it. All but `pairs` is the same on every rank.
struct RawEdges {
  std::vector<Edge> pairs;  ///< original ids in any order, with duplicates; a loop declares its vertex and is no edge
  Declared declared = Declared::seen;
  std::uint64_t count = 0;   ///< vertices; 0 if only seen
  std::string source;        ///< "FILE", or what was generated: for errors
  std::uint64_t lowest = 0;  ///< of a range
};

}  // namespace protocols
