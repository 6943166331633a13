#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/edge.h"
#include "protocols/graph/raw_edges.h"
#include "protocols/graph/vertex_ids.h"

namespace protocols {

/// A simple undirected graph, spread over the ranks. Its edges are between protocol ids, 0..active-1: only vertices with an edge have
/// one, and isolated vertices are counted. The same source, ids and seed give the same graph for every number of ranks.
struct Graph {
  std::uint64_t vertices = 0;  ///< n, isolated ones included
  std::uint64_t active = 0;    ///< vertices with an edge
  std::uint64_t edges = 0;     ///< m, without loops and duplicates
  std::vector<Edge> share;     ///< this rank's edges, u < v, ascending; the ranks' shares concatenate in rank order
  std::uint64_t first = 0;     ///< index of share.front() among all edges
  VertexIds ids;
};

/// Numbers the vertices, drops loops and duplicates, sorts, and gives every rank m / size() edges. Collective; uses about three times
/// the memory of raw.pairs. Throws mpc::InputError on every rank if the ids contradict the declared count.
Graph build(RawEdges raw, Ids ids, std::uint64_t seed, mpc::Ranks& ranks);

/// Takes the edges out of the graph: rank r gets the edges [first_edge_of_rank[r], first_edge_of_rank[r + 1]), in order. There are
/// size() + 1 ascending bounds. Everything but graph.share stays valid. Collective.
std::vector<Edge> redistribute(Graph& graph, std::span<const std::uint64_t> first_edge_of_rank, mpc::Ranks& ranks);

}  // namespace protocols
