#include "bench/command/check_roundtrip.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mpc/clock.h"
#include "mpc/hash.h"
#include "mpc/transport/mpi.h"

#include "transformer_bridge/simulate/schemes.h"

#include "bench/command/problem.h"
#include "bench/command/revision.h"
#include "bench/command/run_options.h"
#include "bench/command/text.h"
#include "bench/command/traced_problem.h"

namespace roundtrip {
namespace {

/// Two cycles of about n/3 and 2n/3 vertices, whose vertices have random names and whose edges come in random order.
std::vector<protocols::Edge> shuffled_cycles(std::uint64_t n, std::uint64_t seed) {
  const mpc::PublicHash hash(seed);
  const mpc::PublicPermutation name(n, hash(n, 51)), place(n, hash(n, 52));
  std::vector<protocols::Edge> edges(n);
  const auto first = n / 3;
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto after = i + 1 == first ? 0 : i + 1 == n ? first : i + 1;
    edges[place(i)] = {name(i), name(after)};
  }
  return edges;
}

/// A protocol, and the sizes that it is checked at.
struct Case {
  std::string name;
  std::vector<std::uint64_t> machines;
  std::function<TracedProblem(std::uint64_t machines, std::uint64_t seed)> problem;
};

const std::vector<Case>& cases() {
  constexpr unsigned bits = 8;
  static const std::vector<Case> all{
      {"cycles/doubling",
       {1, 5, 24, 64},
       [](std::uint64_t q, std::uint64_t seed) {
         return traced_cycles(shuffled_cycles(q, seed), q, fmt::format("cycles of {} vertices", q));
       }},
      {"compose/lookup", {1, 3, 8}, [](std::uint64_t q, std::uint64_t seed) { return traced_compose(6, q, seed); }},
      {"broadcast/tree", {1, 13, 32}, [](std::uint64_t q, std::uint64_t seed) { return traced_broadcast(q, bits, seed); }},
      {"reduce/min", {2, 13, 32}, [](std::uint64_t q, std::uint64_t seed) { return traced_reduce("min", q, bits, seed); }},
      {"reduce/max", {3, 13, 32}, [](std::uint64_t q, std::uint64_t seed) { return traced_reduce("max", q, bits, seed); }},
      {"sort/bitonic", {2, 7, 16}, [](std::uint64_t q, std::uint64_t seed) { return traced_sort(q, bits, seed); }},
  };
  return all;
}

/// What a protocol was on its way there and back.
struct Row {
  std::string name;
  std::uint64_t machines = 0, rounds = 0, rounds_declared = 0;
  std::uint64_t layers = 0, tokens = 0, width = 0, head_width = 0;
  std::uint64_t words = 0, depth = 0, simulating = 0, back_rounds = 0, back_formula = 0, moved = 0;
  bool exact = false, messages_right = false, weights_right = false, same_bits = false;
  double wall_s = 0;

  bool good() const { return std::string_view(verdict()) == "ok"; }
  const char* verdict() const {
    if (!exact) return "INEXACT";
    if (!messages_right) return "PROTOCOL WRONG";
    if (rounds != rounds_declared || layers != rounds + 1) return "LAYERS";
    if (!weights_right) return "WEIGHTS WRONG";
    if (!same_bits) return "SIMULATION WRONG";
    return back_rounds == back_formula ? "ok" : "ROUNDS";
  }
};

bool right(const TracedProblem& problem, const std::function<std::uint64_t(std::uint64_t machine, std::size_t word)>& answer) {
  for (std::uint64_t i = 0; i < problem.expected.size(); ++i) {
    for (std::size_t w = 0; w < problem.expected[i].size(); ++w) {
      if (answer(i, w) != problem.expected[i][w]) return false;
    }
  }
  return true;
}

template <class Real>
Row run_case(const std::string& name, const TracedProblem& problem, const CheckRoundtripOptions& options, mpc::Ranks& ranks) {
  const auto start = mpc::seconds_now();
  mpc::MpiTransport transport(ranks);
  const auto there = problem.run(transport, problem.bounds.least_memory);
  const auto compiled = problem.compile(bridge::number_type_of<Real>);
  const auto& model = compiled.model;
  const auto transformer = bridge::converted<Real>(model.transformer);
  const auto x = bridge::converted<Real>(compiled.tokens(problem.input));

  const auto kernels = make_kernels<Real>(options.device, ranks);
  bridge::Program<Real> program(transformer, *kernels);
  const auto y = program.forward(x);
  const bridge::SchemeChoice choice{bridge::Scheme::theorem2, options.words == "min" ? 0 : whole_number(options.words, "--words"),
                                    options.tile};
  const auto size = bridge::size_of(program, x.rows(), choice);
  const auto back = bridge::run(program, choice, size, x, transport);

  Row row;
  row.name = name;
  row.machines = problem.model.machines;
  row.rounds = there.ledger.rounds.size();
  row.rounds_declared = problem.bounds.rounds;
  row.layers = transformer.layers().size();
  row.tokens = x.rows();
  row.width = transformer.width();
  row.head_width = size.trees->shape().head_width;
  row.words = size.words;
  row.depth = size.trees->depth();
  row.simulating = size.machines;
  row.back_rounds = back.ledger.rounds.size();
  row.back_formula = 2 * row.depth * (row.rounds + 1) + 2;
  row.moved = back.ledger.words();
  row.exact = bridge::certify(model, model.type).exact;
  row.messages_right = right(problem, [&](std::uint64_t machine, std::size_t word) { return there.answers[machine][word]; });
  row.weights_right = right(
      problem, [&](std::uint64_t machine, std::size_t word) { return compiled.answer[word].template of<Real>(y.row(machine)).value(); });
  row.same_bits = back.rows == y;
  row.wall_s = slowest_since(start, ranks);
  return row;
}

constexpr const char* line = "{:<16} {:>5} {:>4} {:>4} {:>6} {:>5} {:>5} {:>7} {:>3} {:>9} {:>5} {:>7} {:>14} {:>8}  {}\n";

void print_head() {
  fmt::print(line, "protocol", "q", "R", "L", "N", "m", "mH", "s", "D", "machines", "R2", "formula", "words moved", "wall_s", "");
}

void print_row(const Row& row) {
  fmt::print(line, row.name, row.machines, row.rounds, row.layers, row.tokens, row.width, row.head_width, grouped(row.words), row.depth,
             grouped(row.simulating), row.back_rounds, row.back_formula, grouped(row.moved), fmt::format("{:.3f}", row.wall_s),
             row.verdict());
  std::fflush(stdout);
}

std::string json_report(const std::vector<Row>& rows, const CheckRoundtripOptions& options, int ranks) {
  nlohmann::ordered_json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["ranks"] = ranks;
  json["seed"] = options.seed;
  json["dtype"] = options.dtype;
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    json["rows"].push_back({{"protocol", row.name},
                            {"machines", row.machines},
                            {"rounds", row.rounds},
                            {"rounds_declared", row.rounds_declared},
                            {"layers", row.layers},
                            {"tokens", row.tokens},
                            {"width", row.width},
                            {"head_width", row.head_width},
                            {"words", row.words},
                            {"depth", row.depth},
                            {"simulating_machines", row.simulating},
                            {"simulating_rounds", row.back_rounds},
                            {"simulating_rounds_formula", row.back_formula},
                            {"words_moved", row.moved},
                            {"wall_s", row.wall_s},
                            {"verdict", row.verdict()}});
  }
  return json.dump(2) + "\n";
}

}  // namespace

