#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "mpc/ranks.h"

#include "protocols/graph/generators.h"
#include "protocols/graph/graph.h"
#include "protocols/graph/text_sink.h"

namespace {

/// The graph's vertices under random numbers 0..n-1, its edges in random order, each with its ends in random order. The vertex n-1 has an
/// edge, so that programs that take n for the largest number plus one agree with the others.
std::vector<protocols::Edge> shuffled(const protocols::Graph& graph, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> number(graph.vertices);
  std::iota(number.begin(), number.end(), std::uint64_t{0});
  std::ranges::shuffle(number, random);
  // The active vertices come first in `number`.
  const auto last = std::ranges::find(number, graph.vertices - 1);
  std::iter_swap(last, number.begin() + static_cast<std::ptrdiff_t>(random() % graph.active));
  std::vector<protocols::Edge> edges;
  edges.reserve(graph.share.size());
  for (const auto& [u, v] : graph.share) {
    edges.push_back(random() % 2 == 0 ? protocols::Edge{number[u], number[v]} : protocols::Edge{number[v], number[u]});
  }
  std::ranges::shuffle(edges, random);
  return edges;
}

/// A line per edge, its ends numbered from `first`.
void write(const std::string& path, const std::string& header, std::span<const protocols::Edge> edges, std::uint64_t first,
           bool larger_end_first) {
  protocols::TextSink sink(path);
  sink.write(header);
  std::string text;
  for (auto [u, v] : edges) {
    if (larger_end_first && u < v) std::swap(u, v);
    fmt::format_to(std::back_inserter(text), "{} {}\n", u + first, v + first);
    if (text.size() < (std::size_t{1} << 20)) continue;
    sink.write(text);
    text.clear();
  }
  sink.write(text);
  sink.close();
}

}  // namespace

/// peer_prepare GRAPH SEED FILE.el FILE.mtx: writes a graph (a generator or an edge list, as for `roundtrip run --graph`), renumbered and
/// shuffled, as a bare edge list and as a Matrix Market file; prints n and m.
int main(int argc, char** argv) {
  std::uint64_t seed = 0;
  if (argc != 5 || std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), seed).ec != std::errc()) {
    fmt::print(stderr, "usage: peer_prepare GRAPH SEED FILE.el FILE.mtx\n");
    return static_cast<int>(mpc::Exit::usage);
  }
  try {
    mpc::SingleRank ranks;
    const auto graph = protocols::build(protocols::load(argv[1], std::nullopt, seed, ranks), protocols::Ids::as_given, seed, ranks);
    if (graph.edges == 0) throw mpc::InputError(fmt::format("{}: no edges, so nothing to compare; expected at least one", argv[1]));
    const auto edges = shuffled(graph, seed);
    write(argv[3], "", edges, 0, false);
    write(argv[4], fmt::format("%%MatrixMarket matrix coordinate pattern symmetric\n{0} {0} {1}\n", graph.vertices, graph.edges), edges, 1,
          true);
    fmt::print("vertices {}\nedges {}\n", graph.vertices, graph.edges);
  } catch (const mpc::Error& error) {
    fmt::print(stderr, "peer_prepare: {}\n", error.what());
    return static_cast<int>(error.exit());
  }
  return 0;
}
