#include "transformer_bridge/compile/graph_tokens.h"

#include "protocols/graph/spread.h"

#include "transformer_bridge/compile/item_tokens.h"

namespace bridge {

Dealing graph_dealing(std::uint64_t edges, std::uint64_t machines) { return item_dealing(edges, 2, machines); }

protocols::GraphInput deal_graph(TransformerCluster& cluster, const protocols::Graph& graph, mpc::Ranks& ranks) {
  auto dealt = deal_words(cluster, 2 * graph.first, protocols::words_of(std::span(graph.share)), ranks);
  return {{graph.active, graph.edges}, graph.vertices - graph.active, graph.ids.numbering(),
          cluster.model().machines,    cluster.machines_here(),       protocols::items_of<protocols::Edge>(std::move(dealt))};
}

}  // namespace bridge
