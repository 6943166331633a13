#include "protocols/graph/graph.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocols/graph/radix_sort.h"
#include "protocols/graph/spread.h"

namespace protocols {
namespace {

constexpr auto end_u = [](const Edge& edge) { return edge.u; };
constexpr auto end_v = [](const Edge& edge) { return edge.v; };

/// Moves the loops out, and leaves the other pairs as u < v.
std::vector<std::uint64_t> take_loops(std::vector<Edge>& pairs) {
  std::vector<std::uint64_t> loops;
  auto kept = pairs.begin();
  for (const auto [u, v] : pairs) {
    if (u == v) {
      loops.push_back(u);
    } else {
      *kept++ = {std::min(u, v), std::max(u, v)};
    }
  }
  pairs.erase(kept, pairs.end());
  return loops;
}

template <class End>
std::vector<std::uint64_t> distinct(const std::vector<Edge>& sorted, End end) {
  std::vector<std::uint64_t> ids;
  for (const auto& edge : sorted) {
    if (ids.empty() || ids.back() != end(edge)) ids.push_back(end(edge));
  }
  return ids;
}

void drop_duplicates(std::vector<Edge>& sorted) { sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end()); }

/// Sorts the edges, drops duplicates, and lists the ids in them, ascending.
std::vector<std::uint64_t> distinct_ends(std::vector<Edge>& edges) {
  std::vector<Edge> scratch;
  radix_sort(edges, scratch, end_v);
  auto upper = distinct(edges, end_v);
  radix_sort(edges, scratch, end_u);  // stable: now by (u, v)
  release(scratch);
  drop_duplicates(edges);
  auto lower = distinct(edges, end_u);
  std::vector<std::uint64_t> both;
  both.reserve(lower.size() + upper.size());
  std::ranges::set_union(lower, upper, std::back_inserter(both));
  release(lower);
  release(upper);
  both.shrink_to_fit();
  return both;
}

/// Renames one end of each edge; the edges are sorted by it, so that one walk does.
template <class Member>
void rename(std::vector<Edge>& sorted, Member end, std::span<const std::uint64_t> ids, std::span<const std::uint64_t> names) {
  std::size_t at = 0;
  for (auto& edge : sorted) {
    while (ids[at] != edge.*end) ++at;
    edge.*end = names[at];
  }
}

/// Sorts all ranks' edges together, without duplicates.
void sort_globally(std::vector<Edge>& edges, std::vector<Edge>& scratch, mpc::Ranks& ranks) {
  radix_sort(edges, scratch);
  drop_duplicates(edges);
  if (ranks.size() == 1) return;
  const std::span<const Edge> mine(edges);
  auto counts = counts_below<Edge>(mine, splitters(mine, ranks));
  release(scratch);
  edges = exchange_items(std::move(edges), std::move(counts), ranks);
  radix_sort(edges, scratch);
  drop_duplicates(edges);
}

}  // namespace

Graph build(RawEdges raw, Ids ids, std::uint64_t seed, mpc::Ranks& ranks) {
  auto edges = std::exchange(raw.pairs, {});
  auto loops = take_loops(edges);
  Graph graph;
  std::vector<Edge> scratch;
  {
    const auto originals = distinct_ends(edges);
    auto names = originals;
    graph.ids = VertexIds::number(names, std::move(loops), raw, ids, seed, ranks);
    rename(edges, &Edge::u, originals, names);
    radix_sort(edges, scratch, end_v);
    rename(edges, &Edge::v, originals, names);
  }
  for (auto& [u, v] : edges) {
    if (u > v) std::swap(u, v);
  }
  sort_globally(edges, scratch, ranks);
  release(scratch);

  const auto starts = part_starts(edges.size(), ranks);
  graph.vertices = graph.ids.vertices();
  graph.active = graph.ids.active();
  graph.edges = starts.back();
  graph.first = starts[static_cast<std::size_t>(ranks.rank())];
  graph.share = std::move(edges);
  const auto even = even_starts(graph.edges, ranks.size());
  graph.share = redistribute(graph, even, ranks);
  graph.first = even[static_cast<std::size_t>(ranks.rank())];
  return graph;
}

std::vector<Edge> redistribute(Graph& graph, std::span<const std::uint64_t> first_edge_of_rank, mpc::Ranks& ranks) {
  auto share = std::exchange(graph.share, {});
  // Bounds need not cover all edges.
  const auto begin = std::clamp(first_edge_of_rank.front(), graph.first, graph.first + share.size());
  const auto end = std::clamp(first_edge_of_rank.back(), begin, graph.first + share.size());
  share.erase(share.begin() + static_cast<std::ptrdiff_t>(end - graph.first), share.end());
  share.erase(share.begin(), share.begin() + static_cast<std::ptrdiff_t>(begin - graph.first));
  auto counts = counts_by_start(begin, share.size(), first_edge_of_rank);
  return exchange_items(std::move(share), std::move(counts), ranks);
}

}  // namespace protocols
