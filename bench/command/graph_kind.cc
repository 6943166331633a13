#include "bench/command/graph_kind.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include "mpc/hash.h"

#include "protocols/graph/generators.h"
#include "protocols/graph/labels.h"
#include "protocols/graph/packed_edges.h"
#include "protocols/oracle/bfs.h"

#include "transformer_bridge/compile/graph_tokens.h"

#include "bench/command/input_kind.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

using protocols::Graph;
using protocols::VertexLabel;
using protocols::WholeGraph;

std::uint64_t ceil_log2(std::uint64_t x) { return x <= 1 ? 0 : mpc::ceil_log(2, x); }

/// r >= ceil(log_s deg) - 1 for a Boolean function of degree C(n, 2), s in bits (Roughgarden, Vassilvitskii, Wang).
std::uint64_t shuffle_bound(std::uint64_t vertices, const mpc::Model& model) {
  const auto n = static_cast<double>(vertices);
  const auto bits = static_cast<double>(model.memory.count) * model.word_bits;
  if (vertices < 3) return 0;
  const auto exponent = std::log(n * (n - 1) / 2) / std::log(bits);
  return static_cast<std::uint64_t>(std::max(0.0, std::ceil(exponent) - 1));
}

struct Row {
  std::uint64_t expected, label;
  friend auto operator<=>(const Row&, const Row&) = default;
};

class LoadedGraph final : public LoadedInput {
 public:
  LoadedGraph(std::string name, Graph read) : name_(std::move(name)), loaded_(std::move(read)) {}

  std::any shape() const override { return protocols::Shape{graph().active, graph().edges}; }
  const std::any& loaded() const override { return loaded_; }
  std::any whole(mpc::Ranks& ranks) const override {
    auto edges = dealt_ ? dealt_->on_first_rank(ranks) : protocols::PackedEdges(graph().share, graph().active).on_first_rank(ranks);
    return WholeGraph{graph().active, graph().vertices - graph().active, std::move(edges)};
  }

  std::any deal(const mpc::Model& model, mpc::MachineBlock here, mpc::Ranks& ranks) override {
    const auto input = roundtrip::deal(std::any_cast<Graph&>(loaded_), model, here, ranks);
    dealt_ = input.share();
    return input;
  }
  std::unique_ptr<LoadedInput> copy() const override { return std::make_unique<LoadedGraph>(*this); }
  bridge::Dealing dealing(std::uint64_t machines) const override { return bridge::graph_dealing(graph().edges, machines); }
  std::any deal(bridge::TransformerCluster& cluster, mpc::Ranks& ranks) const override {
    return bridge::deal_graph(cluster, graph(), ranks);
  }

  std::string name() const override { return name_; }
  std::string line() const override {
    return fmt::format("  n = {} vertices ({} isolated), m = {} edges\n", grouped(graph().vertices),
                       grouped(graph().vertices - graph().active), grouped(graph().edges));
  }
  std::string note() const override { return graph().ids.numbering() == protocols::Ids::random ? ", ids random" : ", ids as given"; }
  Facts facts() const override { return {{"graph", name_}, {"n", graph().vertices}, {"m", graph().edges}}; }
  std::uint64_t fingerprint() const override {
    std::uint64_t sum = 0;  // edges are distinct, so their order says nothing more
    for (const auto& [u, v] : graph().share) sum += mpc::mix(mpc::mix(u) ^ v);
    return sum;
  }

  bool same_labels(const std::vector<VertexLabel>& labels, const std::vector<std::uint64_t>& expected) const override;
  void write_labels(const std::string& path, const std::vector<VertexLabel>& labels, mpc::Ranks& ranks) const override {
    protocols::write_labels(path, protocols::smallest_original(graph(), labels, ranks), ranks);
  }
  std::uint64_t labelled() const override { return graph().active; }

  std::optional<Distances> distances(const std::any& whole) const override {
    const auto& all = std::any_cast<const WholeGraph&>(whole);
    const auto sweep = protocols::oracle::double_sweep(all.vertices, all.edges);
    return Distances{sweep.diameter, sweep.eccentricity};
  }
  ReferenceLines reference_lines(const mpc::Model& model, const std::optional<Distances>& distances) const override {
    ReferenceLines lines{
        {reference::unconditional, shuffle_bound(graph().vertices, model), "shuffle bound", "for any protocol: shuffle bound, s in bits"}};
    if (!distances) {
      lines.push_back({reference::conditional, {}, {}, "D was not measured (--no-verify)"});
      return lines;
    }
    const auto& [diameter, eccentricity] = *distances;
    lines.push_back({reference::conditional, ceil_log2(diameter), "⌈log₂ D⌉",
                     fmt::format("= ceil(log2 D), a reference without a constant; D >= {} by double sweep", grouped(diameter))});
    lines.push_back({reference::ball_growing, ceil_log2(eccentricity), "⌈log₂ ecc⌉",
                     fmt::format("= ceil(log2 ecc), a floor for protocols that only forward ids; ecc = {}", grouped(eccentricity))});
    return lines;
  }

 private:
  const Graph& graph() const { return std::any_cast<const Graph&>(loaded_); }

  std::string name_;
  std::any loaded_;
  std::shared_ptr<const protocols::PackedEdges> dealt_;  // in place of the graph's share, which is dealt then
};

/// Whether the labels name every vertex once and split the vertices as the expected labels do.
bool LoadedGraph::same_labels(const std::vector<VertexLabel>& labels, const std::vector<std::uint64_t>& expected) const {
  const auto n = expected.size();
  if (labels.size() != n) return false;
  std::vector<bool> named(n, false);
  std::vector<Row> rows;
  rows.reserve(n);
  for (const auto& [vertex, label] : labels) {
    if (vertex >= n || named[vertex]) return false;
    named[vertex] = true;
    rows.push_back({expected[vertex], label});
  }
  // A bijection between the two sets of labels: no expected label with two labels, and none the other way round.
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  const auto repeated = [&](auto field) { return std::ranges::adjacent_find(rows, {}, field) != rows.end(); };
  if (repeated(&Row::expected)) return false;
  std::ranges::sort(rows, {}, &Row::label);
  return !repeated(&Row::label);
}

std::unique_ptr<LoadedInput> load(const InputOptions& options, std::uint64_t seed, mpc::Ranks& ranks) {
  const auto ids = options.ids.value_or(protocols::Ids::random);
  return std::make_unique<LoadedGraph>(*options.graph,
                                       protocols::build(protocols::load(*options.graph, options.vertices, seed, ranks,
                                                                        options.format.value_or(protocols::Format::automatic)),
                                                        ids, seed, ranks));
}

}  // namespace

template <>
const InputKind& kind_of<protocols::GraphInput>() {
  static const InputKind kind{"graphs", {{"--graph", true}, {"--format"}, {"--vertices"}, {"--ids"}}, load};
  return kind;
}

protocols::GraphInput deal(protocols::Graph& graph, const mpc::Model& model, mpc::MachineBlock here, mpc::Ranks& ranks) {
  const auto first_edges = first_items(graph.edges, model.machines, here, ranks);
  return {{graph.active, graph.edges},
          graph.vertices - graph.active,
          graph.ids.numbering(),
          model.machines,
          here,
          protocols::redistribute(graph, first_edges, ranks)};
}

}  // namespace roundtrip
