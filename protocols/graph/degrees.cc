#include "protocols/graph/degrees.h"

#include <algorithm>
#include <span>
#include <vector>

#include "protocols/graph/radix_sort.h"
#include "protocols/graph/spread.h"

namespace protocols {
namespace {

/// A compact id, and how many edges of a chunk touch it.
struct Touched {
  std::uint64_t compact, times;
};

std::vector<Touched> count_ends(std::span<const Edge> edges, const VertexIds& ids) {
  std::vector<std::uint64_t> ends, scratch;
  ends.reserve(2 * edges.size());
  for (const auto& [u, v] : edges) {
    ends.push_back(ids.compact(u));
    ends.push_back(ids.compact(v));
  }
  radix_sort(ends, scratch);
  std::vector<Touched> touched;
  for (const auto end : ends) {
    if (touched.empty() || touched.back().compact != end) touched.push_back({end, 0});
    ++touched.back().times;
  }
  return touched;
}

/// Degrees of this rank's block of compact ids.
std::vector<std::uint64_t> degrees(const Graph& graph, mpc::Ranks& ranks) {
  constexpr std::size_t chunk = std::size_t{1} << 19;  // edges; bounds the memory
  std::vector<std::uint64_t> result(graph.ids.block().size());
  const auto chunks = ranks.maximum((graph.share.size() + chunk - 1) / chunk);
  for (std::uint64_t i = 0; i < chunks; ++i) {
    const auto from = std::min(i * chunk, graph.share.size());
    const auto edges = std::span(graph.share).subspan(from, std::min(chunk, graph.share.size() - from));
    auto touched = count_ends(edges, graph.ids);
    std::vector<std::size_t> counts(static_cast<std::size_t>(ranks.size()));
    for (const auto& vertex : touched) ++counts[graph.ids.home(vertex.compact)];
    touched = exchange_items(std::move(touched), std::move(counts), ranks);
    for (const auto& [compact, times] : touched) result[compact - graph.ids.block_first()] += times;
  }
  return result;
}

}  // namespace

std::optional<OddVertex> first_vertex_of_degree_other_than(const Graph& graph, std::uint64_t degree, mpc::Ranks& ranks) {
  const auto mine = degrees(graph, ranks);
  auto smallest = UINT64_MAX;
  std::uint64_t found = 0;
  const auto odd = std::ranges::find_if(mine, [&](std::uint64_t d) { return d != degree; });
  if (odd != mine.end()) {
    smallest = graph.ids.block()[static_cast<std::size_t>(odd - mine.begin())];
    found = *odd;
  }
  if (degree != 0) {
    graph.ids.isolated([&](std::uint64_t original) {
      if (original < smallest) smallest = original, found = 0;
      return false;
    });
  }
  const auto first = ranks.minimum(smallest);
  const auto its_degree = ranks.maximum(first == smallest ? found : 0);
  if (first != UINT64_MAX) return OddVertex{first, its_degree};
  if (degree != 0 && graph.ids.unnamed() != 0) return OddVertex{};
  return std::nullopt;
}

}  // namespace protocols
