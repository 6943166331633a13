#include "bench/command/written_graph.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "protocols/graph/generators.h"

namespace roundtrip {
namespace {

/// Vertices, or edges, that a process has room for, and their tokens.
constexpr std::uint64_t most_written = std::uint64_t{1} << 25;

/// Ids of all vertices that are known, ascending.
std::vector<std::uint64_t> known_ids(const protocols::RawEdges& raw, const std::vector<protocols::Edge>& edges) {
  std::vector<std::uint64_t> ids;
  const auto count = raw.declared == protocols::Declared::range ? raw.count : 2 * edges.size();
  if (count > 2 * most_written) {
    throw mpc::Error(mpc::Exit::over_budget,
                     fmt::format("{}: {} vertices or ends of edges are too many for one process; expected at most {}", raw.source, count,
                                 2 * most_written));
  }
  if (raw.declared == protocols::Declared::range) {
    for (std::uint64_t i = 0; i < raw.count; ++i) ids.push_back(raw.lowest + i);
    return ids;
  }
  for (const auto& [u, v] : edges) ids.insert(ids.end(), {u, v});
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

}  // namespace

WrittenGraph load_written(const InputOptions& options, std::uint64_t seed, mpc::Ranks& ranks) {
  if (!options.graph) throw mpc::UsageError("expected --graph, a file or a generator");
  const auto raw = protocols::load(*options.graph, options.vertices, seed, ranks, options.format.value_or(protocols::Format::automatic));
  std::vector<std::uint64_t> words;
  for (const auto& [u, v] : raw.pairs) words.insert(words.end(), {u, v});
  words = ranks.gather(words);
  WrittenGraph graph;
  graph.name = *options.graph;
  for (std::size_t i = 0; i < words.size(); i += 2) graph.edges.push_back({words[i], words[i + 1]});

  auto ids = known_ids(raw, graph.edges);
  if (raw.declared == protocols::Declared::count && raw.count < ids.size()) {
    throw mpc::InputError(fmt::format("{}: {} vertices are declared, and {} occur", graph.name, raw.count, ids.size()));
  }
  graph.vertices = ids.size();
  const bool random = options.ids == protocols::Ids::random && graph.vertices != 0;
  const mpc::PublicPermutation order(std::max<std::uint64_t>(1, graph.vertices), mpc::PublicHash(seed)(graph.vertices, 41));
  graph.originals.resize(graph.vertices);
  const auto number = [&](std::uint64_t id) {
    const auto at = static_cast<std::uint64_t>(std::ranges::lower_bound(ids, id) - ids.begin());
    if (at == ids.size() || ids[at] != id) {
      throw mpc::InputError(fmt::format("{}: vertex {} is outside the declared range", graph.name, id));
    }
    return random ? order(at) : at;
  };
  for (const auto id : ids) graph.originals[number(id)] = id;
  for (auto& [u, v] : graph.edges) u = number(u), v = number(v);
  return graph;
}

std::string WrittenGraph::label_lines(const std::vector<std::uint64_t>& labels) const {
  std::vector<std::uint64_t> smallest(vertices, std::numeric_limits<std::uint64_t>::max());
  for (std::uint64_t v = 0; v < vertices; ++v) smallest[labels[v]] = std::min(smallest[labels[v]], originals[v]);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> lines;
  for (std::uint64_t v = 0; v < vertices; ++v) lines.emplace_back(originals[v], smallest[labels[v]]);
  std::ranges::sort(lines);
  std::string text;
  for (const auto& [vertex, label] : lines) text += fmt::format("{} {}\n", vertex, label);
  return text;
}

}  // namespace roundtrip
