#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/graph.h"

namespace protocols {

struct VertexLabel {
  std::uint64_t vertex = 0, label = 0;
  friend constexpr auto operator<=>(const VertexLabel&, const VertexLabel&) = default;
};

/// From labels that are equal exactly within a component to the smallest original id of each component. `labels` are this rank's protocol
/// ids and their labels, any words; every active vertex has one on some rank. Returns this rank's part of (original id, smallest original
/// id of its component) for all vertices of known id, isolated ones included; the parts concatenate to ascending order, and the whole is
/// the same for every number of ranks. Collective. Throws with Exit::fault on every rank if a vertex has no label, or two.
std::vector<VertexLabel> smallest_original(const Graph& graph, std::vector<VertexLabel> labels, mpc::Ranks& ranks);

/// Writes lines "vertex label" in rank order; gzip if the path ends in ".gz"; "-" is standard output.
/// Collective. Throws with Exit::fault on every rank if writing fails.
void write_labels(const std::string& path, std::span<const VertexLabel> labels, mpc::Ranks& ranks);

}  // namespace protocols
