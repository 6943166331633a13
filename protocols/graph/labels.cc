#include "protocols/graph/labels.h"

#include <algorithm>

#include <fmt/core.h>

#include "mpc/hash.h"

#include "protocols/graph/pair_writer.h"
#include "protocols/graph/radix_sort.h"
#include "protocols/graph/spread.h"

namespace protocols {
namespace {

/// Sends every item to the rank that to(item) names; items for the same rank keep their order.
template <class To>
std::vector<VertexLabel> send_to(std::vector<VertexLabel> items, To to, mpc::Ranks& ranks) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(ranks.size()));
  for (const auto& item : items) ++counts[to(item)];
  std::vector<VertexLabel> scratch;
  radix_sort(items, scratch, to);
  release(scratch);
  return exchange_items(std::move(items), std::move(counts), ranks);
}

/// The labels of this rank's block of compact ids, each exactly once.
std::vector<std::uint64_t> block_labels(const Graph& graph, std::vector<VertexLabel> labels, mpc::Ranks& ranks) {
  const auto& ids = graph.ids;
  mpc::together(ranks, [&] {
    for (auto& [vertex, label] : labels) {
      if (vertex >= graph.active) throw mpc::Fault(fmt::format("labels: expected vertices below {}, found {}", graph.active, vertex));
      vertex = ids.compact(vertex);
    }
  });
  labels = send_to(
      std::move(labels), [&](const VertexLabel& item) { return ids.home(item.vertex); }, ranks);
  std::vector<std::uint64_t> result(ids.block().size());
  std::vector<bool> labelled(result.size());
  mpc::together(ranks, [&] {
    for (const auto& [vertex, label] : labels) {
      const auto place = vertex - ids.block_first();
      if (labelled[place])
        throw mpc::Fault(fmt::format("labels: expected one for every vertex, found two for vertex {}", ids.block()[place]));
      labelled[place] = true;
      result[place] = label;
    }
    const auto missing = std::ranges::find(labelled, false);
    if (missing != labelled.end()) {
      const auto vertex = ids.block()[static_cast<std::size_t>(missing - labelled.begin())];
      throw mpc::Fault(fmt::format("labels: expected one for every vertex, found none for vertex {}", vertex));
    }
  });
  return result;
}

/// Replaces each label by the least vertex that has it anywhere. The items of a rank are in ascending order of vertices.
void least_vertex_of_label(std::vector<VertexLabel>& items, mpc::Ranks& ranks) {
  constexpr auto by_label = [](const VertexLabel& item) { return item.label; };
  std::vector<VertexLabel> scratch;
  radix_sort(items, scratch, by_label);
  std::vector<VertexLabel> least;  // one for each label here
  for (const auto& item : items) {
    if (least.empty() || least.back().label != item.label) least.push_back(item);
  }
  // A rank, chosen by the label, takes the least over the ranks and answers in the order asked.
  const auto parts = static_cast<std::uint64_t>(ranks.size());
  const auto judge = [&](const VertexLabel& item) { return mpc::PublicHash(0).below(parts, item.label); };
  std::vector<std::size_t> counts(parts), received;
  for (const auto& item : least) ++counts[judge(item)];
  radix_sort(least, scratch, judge);
  auto asked = exchange_items(std::move(least), std::move(counts), received, ranks);
  auto best = asked;
  std::ranges::sort(best, [](const auto& a, const auto& b) { return a.label < b.label || (a.label == b.label && a.vertex < b.vertex); });
  for (auto& item : asked) item.vertex = std::ranges::lower_bound(best, item.label, {}, by_label)->vertex;
  least = exchange_items(std::move(asked), std::move(received), ranks);
  radix_sort(least, scratch, by_label);
  auto at = least.begin();
  for (auto& item : items) {
    while (at->label != item.label) ++at;
    item.label = at->vertex;
  }
  radix_sort(items, scratch, [](const VertexLabel& item) { return item.vertex; });
}

}  // namespace

std::vector<VertexLabel> smallest_original(const Graph& graph, std::vector<VertexLabel> labels, mpc::Ranks& ranks) {
  const auto words = block_labels(graph, std::move(labels), ranks);
  const auto block = graph.ids.block();
  std::vector<VertexLabel> named(block.size());
  for (std::size_t i = 0; i < block.size(); ++i) named[i] = {block[i], words[i]};
  least_vertex_of_label(named, ranks);
  // Isolated vertices are their own component.
  const auto active = static_cast<std::ptrdiff_t>(named.size());
  graph.ids.isolated([&](std::uint64_t id) {
    named.push_back({id, id});
    return true;
  });
  std::inplace_merge(named.begin(), named.begin() + active, named.end());
  return named;
}

void write_labels(const std::string& path, std::span<const VertexLabel> labels, mpc::Ranks& ranks) {
  PairWriter writer(path, "", ranks);
  writer.write(labels);
  writer.close();
}

}  // namespace protocols
