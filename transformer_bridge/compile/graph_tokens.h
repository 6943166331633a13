#pragma once

#include <cstdint>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/graph.h"
#include "protocols/graph_input.h"

#include "transformer_bridge/compile/transformer_cluster.h"

namespace bridge {

/// A graph as input tokens: N = 2m words, the ends of its sorted edges one after the other, dealt to machines as GraphInput says.
Dealing graph_dealing(std::uint64_t edges, std::uint64_t machines);

/// Runs the first layer on the graph's edges, of which `graph.share` are this rank's, and returns what the machines read. Collective.
protocols::GraphInput deal_graph(TransformerCluster& cluster, const protocols::Graph& graph, mpc::Ranks& ranks);

}  // namespace bridge