void declare(CLI::App& command, CheckRoundtripOptions& options) {
  std::vector<std::string> names;
  for (const auto& one : cases()) names.push_back(one.name);
  command.add_option("--protocols", options.protocols, fmt::format("of {} (default: all)", fmt::join(names, ", ")))
      ->delimiter(',')
      ->option_text("LIST");
  command
      .add_option_function<std::vector<std::string>>(
          "--machines",
          [&options](const std::vector<std::string>& words) {
            for (const auto& word : words) options.machines.push_back(whole_number(word, "--machines"));
          },
          "of the protocols (default: their own sizes; cycles 1, 5, 24, 64)")
      ->delimiter(',')
      ->option_text("LIST");
  command.add_option("--words", options.words, "s of the machines that simulate, or `min` (default)")->option_text("S|min");
  whole_option(
      command, "--tile", [&](std::uint64_t tile) { options.tile = tile; }, "tokens a machine (default 1)")
      .option_text("B");
  command.add_option("--dtype", options.dtype, "(default f32)")
      ->check(CLI::IsMember({"f32", "f64"}).description(""))
      ->option_text("f32|f64");
  whole_option(
      command, "--seed", [&](std::uint64_t seed) { options.seed = seed; }, "of the inputs (default 1)")
      .option_text("K");
  declare(command, options.device);
  command.add_option("--json", options.json, "the rows as JSON; - is standard output, which then holds nothing else")->option_text("FILE");
}

mpc::Exit check_roundtrip(const CheckRoundtripOptions& options, mpc::Ranks& ranks) {
  check_words(options.words);
  for (const auto machines : options.machines) {
    if (machines == 0) throw mpc::UsageError("--machines: 0; expected at least 1");
  }
  if (options.tile == 0) throw mpc::UsageError("--tile is 0; expected at least 1");
  for (const auto& name : options.protocols) {
    if (std::ranges::find(cases(), name, &Case::name) != cases().end()) continue;
    std::vector<std::string> names;
    for (const auto& one : cases()) names.push_back(one.name);
    throw mpc::UsageError(fmt::format("--protocols: no '{}'; expected some of: {}", name, fmt::join(names, ", ")));
  }
  expect_writable({options.json}, ranks);
  const bool shown = ranks.rank() == 0 && options.json != "-";
  if (shown) print_head();
  std::vector<Row> rows;
  for (const auto& one : cases()) {
    if (!options.protocols.empty() && std::ranges::find(options.protocols, one.name) == options.protocols.end()) continue;
    for (const auto machines : options.machines.empty() ? one.machines : options.machines) {
      const auto problem = one.problem(machines, options.seed);
      rows.push_back(options.dtype == "f32" ? run_case<float>(one.name, problem, options, ranks)
                                            : run_case<double>(one.name, problem, options, ranks));
      if (shown) print_row(rows.back());
    }
  }
  const auto good = std::ranges::count_if(rows, &Row::good);
  if (options.json != "-") {
    write_text(
        "-",
        fmt::format("\n{} of {} rows: the protocol on messages, its transformer in weights and that transformer as a protocol give the "
                    "answer of a serial oracle, bit for bit;\nL = R + 1 layers, and R2 = 2 D (R + 1) + 2 rounds back\n",
                    good, rows.size()),
        ranks);
  }
  write_text(options.json, json_report(rows, options, ranks.size()), ranks);
  return good == static_cast<std::ptrdiff_t>(rows.size()) ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
