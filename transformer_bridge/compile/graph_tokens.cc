#include "transformer_bridge/compile/graph_tokens.h"

#include <algorithm>

#include "protocols/graph/spread.h"

namespace bridge {
namespace {

/// An input word on its way to the rank that holds its token.
struct TokenWord {
  std::uint64_t token, word;
};

std::uint64_t first_word(std::uint64_t machine, std::uint64_t edges, std::uint64_t machines) {
  return 2 * protocols::GraphInput::first_edge(machine, edges, machines);
}

}  // namespace

Dealing graph_dealing(std::uint64_t edges, std::uint64_t machines) {
  Dealing dealing;
  dealing.words = 2 * edges;
  dealing.share = 2 * ((edges + machines - 1) / machines);
  dealing.destination = [edges, machines](std::uint64_t token) {
    // The last machine whose share begins at this edge or before: the inverse of first_edge.
    const auto edge = token / 2;
    const auto machine = static_cast<std::uint64_t>(((static_cast<mpc::DoubleWord>(edge) + 1) * machines - 1) / edges);
    return Dealing::Destination{machine, token - first_word(machine, edges, machines)};
  };
  dealing.share_of = [edges, machines](std::uint64_t machine) {
    return first_word(machine + 1, edges, machines) - first_word(machine, edges, machines);
  };
  return dealing;
}

protocols::GraphInput deal_graph(TransformerCluster& cluster, const protocols::Graph& graph, mpc::Ranks& ranks) {
  std::vector<std::vector<TokenWord>> to(static_cast<std::size_t>(ranks.size()));
  auto token = 2 * graph.first;
  for (const auto& [u, v] : graph.share) {
    for (const auto word : {u, v}) {
      to[cluster.host(token)].push_back({token, word});
      ++token;
    }
  }
  std::vector<TokenWord> words;
  std::vector<std::size_t> counts;
  for (const auto& some : to) {
    words.insert(words.end(), some.begin(), some.end());
    counts.push_back(some.size());
  }
  words = protocols::exchange_items(std::move(words), std::move(counts), ranks);
  std::ranges::sort(words, {}, &TokenWord::token);
  std::vector<std::uint64_t> mine;
  for (const auto& [its_token, word] : words) mine.push_back(word);
  cluster.deal(mine);

  const auto here = cluster.machines_here();
  std::vector<protocols::Edge> share;
  for (std::size_t local = 0; local < here.count; ++local) {
    const auto& dealt = cluster.dealt(local);
    for (std::size_t i = 0; i < dealt.size(); i += 2) share.push_back({dealt[i], dealt[i + 1]});
  }
  const auto machines = cluster.model().machines;
  return {{graph.active, graph.edges}, graph.vertices - graph.active, graph.ids.numbering(), machines, here, std::move(share)};
}

}  // namespace bridge
