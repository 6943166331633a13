#include "bench/command/weights_programs.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/packed_edges.h"
#include "protocols/oracle/hops.h"
#include "protocols/oracle/union_find.h"
#include "protocols/sequence/sequence.h"

#include "transformer_bridge/programs/components.h"
#include "transformer_bridge/programs/hops.h"
#include "transformer_bridge/programs/induction.h"

#include "bench/command/text.h"
#include "bench/command/written_graph.h"

namespace roundtrip {
namespace {

using bridge::Matrix;

/// The first place in which two lists differ, as "WHAT i: got A, expected B"; nothing if there is none.
std::string first_difference(const char* what, std::uint64_t first, const std::vector<std::uint64_t>& got,
                             const std::vector<std::uint64_t>& expected, const std::function<std::string(std::uint64_t)>& shown) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (got[i] != expected[i]) {
      return fmt::format("{} {} has {}, and the serial oracle finds {}", what, first + i, shown(got[i]), shown(expected[i]));
    }
  }
  return {};
}

// ---- Connected components -------------------------------------------------------------------------------------------------------

/// No loops, and no edge twice.
WrittenGraph simple(WrittenGraph graph) {
  std::vector<protocols::Edge> edges;
  for (const auto& [u, v] : graph.edges) {
    if (u != v) edges.push_back({std::min(u, v), std::max(u, v)});
  }
  std::ranges::sort(edges);
  edges.erase(std::ranges::unique(edges).begin(), edges.end());
  graph.edges = std::move(edges);
  return graph;
}

enum class ComponentsVariant { labels, connected, shortcut };

ComponentsVariant components_variant(const std::string& name) {
  if (name.empty() || name == "labels") return ComponentsVariant::labels;
  if (name == "connected") return ComponentsVariant::connected;
  if (name == "shortcut") return ComponentsVariant::shortcut;
  throw mpc::UsageError(fmt::format("components has no variant '{}'; expected labels, connected or shortcut", name));
}

WeightsReading read_components(const WrittenGraph& graph, ComponentsVariant variant, bridge::ComponentsRule rule, const Matrix<double>& y,
                               bool verify) {
  const auto labels = bridge::components_labels(graph.vertices, y);
  std::uint64_t components = 0;
  for (std::uint64_t v = 0; v < labels.size(); ++v) components += labels[v] == v ? 1U : 0U;
  WeightsReading reading{{{"components", components}}, Verdict::skipped, {}, {}};
  const bool settled = bridge::labels_settled(labels, graph.edges);
  if (variant == ComponentsVariant::connected) {
    reading.answer.emplace_back("connected", bridge::is_connected(graph.vertices, y) ? "yes" : "no");
  }
  if (!settled) {
    // No oracle is needed to see this: an edge has two labels.
    reading.verdict = Verdict::wrong;
    reading.wrong = "the labels are not settled: the ends of an edge have different ones";
    const auto needed = bridge::blocks_needed(graph.vertices, graph.edges, rule);
    reading.advice = fmt::format("this graph needs {} blocks: --blocks {}", needed, needed);
    return reading;
  }
  if (!verify) return reading;
  const auto expected = protocols::oracle::component_labels(graph.vertices, graph.edges);
  reading.wrong = first_difference("vertex", 0, labels, expected, [](std::uint64_t label) { return std::to_string(label); });
  const bool connected = std::ranges::all_of(expected, [](std::uint64_t label) { return label == 0; });
  if (reading.wrong.empty() && variant == ComponentsVariant::connected && connected != bridge::is_connected(graph.vertices, y)) {
    reading.wrong = fmt::format("the graph is {}connected, and its tokens say otherwise", connected ? "" : "not ");
  }
  reading.verdict = reading.wrong.empty() ? Verdict::verified : Verdict::wrong;
  return reading;
}

// ---- Sequences ------------------------------------------------------------------------------------------------------------------

constexpr auto no_symbol = std::numeric_limits<std::uint64_t>::max();

/// The whole sequence that the options name, on every rank.
struct WholeSequence {
  std::string name;
  std::vector<std::uint64_t> symbols;
  std::uint64_t alphabet = 0;
  std::vector<std::string> names;  // on rank 0

  std::string symbol(std::uint64_t s) const { return s == no_symbol ? "-" : names.empty() ? std::to_string(s) : names[s]; }
};

WholeSequence load_whole(const WeightsRequest& request, mpc::Ranks& ranks) {
  if (!request.input) {
    throw mpc::UsageError(fmt::format("{}: expected --input, a text of symbols or sequence:N,ALPHABET", request.protocol));
  }
  auto sequence = protocols::load_sequence(*request.input, request.model.seed, ranks);
  WholeSequence whole{*request.input, ranks.gather(sequence.share), sequence.symbols, std::move(sequence.names)};
  if (whole.symbols.empty()) throw mpc::InputError(fmt::format("{}: no symbols; expected at least one", whole.name));
  return whole;
}

