#include "protocols/graph/graph_writer.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "protocols/graph/graph_format.h"
#include "protocols/graph/pair_writer.h"
#include "protocols/graph/radix_sort.h"
#include "protocols/graph/spread.h"

namespace protocols {
namespace {

std::span<const std::uint64_t> ends_of(const Graph& graph, std::size_t first, std::size_t count) {
  return words_of(std::span(graph.share).subspan(first, count));
}

void write_edges(const std::string& path, const Graph& graph, mpc::Ranks& ranks) {
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
    auto ids = graph.ids.originals(ends_of(graph, first, count), ranks);
    for (auto& id : ids) id -= graph.ids.lowest();
    return ids;
  });
  writer.close();
}

void write_matrix_market(const std::string& path, const Graph& graph, mpc::Ranks& ranks) {
  PairWriter writer(
      path, fmt::format("%%MatrixMarket matrix coordinate pattern symmetric\n{} {} {}\n", graph.vertices, graph.vertices, graph.edges),
      ranks);
  writer.write(graph.share.size(), [&](std::size_t first, std::size_t count) {
    auto places = graph.ids.places(ends_of(graph, first, count), ranks);
    for (auto& place : places) ++place;
    for (std::size_t i = 0; i < places.size(); i += 2) {
      if (places[i] < places[i + 1]) std::swap(places[i], places[i + 1]);
    }
    return places;
  });
  writer.close();
}

/// The lines of the vertices in order, from (place of a vertex, place of a neighbour) in ascending order.
class Adjacency {
 public:
  explicit Adjacency(std::uint64_t vertices) : vertices_(vertices) {}

  std::string text(std::span<const std::uint64_t> words) {
    fmt::memory_buffer text;
    for (std::size_t i = 0; i < words.size(); i += 2) {
      go_to(words[i], text);
      if (!std::exchange(at_start_, false)) text.push_back(' ');
      const fmt::format_int neighbour(words[i + 1] + 1);
      text.append(neighbour.data(), neighbour.data() + neighbour.size());
    }
    return to_string(text);
  }
  std::string rest() {
    fmt::memory_buffer text;
    go_to(vertices_, text);
    return to_string(text);
  }

 private:
  void go_to(std::uint64_t vertex, fmt::memory_buffer& text) {
    for (; vertex_ < vertex; ++vertex_, at_start_ = true) text.push_back('\n');
  }

  std::uint64_t vertices_, vertex_ = 0;
  bool at_start_ = true;
};

void write_metis(const std::string& path, const Graph& graph, mpc::Ranks& ranks) {
  // Both listings of an edge, each on the rank that writes its line.
  std::vector<Edge> listings, scratch;
  {
    const auto places = graph.ids.places(ends_of(graph, 0, graph.share.size()), ranks);
    listings.reserve(places.size());
    for (std::size_t i = 0; i < places.size(); i += 2) {
      listings.push_back({places[i], places[i + 1]});
      listings.push_back({places[i + 1], places[i]});
    }
  }
  radix_sort(listings, scratch);
  const std::span<const Edge> mine(listings);
  auto counts = counts_below<Edge>(mine, splitters(mine, ranks));
  listings = exchange_items(std::move(listings), std::move(counts), ranks);
  radix_sort(listings, scratch);
  release(scratch);

  Adjacency adjacency(graph.vertices);
  PairWriter writer(path, fmt::format("{} {}\n", graph.vertices, graph.edges), ranks,
                    [&](std::span<const std::uint64_t> words) { return adjacency.text(words); });
  writer.write<Edge>(listings);
  writer.close([&] { return adjacency.rest(); });
}

}  // namespace

void write_graph_file(const std::string& path, const Graph& graph, mpc::Ranks& ranks) {
  switch (format_of_name(path)) {
    case Format::matrix_market: return write_matrix_market(path, graph, ranks);
    case Format::metis: return write_metis(path, graph, ranks);
    default: return write_edges(path, graph, ranks);
  }
}

}  // namespace protocols
