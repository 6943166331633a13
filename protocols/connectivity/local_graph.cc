#include "protocols/connectivity/local_graph.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

namespace protocols {

using mpc::MachineId;
using mpc::Word;

namespace {

/// Room for these words and not much more: graphs shrink, and there are many machines on a rank.
void keep(std::vector<Word>& words, std::span<const Word> now) {
  if (words.capacity() < now.size() || words.capacity() > now.size() + now.size() / 8) {
    std::vector<Word>().swap(words);
    words.reserve(now.size());
  }
  words.assign(now.begin(), now.end());
}

}  // namespace

bool LocalGraphs::unite(std::uint32_t a, std::uint32_t b) {
  a = root(a);
  b = root(b);
  if (a == b) return false;
  parent_[std::max(a, b)] = std::min(a, b);
  return true;
}

/// Radix sort by position; small lists go to std::sort.
void LocalGraphs::sort_occurrences() {
  constexpr std::size_t small = 128;
  if (occurrences_.size() < small) return std::sort(occurrences_.begin(), occurrences_.end());
  constexpr unsigned digit = 8, position_shift = 32;
  const auto bits = static_cast<unsigned>(std::bit_width(owners_.machines() * owners_.most_slots()));
  other_.resize(occurrences_.size());
  for (unsigned shift = position_shift; shift < position_shift + bits; shift += digit) {
    std::array<std::uint32_t, 1U << digit> offsets{};
    for (const auto o : occurrences_) ++offsets[(o >> shift) & 0xff];
    std::exclusive_scan(offsets.begin(), offsets.end(), offsets.begin(), 0U);
    for (const auto o : occurrences_) other_[offsets[(o >> shift) & 0xff]++] = o;
    occurrences_.swap(other_);
  }
}

void LocalGraphs::assemble(MachineId me, LocalGraph& graph, std::span<const NamedEdge> edges, std::span<const Word> labels) {
  occurrences_.clear();
  const auto add = [&](Word vertex, std::uint64_t occurrence) { occurrences_.push_back(owners_.position(vertex) << 32 | occurrence); };
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (edges[i].a == edges[i].b) continue;
    add(edges[i].a, 2 * i);
    add(edges[i].b, 2 * i + 1);
  }
  for (std::size_t slot = 0; slot < labels.size(); ++slot) {
    if (labels[slot] != owners_.key(me, slot)) add(labels[slot], 2 * edges.size() + slot);
  }
  sort_occurrences();

  // Provisional indices; then a forest of the edges; then only the keys that the forest or a label still names.
  index_.resize(2 * edges.size() + labels.size());
  std::uint32_t distinct = 0;
  for (std::size_t i = 0; i < occurrences_.size(); ++i) {
    if (i != 0 && occurrences_[i] >> 32 != occurrences_[i - 1] >> 32) ++distinct;
    index_[occurrences_[i] & 0xffffffffU] = distinct;
  }
  if (!occurrences_.empty()) ++distinct;
  parent_.resize(distinct);
  std::iota(parent_.begin(), parent_.end(), 0U);
  best_.assign(distinct, 0);  // 1: used
  edges_.clear();
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (edges[i].a == edges[i].b || !unite(index_[2 * i], index_[2 * i + 1])) continue;
    best_[index_[2 * i]] = best_[index_[2 * i + 1]] = 1;
    edges_.push_back(pairing_.pack(index_[2 * i], index_[2 * i + 1]));
  }
  const auto* label_index = index_.data() + 2 * edges.size();
  for (std::size_t slot = 0; slot < labels.size(); ++slot) {
    if (labels[slot] != owners_.key(me, slot)) best_[label_index[slot]] = 1;
  }
  keys_.clear();
  std::uint32_t provisional = 0;
  for (std::size_t i = 0; i < occurrences_.size(); ++i) {
    if (i != 0 && occurrences_[i] >> 32 == occurrences_[i - 1] >> 32) continue;
    if (best_[provisional] != 0) {
      best_[provisional] = static_cast<std::uint32_t>(keys_.size());
      keys_.push_back(owners_.key_at(occurrences_[i] >> 32));
    }
    ++provisional;
  }
  for (auto& edge : edges_) edge = pairing_.pack(best_[pairing_.high(edge)], best_[pairing_.low(edge)]);
  keep(graph.keys, keys_);
  keep(graph.edges, edges_);
  graph.labels.assign(labels.size(), 0);
  for (std::size_t slot = 0; slot < labels.size(); ++slot) {
    if (labels[slot] != owners_.key(me, slot)) graph.labels[slot] = 1 + best_[label_index[slot]];
  }
  keep(graph.moved, {});
}

void LocalGraphs::find_pieces(const LocalGraph& graph) {
  parent_.resize(graph.keys.size());
  std::iota(parent_.begin(), parent_.end(), 0U);
  for (const auto edge : graph.edges)
    unite(static_cast<std::uint32_t>(pairing_.high(edge)), static_cast<std::uint32_t>(pairing_.low(edge)));
}

void LocalGraphs::choose_representatives(const LocalGraph& graph) {
  const auto count = static_cast<std::uint32_t>(graph.keys.size());
  best_.resize(count);
  std::iota(best_.begin(), best_.end(), 0U);
  for (std::uint32_t i = 0; i < count; ++i) {
    auto& best = best_[root(i)];
    if (priorities_[i] < priorities_[best] || (priorities_[i] == priorities_[best] && graph.keys[i] < graph.keys[best])) best = i;
  }
  representative_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) representative_[i] = best_[root(i)];
}

std::span<const LocalGraphs::Neighbours> LocalGraphs::neighbours(const LocalGraph& graph) {
  neighbours_.assign(graph.keys.size(), {});
  const auto meet = [&](Word from, Word to) {
    auto& neighbours = neighbours_[from];
    neighbours.least = std::min(neighbours.least, graph.keys[to]);
    neighbours.larger = neighbours.larger || graph.keys[to] > graph.keys[from];
    ++neighbours.degree;
  };
  for (const auto edge : graph.edges) {
    const auto [a, b] = indices(edge);
    meet(a, b);
    meet(b, a);
  }
  return neighbours_;
}

std::span<const Word> LocalGraphs::labels(MachineId me, const LocalGraph& graph) {
  labels_.resize(owners_.slots(me));
  for (std::size_t slot = 0; slot < labels_.size(); ++slot) {
    const auto label = graph.labels.empty() ? 0 : graph.labels[slot];
    labels_[slot] = label == 0 ? owners_.key(me, slot) : graph.keys[label - 1];
  }
  for (const auto moved : graph.moved) labels_[pairing_.high(moved)] = pairing_.low(moved);
  return labels_;
}

}  // namespace protocols
