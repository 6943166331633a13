#include "bench/command/weights_protocols.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/transport/in_process.h"

#include "bench/command/text.h"
#include "bench/command/traced_problem.h"
#include "bench/command/written_graph.h"

namespace roundtrip {
namespace {

using bridge::Matrix;

constexpr unsigned primitive_word_bits = 16;

/// A protocol in weights, and its run on messages.
struct Traced {
  TracedProblem problem;
  bridge::CompiledProtocol compiled;
  MessageRun run;

  /// Word w of what machine i answers.
  std::uint64_t answer(const Matrix<double>& y, std::uint64_t machine, std::size_t word) const {
    return compiled.answer[word].of<double>(y.row(machine)).value();  // what is answered is held to the end
  }
};

void expect_variant(const WeightsRequest& request, const std::string& only) {
  if (request.variant.empty() || request.variant == only) return;
  throw mpc::UsageError(fmt::format("{} has no variant '{}' in weights; expected {}", request.protocol, request.variant, only));
}

std::uint64_t machines_of(const WeightsRequest& request) {
  if (!request.model.machines) throw mpc::UsageError(fmt::format("{} in weights: expected --machines", request.protocol));
  return *request.model.machines;
}

/// s: --words, which is at least the protocol's least, or that.
mpc::Words memory_of(const TracedProblem& problem, const WeightsRequest& request) {
  const auto least = problem.bounds.least_memory.count;
  if (request.model.words.empty() || request.model.words == "min") return problem.bounds.least_memory;
  const auto words = whole_number(request.model.words, "--words");
  if (words < least) {
    throw mpc::Error(mpc::Exit::over_budget,
                     fmt::format("s = {} words are too few for {}: expected at least {}", words, problem.name(), least));
  }
  return mpc::Words{words};
}

/// All but what depends on what the answer means: read, label_lines and facts of the input.
std::pair<WeightsSubject, std::shared_ptr<const Traced>> subject_of(TracedProblem problem, const WeightsRequest& request,
                                                                    const std::string& input) {
  const auto memory = memory_of(problem, request);
  mpc::InProcess transport;
  auto traced = std::make_shared<Traced>();
  traced->compiled = problem.compile(request.type);
  traced->run = problem.run(transport, memory);
  traced->problem = std::move(problem);

  WeightsSubject subject;
  const auto& its = traced->problem;
  subject.title = fmt::format("{}{}", its.name(), input.empty() ? "" : " on " + input);
  subject.lines = fmt::format("  q = {} machines, s = {} words of {} bits, R = {} rounds\n", grouped(its.model.machines), memory.count,
                              its.model.word_bits, traced->run.ledger.rounds.size());
  subject.facts = {{"protocol", its.protocol},
                   {"variant", its.variant},
                   {"machines", its.model.machines},
                   {"words", memory.count},
                   {"word_bits", std::uint64_t{its.model.word_bits}},
                   {"rounds", std::uint64_t{traced->run.ledger.rounds.size()}},
                   {"rounds_declared", its.bounds.rounds}};
  subject.model = traced->compiled.model;
  subject.x = traced->compiled.tokens(its.input);
  for (std::uint64_t t = 0; t < traced->compiled.input.tokens(); ++t) {
    subject.token_names.push_back(fmt::format("{}{}", t < its.model.machines ? "m" : "t", t));
  }
  subject.on_messages = [traced](std::size_t layer, std::size_t token) {
    std::vector<WeightsSubject::NamedWord> words;
    const auto& kept = traced->run.memory.at(layer);
    if (token >= kept.size()) return words;
    const auto& names = traced->compiled.memory.at(layer);
    for (std::size_t w = 0; w < names.size(); ++w) words.push_back({names[w].name, kept[token].at(w)});
    return words;
  };
  subject.difference = [traced](std::size_t layer, const Matrix<double>& rows) {
    return memory_difference(traced->compiled, traced->run, layer, rows);
  };
  return {std::move(subject), std::move(traced)};
}

/// The first answer that is not what the oracle, or the protocol on messages, says.
std::string first_wrong(const Traced& traced, const Matrix<double>& y) {
  for (std::uint64_t machine = 0; machine < traced.problem.expected.size(); ++machine) {
    for (std::size_t w = 0; w < traced.problem.expected[machine].size(); ++w) {
      const auto got = traced.answer(y, machine, w), expected = traced.problem.expected[machine][w];
      const auto sent = traced.run.answers[machine][w];
      if (got == expected && sent == expected) continue;
      return fmt::format("machine {} answers {}, on messages {}, and the serial oracle finds {}", machine, got, sent, expected);
    }
  }
  return {};
}

/// read(): what is found, and whether it is right.
void add_reading(WeightsSubject& subject, const std::shared_ptr<const Traced>& traced,
                 std::function<Facts(const Traced&, const Matrix<double>&)> answer) {
  subject.read = [traced, answer = std::move(answer)](const Matrix<double>& y, bool verify) {
    WeightsReading reading{answer(*traced, y), Verdict::skipped, {}, {}};
    if (!verify) return reading;
    reading.wrong = first_wrong(*traced, y);
    reading.verdict = reading.wrong.empty() ? Verdict::verified : Verdict::wrong;
    return reading;
  };
}

/// A subject whose answer is a word of each of the first `machines` machines.
WeightsSubject word_subject(TracedProblem problem, const WeightsRequest& request, std::uint64_t machines, const std::string& name) {
  auto [subject, traced] = subject_of(std::move(problem), request, "");
  add_reading(subject, traced, [name](const Traced& its, const Matrix<double>& y) { return Facts{{name, its.answer(y, 0, 0)}}; });
  subject.label_lines = [traced = traced, machines](const Matrix<double>& y) {
    std::string text;
    for (std::uint64_t i = 0; i < machines; ++i) text += fmt::format("{} {}\n", i, traced->answer(y, i, 0));
    return text;
  };
  return std::move(subject);
}

}  // namespace

WeightsSubject cycles_in_weights(const WeightsRequest& request, mpc::Ranks& ranks) {
  expect_variant(request, "doubling");
  auto graph = std::make_shared<const WrittenGraph>(load_written(request, request.model.seed, ranks));
  auto [subject, traced] = subject_of(traced_cycles(graph->edges, graph->vertices, graph->name, graph->originals), request, graph->name);
  subject.lines = fmt::format("  n = {} vertices, each once first and once second of {} edges\n", grouped(graph->vertices),
                              grouped(graph->edges.size())) +
                  subject.lines;
  subject.facts.insert(subject.facts.begin() + 2,
                       {{"graph", graph->name}, {"n", graph->vertices}, {"m", std::uint64_t{graph->edges.size()}}});
  const auto labels = [](const Traced& its, const Matrix<double>& y) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t v = 0; v < its.problem.model.machines; ++v) all.push_back(its.answer(y, v, 0));
    return all;
  };
  add_reading(subject, traced, [labels](const Traced& its, const Matrix<double>& y) {
    const auto all = labels(its, y);
    std::uint64_t cycles = 0;
    for (std::uint64_t v = 0; v < all.size(); ++v) cycles += all[v] == v ? 1U : 0U;
    return Facts{{"cycles", cycles}};
  });
  subject.label_lines = [traced = traced, graph, labels](const Matrix<double>& y) { return graph->label_lines(labels(*traced, y)); };
  return std::move(subject);
}

