#include "protocols/connectivity/edge_index.h"

#include <algorithm>

namespace protocols {

using mpc::Word;

void EdgeIndex::assemble(PackedEdges::Range edges, IndexedEdges& to) {
  positions_.clear();
  for (const auto& [u, v] : edges) {
    if (u != v) positions_.insert(positions_.end(), {owners_.position(u), owners_.position(v)});
  }
  std::ranges::sort(positions_);
  const auto repeated = std::ranges::unique(positions_);
  positions_.erase(repeated.begin(), repeated.end());

  to.known.clear();
  for (const auto at : positions_) {
    const auto vertex = owners_.key_at(at);
    to.known.push_back(pairing_.pack(vertex, vertex));
  }
  const auto index = [&](Word vertex) {
    return static_cast<Word>(std::ranges::lower_bound(positions_, owners_.position(vertex)) - positions_.begin());
  };
  to.edges.clear();
  for (const auto& [u, v] : edges) {
    if (u == v) continue;
    const auto a = index(u);
    const auto b = index(v);
    to.edges.push_back(pairing_.pack(mpc::min(a, b), mpc::max(a, b)));
  }
  std::ranges::sort(to.edges);
  const auto twice = std::ranges::unique(to.edges);
  to.edges.erase(twice.begin(), twice.end());
  to.shared = to.known.size();
}

std::span<const Word> EdgeIndex::least_of_neighbours(const IndexedEdges& graph) {
  least_.assign(graph.known.size(), UINT64_MAX);
  for (const auto edge : graph.edges) {
    const auto a = pairing_.high(edge);
    const auto b = pairing_.low(edge);
    least_[a] = mpc::min(least_[a], value(graph.known[b]));
    least_[b] = mpc::min(least_[b], value(graph.known[a]));
  }
  return least_;
}

std::uint64_t EdgeIndex::learn(IndexedEdges& graph, std::span<const Word> values) const {
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto known = pairing_.pack(vertex(graph.known[i]), values[i]);
    others += known != graph.known[i] ? 1U : 0U;
    graph.known[i] = known;
  }
  return others;
}

void EdgeIndex::share(IndexedEdges& graph, std::span<const char> shared) {
  const auto old = graph.known;
  moved_.resize(old.size());  // where each vertex goes
  Word place = 0;
  for (const bool wanted : {true, false}) {
    for (std::size_t i = 0; i < old.size(); ++i) {
      if ((shared[i] != 0) != wanted) continue;
      graph.known[place] = old[i];
      moved_[i] = place++;
    }
    if (wanted) graph.shared = place;
  }
  for (auto& edge : graph.edges) edge = pairing_.pack(moved_[pairing_.high(edge)], moved_[pairing_.low(edge)]);
}

}  // namespace protocols
