#include "protocols/graph/edge_list.h"

#include <optional>
#include <vector>

#include <fmt/core.h>

#include "protocols/graph/edge_scanner.h"
#include "protocols/graph/pair_writer.h"
#include "protocols/graph/spread.h"

namespace protocols {

RawEdges read_edge_list(const std::string& path, std::optional<std::uint64_t> vertices, mpc::Ranks& ranks) {
  constexpr std::size_t batch_pairs = std::size_t{1} << 20;
  const bool reads = ranks.rank() == 0;
  std::optional<EdgeScanner> scanner;
  RawEdges raw;
  raw.source = path;
  bool more = true;
  while (more) {
    std::vector<Edge> batch;
    // A single rank keeps what it reads.
    auto& pairs = ranks.size() == 1 ? raw.pairs : batch;
    mpc::together(ranks, [&] {
      if (reads && !scanner) scanner.emplace(path, vertices);
      more = reads && scanner->read(pairs, batch_pairs);
    });
    more = ranks.maximum(more) != 0;
    if (ranks.size() == 1) continue;
    auto counts = counts_by_start(0, batch.size(), even_starts(batch.size(), ranks.size()));
    batch = exchange_items(std::move(batch), std::move(counts), ranks);
    raw.pairs.insert(raw.pairs.end(), batch.begin(), batch.end());
  }
  raw.declared = static_cast<Declared>(ranks.maximum(reads ? static_cast<std::uint64_t>(scanner->declared()) : 0));
  raw.count = ranks.maximum(reads ? scanner->count() : 0);
  return raw;
}

void write_edge_list(const std::string& path, const Graph& graph, mpc::Ranks& ranks) {
  std::string header;
  if (graph.ids.declared() == Declared::range) header = fmt::format("# vertices: {}\n", graph.vertices);
  if (graph.ids.declared() == Declared::count) header = fmt::format("# Nodes: {} Edges: {}\n", graph.vertices, graph.edges);
  // Vertices that only a loop declared.
  std::vector<Edge> lone;
  if (graph.ids.declared() != Declared::range) {
    graph.ids.isolated([&](std::uint64_t id) {
      lone.push_back({id, id});
      return true;
    });
  }
  PairWriter writer(path, header, ranks);
  writer.write<Edge>(lone);
  writer.write(graph.share.size(), [&](std::size_t first, std::size_t count) {
    const auto edges = std::span(graph.share).subspan(first, count);
    return graph.ids.originals(words_of(edges), ranks);
  });
  writer.close();
}

}  // namespace protocols