WeightsSubject compose_in_weights(const WeightsRequest& request, mpc::Ranks&) {
  if (!request.variant.empty()) throw mpc::UsageError("compose has no variants in weights");
  if (!request.n || !request.k) throw mpc::UsageError("compose in weights: expected --n and --k");
  const auto points = *request.n, maps = *request.k;
  if (points > 32 || maps > 1024) {
    throw mpc::UsageError(fmt::format(
        "compose in weights: --n {} and --k {}; expected at most 32 points, whose table a row holds, and 1024 maps", points, maps));
  }
  if (maps == 0) throw mpc::UsageError("compose in weights: --k is 0; expected a map");
  auto [subject, traced] = subject_of(traced_compose(points, maps, request.model.seed), request, "");
  subject.lines = fmt::format("  k = {} maps of n = {} points, one a machine\n", maps, points) + subject.lines;
  subject.facts.insert(subject.facts.begin() + 2, {{"n", points}, {"k", maps}});
  add_reading(subject, traced, [](const Traced& its, const Matrix<double>& y) { return Facts{{"value", its.answer(y, 0, 0)}}; });
  subject.label_lines = [traced = traced, points](const Matrix<double>& y) {
    std::string text;
    for (std::uint64_t x = 0; x < points; ++x) text += fmt::format("{} {}\n", x, traced->answer(y, 0, x));
    return text;
  };
  return std::move(subject);
}

WeightsSubject broadcast_in_weights(const WeightsRequest& request, mpc::Ranks&) {
  expect_variant(request, "tree");
  const auto machines = machines_of(request);
  return word_subject(traced_broadcast(machines, primitive_word_bits, request.model.seed), request, machines, "value");
}

WeightsSubject reduce_in_weights(const WeightsRequest& request, mpc::Ranks&) {
  const auto variant = request.variant.empty() ? std::string("min") : request.variant;
  return word_subject(traced_reduce(variant, machines_of(request), primitive_word_bits, request.model.seed), request, 1, variant);
}

WeightsSubject sort_in_weights(const WeightsRequest& request, mpc::Ranks&) {
  expect_variant(request, "bitonic");
  const auto machines = machines_of(request);
  return word_subject(traced_sort(machines, primitive_word_bits, request.model.seed), request, machines, "smallest");
}

}  // namespace roundtrip
