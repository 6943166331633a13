#pragma once

#include <cstdint>
#include <optional>

#include "mpc/ranks.h"

#include "protocols/graph/graph.h"

namespace protocols {

/// A vertex that breaks a rule about degrees.
struct OddVertex {
  std::optional<std::uint64_t> original;  ///< nothing: an isolated vertex that was only counted
  std::uint64_t degree = 0;
};

/// The vertex of smallest original id whose degree is not `degree`; isolated vertices have degree 0, and those of unknown id come last.
/// Nothing if the graph is regular. The same on every rank. Collective; reads graph.share.
std::optional<OddVertex> first_vertex_of_degree_other_than(const Graph& graph, std::uint64_t degree, mpc::Ranks& ranks);

}  // namespace protocols