WeightsSubject sequence_subject(WholeSequence loaded, std::uint64_t k, bridge::CompiledModel model, std::uint64_t positions) {
  auto sequence = std::make_shared<const WholeSequence>(std::move(loaded));
  WeightsSubject subject;
  subject.title = fmt::format("{} on {}", model.name, sequence->name);
  subject.lines = fmt::format("  {} positions, {} symbols, k = {}\n", grouped(sequence->symbols.size()), sequence->alphabet, k);
  subject.facts = {{"program", model.name},
                   {"input", sequence->name},
                   {"n", std::uint64_t{sequence->symbols.size()}},
                   {"symbols", sequence->alphabet},
                   {"k", k}};
  subject.x = bridge::hops_tokens<double>(positions, sequence->alphabet, sequence->symbols);
  for (std::size_t i = 0; i < sequence->symbols.size(); ++i) {
    subject.token_names.push_back(fmt::format("{}:{}", i + 1, sequence->symbol(sequence->symbols[i])));
  }
  const auto answers = [sequence, positions](const Matrix<double>& y) {
    return bridge::hops_answers(positions, sequence->alphabet, y, no_symbol);
  };
  subject.read = [sequence, answers, k](const Matrix<double>& y, bool verify) {
    const auto found = answers(y);
    WeightsReading reading{{{"last_hop", sequence->symbol(found.back())}}, Verdict::skipped, {}, {}};
    if (!verify) return reading;
    const auto expected = protocols::oracle::hops(sequence->symbols, k, no_symbol);
    reading.wrong = first_difference("position", 1, found, expected, [&](std::uint64_t symbol) { return sequence->symbol(symbol); });
    reading.verdict = reading.wrong.empty() ? Verdict::verified : Verdict::wrong;
    return reading;
  };
  subject.label_lines = [sequence, answers](const Matrix<double>& y) {
    const auto found = answers(y);
    std::string text;
    for (std::size_t i = 0; i < found.size(); ++i) text += fmt::format("{} {}\n", i + 1, sequence->symbol(found[i]));
    return text;
  };
  subject.model = std::move(model);
  return subject;
}

/// Every position that the bits of this many can name: longer sequences cost nothing.
std::uint64_t positions_for(std::size_t length) { return (std::uint64_t{1} << std::bit_width(length)) - 1; }

void expect_no_variant(const WeightsRequest& request) {
  if (!request.variant.empty()) throw mpc::UsageError(fmt::format("{} has no variants", request.protocol));
}

}  // namespace

WeightsSubject components_in_weights(const WeightsRequest& request, mpc::Ranks& ranks) {
  const auto variant = components_variant(request.variant);
  const auto rule = variant == ComponentsVariant::shortcut ? bridge::ComponentsRule::shortcut : bridge::ComponentsRule::contract;
  auto graph = std::make_shared<const WrittenGraph>(simple(load_written(request, request.model.seed, ranks)));
  if (graph->vertices == 0) throw mpc::InputError(fmt::format("{}: no vertices; expected at least one", graph->name));
  WeightsSubject subject;
  const auto n = graph->vertices;
  subject.model = variant == ComponentsVariant::connected ? bridge::connected(n, request.blocks, request.type, rule)
                                                          : bridge::components(n, request.blocks, request.type, rule);
  subject.title = fmt::format("{} on {}", subject.model.name, graph->name);
  if (const auto tokens = n + 2 * graph->edges.size(); tokens > subject.model.transformer.tokens()) {
    throw mpc::Error(mpc::Exit::inexact,
                     fmt::format("{} has {} tokens, n + 2 m; {} averages at most {} exactly", graph->name, grouped(tokens),
                                 bridge::facts(request.type).name, grouped(subject.model.transformer.tokens())));
  }
  subject.lines = fmt::format("  n = {} vertices, m = {} edges, ids {}\n", grouped(n), grouped(graph->edges.size()),
                              request.ids == protocols::Ids::random ? "random" : "as given");
  subject.facts = {{"program", subject.model.name}, {"graph", graph->name}, {"n", n}, {"m", std::uint64_t{graph->edges.size()}}};
  subject.x = bridge::components_tokens<double>(n, graph->edges);
  for (std::uint64_t v = 0; v < n; ++v) subject.token_names.push_back(fmt::format("v{}", v));
  for (const auto& [u, v] : graph->edges) {
    subject.token_names.push_back(fmt::format("{}-{}", u, v));
    subject.token_names.push_back(fmt::format("{}-{}", v, u));
  }
  subject.read = [graph, variant, rule](const Matrix<double>& y, bool verify) { return read_components(*graph, variant, rule, y, verify); };
  subject.label_lines = [graph](const Matrix<double>& y) { return graph->label_lines(bridge::components_labels(graph->vertices, y)); };
  return subject;
}

WeightsSubject hops_in_weights(const WeightsRequest& request, mpc::Ranks& ranks) {
  expect_no_variant(request);
  if (!request.k || *request.k == 0) throw mpc::UsageError("hops: expected --k, at least 1");
  auto sequence = load_whole(request, ranks);
  const auto positions = positions_for(sequence.symbols.size());
  auto model = bridge::hops(*request.k, positions, sequence.alphabet, request.type);
  return sequence_subject(std::move(sequence), *request.k, std::move(model), positions);
}

WeightsSubject induction_in_weights(const WeightsRequest& request, mpc::Ranks& ranks) {
  expect_no_variant(request);
  auto sequence = load_whole(request, ranks);
  const auto positions = positions_for(sequence.symbols.size());
  auto model = bridge::induction(positions, sequence.alphabet, request.type);
  return sequence_subject(std::move(sequence), 1, std::move(model), positions);
}

}  // namespace roundtrip
