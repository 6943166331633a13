#include "bench/command/traced_problem.h"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "protocols/maps_input.h"
#include "protocols/straight_line/bitonic_sort.h"
#include "protocols/straight_line/compose_maps.h"
#include "protocols/straight_line/label_cycles.h"
#include "protocols/straight_line/trees.h"

#include "transformer_bridge/trace/tracing_cluster.h"

#include "bench/command/recording_cluster.h"

namespace roundtrip {
namespace {

/// The words of an answer: one word, or a vector.
template <class Answer>
std::vector<mpc::Word> words_of_answer(const Answer& answer) {
  if constexpr (std::is_convertible_v<Answer, mpc::Word>) {
    return {answer};
  } else {
    return {answer.begin(), answer.end()};
  }
}

/// Fills in what follows from the protocol: bounds and memory, and how it runs and compiles.
template <class Protocol>
void complete(TracedProblem& problem, const Protocol& protocol, std::uint64_t per_machine) {
  problem.bounds = protocol.bounds(problem.model);
  problem.model.memory = problem.bounds.least_memory;
  problem.model.input_words = problem.model.machines * per_machine * Protocol::item_words;
  problem.compile = [protocol, per_machine, model = problem.model, name = problem.name()](bridge::NumberType type) {
    bridge::TracingCluster cluster(model, per_machine, Protocol::item_words);
    auto kept = protocol.run(cluster, [&](const auto&, std::uint64_t slot, std::uint64_t word) { return cluster.dealt(slot, word); });
    const auto trace = cluster.finish([&](const auto& me) { return protocol.answer(kept[me]); });
    return bridge::compile_trace(trace, name, type);
  };
  problem.run = [protocol, per_machine, model = problem.model, input = problem.input](mpc::Transport& transport, mpc::Words memory) {
    auto its = model;
    its.memory = memory;
    RecordingCluster cluster(its, transport);
    auto kept = protocol.run(
        cluster, [&](const auto& me, std::uint64_t slot, std::uint64_t word) { return input(me.id().value * per_machine + slot, word); });
    std::vector<mpc::Word> here;
    cluster.inspect([&](const auto& me) {
      const auto words = words_of_answer(protocol.answer(kept[me]));
      here.insert(here.end(), words.begin(), words.end());
    });
    const auto all = transport.ranks().gather(here);
    MessageRun run;
    const auto each = static_cast<std::ptrdiff_t>(all.size() / model.machines);
    for (auto at = all.begin(); at != all.end(); at += each) run.answers.emplace_back(at, at + each);
    run.memory = cluster.recorded();
    run.ledger = cluster.finish();
    return run;
  };
}

mpc::Model model_of(std::uint64_t machines, unsigned word_bits, std::uint64_t seed) {
  mpc::Model model;
  model.n = model.machines = machines;
  // A trace knows every machine's input and answer, and attention looks at all of them.
  constexpr auto most = std::uint64_t{1} << 20;
  if (machines == 0 || machines > most) throw mpc::UsageError(fmt::format("{} machines; in weights expected 1 to {}", machines, most));
  model.word_bits = word_bits;
  model.seed = seed;
  return model;
}

/// A problem with a random word for each machine.
TracedProblem on_words(std::string protocol, std::string variant, std::uint64_t machines, unsigned word_bits, std::uint64_t seed) {
  if (word_bits < 1 || word_bits > 20) {
    throw mpc::UsageError(fmt::format("words of {} bits; expected 1 to 20, which float32 compares exactly", word_bits));
  }
  TracedProblem problem{std::move(protocol), std::move(variant), model_of(machines, word_bits, seed), {}, {}, {}, {}, {}};
  problem.input = [hash = mpc::PublicHash(seed), word_bits](std::uint64_t item, std::uint64_t) {
    return hash.below(std::uint64_t{1} << word_bits, item, 31);
  };
  return problem;
}

std::vector<mpc::Word> all_words(const TracedProblem& problem) {
  std::vector<mpc::Word> words;
  for (std::uint64_t i = 0; i < problem.model.machines; ++i) words.push_back(problem.input(i, 0));
  return words;
}

}  // namespace

TracedProblem traced_cycles(const std::vector<protocols::Edge>& edges, std::uint64_t vertices, const std::string& source,
                            const std::vector<std::uint64_t>& names) {
  const auto name = [&](std::uint64_t vertex) { return names.empty() ? vertex : names[vertex]; };
  if (edges.empty()) throw mpc::InputError(fmt::format("{}: no edge; expected cycles, each vertex once first and once second", source));
  std::vector<std::uint64_t> next(vertices, vertices), before(vertices, vertices);
  for (const auto& [from, to] : edges) {
    const auto take = [&](std::vector<std::uint64_t>& table, std::uint64_t at, std::uint64_t value, const char* place) {
      if (table[at] != vertices) {
        throw mpc::InputError(
            fmt::format("{}: vertex {} is the {} of two edges; in weights `cycles` takes edges as they are written, every "
                        "vertex once first and once second",
                        source, name(at), place));
      }
      table[at] = value;
    };
    take(next, from, to, "first");
    take(before, to, from, "second");
  }
  for (std::uint64_t v = 0; v < vertices; ++v) {
    if (next[v] != vertices && before[v] != vertices) continue;
    throw mpc::InputError(
        fmt::format("{}: vertex {} is the {} of no edge; in weights `cycles` takes edges as they are written, every vertex "
                    "once first and once second",
                    source, name(v), next[v] == vertices ? "first" : "second"));
  }
  const auto bits = static_cast<unsigned>(std::max<std::uint64_t>(1, mpc::ceil_log(2, vertices)));
  TracedProblem problem{"cycles", "doubling", model_of(vertices, bits, 1), {}, {}, {}, {}, {}};
  problem.input = [edges = std::make_shared<const std::vector<protocols::Edge>>(edges)](std::uint64_t item, std::uint64_t word) {
    return word == 0 ? (*edges)[item].u : (*edges)[item].v;
  };
  complete(problem, protocols::LabelCycles(), 1);
  // The oracle walks each cycle.
  problem.expected.resize(vertices);
  for (std::uint64_t v = 0; v < vertices; ++v) {
    if (!problem.expected[v].empty()) continue;
    auto u = v;
    do {
      problem.expected[u] = {v};  // the first that is met is the smallest
      u = next[u];
    } while (u != v);
  }
  return problem;
}

TracedProblem traced_compose(std::uint64_t points, std::uint64_t maps, std::uint64_t seed) {
  if (points == 0) throw mpc::UsageError("--n is 0; expected at least one point");
  const auto bits = static_cast<unsigned>(std::max<std::uint64_t>(1, mpc::ceil_log(2, points + 1)));  // a length is a word too
  TracedProblem problem{"compose", "lookup", model_of(maps, bits, seed), {}, {}, {}, {}, {}};
  const protocols::Maps all{points, maps, seed};
  problem.input = [all](std::uint64_t item, std::uint64_t) { return all.entry(item); };
  complete(problem, protocols::ComposeMaps(points), points);
  problem.expected.resize(maps);
  for (std::uint64_t x = 0; x < points; ++x) {
    auto image = x;
    for (std::uint64_t map = 0; map < maps; ++map) image = all.entry(map * points + image);
    problem.expected[0].push_back(image);
  }
  return problem;
}

TracedProblem traced_broadcast(std::uint64_t machines, unsigned word_bits, std::uint64_t seed) {
  auto problem = on_words("broadcast", "tree", machines, word_bits, seed);
  complete(problem, protocols::TreeBroadcast(), 1);
  problem.expected.assign(machines, {problem.input(0, 0)});
  return problem;
}

TracedProblem traced_reduce(const std::string& variant, std::uint64_t machines, unsigned word_bits, std::uint64_t seed) {
  auto problem = on_words("reduce", variant, machines, word_bits, seed);
  const auto words = all_words(problem);
  problem.expected.resize(machines);
  if (variant == "min") {
    complete(problem, protocols::TreeReduce<protocols::Extreme::smallest>(), 1);
    problem.expected[0] = {*std::ranges::min_element(words)};
  } else if (variant == "max") {
    complete(problem, protocols::TreeReduce<protocols::Extreme::largest>(), 1);
    problem.expected[0] = {*std::ranges::max_element(words)};
  } else {
    throw mpc::UsageError(fmt::format("reduce has no variant '{}'; expected min or max", variant));
  }
  return problem;
}

TracedProblem traced_sort(std::uint64_t machines, unsigned word_bits, std::uint64_t seed) {
  auto problem = on_words("sort", "bitonic", machines, word_bits, seed);
  complete(problem, protocols::BitonicSort(), 1);
  auto words = all_words(problem);
  std::ranges::sort(words);
  for (const auto word : words) problem.expected.push_back({word});
  return problem;
}

std::optional<std::string> memory_difference(const bridge::CompiledProtocol& compiled, const MessageRun& run, std::size_t layer,
                                             const bridge::Matrix<double>& rows) {
  const auto& words = compiled.memory.at(layer);
  const auto& kept = run.memory.at(layer);
  for (std::size_t machine = 0; machine < kept.size(); ++machine) {
    if (kept[machine].size() != words.size()) {
      return fmt::format("layer {}: machine {} keeps {} words on messages, and {} in its row", layer, machine, kept[machine].size(),
                         words.size());
    }
    for (std::size_t w = 0; w < words.size(); ++w) {
      const auto held = words[w].of<double>(rows.row(machine));
      if (held && *held != kept[machine][w]) {
        return fmt::format("layer {}: {} of machine {} is {} in its row, and {} on messages", layer, words[w].name, machine, *held,
                           kept[machine][w]);
      }
    }
  }
  return {};
}

}  // namespace roundtrip
