#include "bench/command/verify.h"

#include <algorithm>
#include <vector>

#include "protocols/oracle/bfs.h"

namespace roundtrip {
namespace {

/// Everything that the ranks bring, on rank 0.
std::vector<std::uint64_t> on_first_rank(std::span<const std::uint64_t> mine, mpc::Ranks& ranks) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(ranks.size()), 0);
  counts[0] = mine.size();
  std::vector<std::size_t> received;
  return ranks.exchange(mine, counts, received);
}

struct Row {
  std::uint64_t expected, label;
  friend auto operator<=>(const Row&, const Row&) = default;
};

/// Whether the labels, (vertex, label) pairs, name every vertex once and split the vertices as the expected labels do.
bool same_classes(const std::vector<std::uint64_t>& pairs, const std::vector<std::uint64_t>& expected) {
  const auto n = expected.size();
  if (pairs.size() != 2 * n) return false;
  std::vector<bool> named(n, false);
  std::vector<Row> rows;
  rows.reserve(n);
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    if (pairs[i] >= n || named[pairs[i]]) return false;
    named[pairs[i]] = true;
    rows.push_back({expected[pairs[i]], pairs[i + 1]});
  }
  // A bijection between the two sets of labels: no expected label with two labels, and none the other way round.
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  const auto repeated = [&](auto field) { return std::ranges::adjacent_find(rows, {}, field) != rows.end(); };
  if (repeated(&Row::expected)) return false;
  std::ranges::sort(rows, {}, &Row::label);
  return !repeated(&Row::label);
}

}  // namespace

protocols::WholeGraph gather_graph(const protocols::Graph& graph, mpc::Ranks& ranks) {
  std::vector<std::uint64_t> words;
  words.reserve(2 * graph.share.size());
  for (const auto& edge : graph.share) words.insert(words.end(), {edge.u, edge.v});
  const auto all = on_first_rank(words, ranks);
  protocols::WholeGraph whole{graph.active, graph.vertices - graph.active, {}};
  whole.edges.reserve(all.size() / 2);
  for (std::size_t i = 0; i < all.size(); i += 2) whole.edges.push_back({all[i], all[i + 1]});
  return whole;
}

void verify(const Registered& protocol, const protocols::Answer& answer, const protocols::WholeGraph& graph, Verification& result,
            mpc::Ranks& ranks) {
  std::vector<std::uint64_t> pairs;
  pairs.reserve(2 * answer.labels.size());
  for (const auto& [vertex, label] : answer.labels) pairs.insert(pairs.end(), {vertex, label});
  pairs = on_first_rank(pairs, ranks);
  std::uint64_t shared[4] = {0, 0, 0, 0};  // verified, expected, diameter, eccentricity
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    const auto expected = protocol.oracle(graph);
    const bool right = expected.value == answer.value && (pairs.empty() || expected.labels.empty() || same_classes(pairs, expected.labels));
    const auto sweep = protocols::oracle::double_sweep(graph.vertices, graph.edges);
    shared[0] = right ? 1 : 0;
    shared[1] = expected.value;
    shared[2] = sweep.diameter;
    shared[3] = sweep.eccentricity;
  });
  ranks.reduce(shared, mpc::Reduction::sum);
  result.verdict = shared[0] == 1 ? Verdict::verified : Verdict::wrong;
  result.expected = shared[1];
  result.distances = Distances{shared[2], shared[3]};
}

}  // namespace roundtrip
