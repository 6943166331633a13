#include "bench/command/check_theorem2.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mpc/transport/mpi.h"

#include "transformer_bridge/formats/hugging_face_model.h"
#include "transformer_bridge/simulate/simulate.h"
#include "transformer_bridge/transformer/forward.h"

#include "bench/command/problem.h"
#include "bench/command/revision.h"
#include "bench/command/run_options.h"
#include "bench/command/scheme_row.h"
#include "bench/command/text.h"
#include "bench/command/theorem2_cases.h"
#include "bench/command/token_file.h"

namespace roundtrip {
namespace {

constexpr const char* installed_model = "build/models/all-MiniLM-L6-v2";
constexpr const char* installed_tokens = "bench/data/minilm-sentences.tokens";

/// Machines that the formula of a scheme gives, from b and D by the closed form, not by counting the trees.
std::uint64_t machines_formula(const bridge::SchemeChoice& choice, const bridge::SchemeSize& size) {
  if (choice.scheme == bridge::Scheme::local) return 1;
  if (!size.trees) return choice.machines;
  const auto b = size.trees->fan_out(), blocks = (size.trees->shape().tokens + choice.tile - 1) / choice.tile;
  std::uint64_t power = b;  // b^D, D the least with b^D >= blocks
  while (power < blocks) power *= b;
  return blocks + blocks * blocks + 2 * blocks * (power - b) / (b - 1);
}

/// A row, and what it is held against.
struct CheckedRow {
  SchemeRow row;
  double tolerance = 0;
  std::uint64_t machines_formula = 1, depth = 0;

  bool good() const {
    return row.error && *row.error <= tolerance && row.rounds == row.rounds_formula && row.machines == machines_formula &&
           row.max_kept_plus_sent <= row.words && row.max_kept_plus_received <= row.words;
  }
  const char* verdict() const {
    if (!row.error || !(*row.error <= tolerance)) return "WRONG";
    if (row.rounds != row.rounds_formula) return "ROUNDS";
    if (row.machines != machines_formula) return "MACHINES";
    return good() ? "ok" : "LOAD";
  }
  /// R (log_N s - log_N mH) / L, the constant in O(L / (delta' - delta)): it tends to 2.
  std::optional<double> constant() const {
    if (row.scheme != "theorem2" || row.tokens < 2 || row.words <= row.width) return {};
    const auto log = [](std::uint64_t x) { return std::log(static_cast<double>(x)); };
    return static_cast<double>(row.rounds) * (log(row.words) - log(row.width)) / log(row.tokens) / static_cast<double>(row.layers);
  }
};

/// max |x - y| / max |y|; NaN if a number on either side is not finite.
template <class Real>
double error_of(std::span<const Real> x, std::span<const double> y) {
  double most = 0, scale = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return std::numeric_limits<double>::quiet_NaN();
    most = std::max(most, std::abs(static_cast<double>(x[i]) - y[i]));
    scale = std::max(scale, std::abs(y[i]));
  }
  return scale == 0 ? most : most / scale;
}

class Table {
 public:
  explicit Table(bool shown) : shown_(shown) {}
  void title(const std::string& text) {
    if (!shown_) return;
    fmt::print("{}{}\n", std::exchange(first_, false) ? "" : "\n", text);
    fmt::print("  {:<14} {:>5} {:>9} {:>9} {:>3} {:>5} {:>7} {:>6} {:>11} {:>11} {:>14} {:>9} {:>9}\n", "scheme", "dtype", "s", "q", "D",
               "R", "formula", "const", "kept+sent", "kept+recv", "words moved", "error", "wall_s");
  }
  void line(const CheckedRow& checked) {
    if (!shown_) return;
    const auto& row = checked.row;
    const auto constant = checked.constant();
    fmt::print("  {:<14} {:>5} {:>9} {:>9} {:>3} {:>5} {:>7} {:>6} {:>11} {:>11} {:>14} {:>9.1e} {:>9.4f}  {}\n",
               row.scheme + (row.tile > 1 ? fmt::format(" B={}", row.tile) : ""), row.dtype, row.words == 0 ? "-" : grouped(row.words),
               grouped(row.machines), checked.depth == 0 ? "-" : std::to_string(checked.depth), row.rounds, row.rounds_formula,
               constant ? fmt::format("{:.2f}", *constant) : "-", grouped(row.max_kept_plus_sent), grouped(row.max_kept_plus_received),
               grouped(row.total_words), row.error.value_or(NAN), row.wall_s, checked.verdict());
    std::fflush(stdout);
  }

 private:
  bool shown_, first_ = true;
};

/// Everything that the check runs on.
struct Check {
  const CheckTheorem2Options& options;
  mpc::Ranks& ranks;
  mpc::MpiTransport transport;
  Table table;
  std::vector<CheckedRow> rows;

  /// One transformer under several choices, against the reference.
  template <class Real>
  void run(const std::string& name, const bridge::Transformer<Real>& transformer, const bridge::Matrix<Real>& x, std::size_t shown,
           const std::vector<bridge::SchemeChoice>& choices, const bridge::Matrix<double>& want, const bridge::Kernels<Real>& kernels) {
    bridge::Program<Real> program(transformer, kernels);
    for (const auto& choice : choices) {
      const auto size = bridge::size_of(program, x.rows(), choice);
      const auto result = bridge::run(program, choice, size, x, transport, shown);
      CheckedRow checked{row_of(name, program, choice, size, result)};
      checked.row.error = error_of<Real>(result.rows.values(), want.values());
      checked.tolerance = std::is_same_v<Real, float> ? 1e-5 : 1e-12;
      checked.machines_formula = machines_formula(choice, size);
      checked.depth = size.trees ? size.trees->depth() : 0;
      table.line(checked);
      rows.push_back(std::move(checked));
    }
  }
};

/// The transformer with padding hidden by its masks, cut to the tokens there are: as forward() takes it.
bridge::Transformer<double> hiding(const bridge::Transformer<double>& transformer, std::size_t tokens, std::size_t shown) {
  auto layers = transformer.layers();
  for (auto& layer : layers) {
    for (auto& head : layer.heads) head.mask = head.mask.of_first(shown);
  }
  return bridge::Transformer<double>(tokens, transformer.width(), std::move(layers));
}

void check_grid(Check& check) {
  const auto in_double = make_kernels<double>(check.options.device, check.ranks);
  const auto in_float = make_kernels<float>(check.options.device, check.ranks);
  std::uint64_t seed = check.options.seed * 1000;
  for (const auto& one : theorem2_grid()) {
    ++seed;
    const auto transformer = random_transformer<double>(one, seed);
    const auto x = random_ids<double>(one, seed);
    const auto shape = bridge::shape_of(transformer, one.tokens);
    const auto words = one.multiple * bridge::AttentionTrees::least_words(shape);
    constexpr std::uint64_t tile = 4;
    std::vector<bridge::SchemeChoice> choices{{bridge::Scheme::local},
                                              {bridge::Scheme::ring},
                                              {bridge::Scheme::ulysses, 0, 1, std::min<std::uint64_t>(4, one.heads)},
                                              {bridge::Scheme::theorem2, words}};
    if (one.tokens > tile) {
      choices.push_back({bridge::Scheme::theorem2, one.multiple * bridge::AttentionTrees::least_words(shape, tile), tile});
    }
    check.table.title(one.name());
    const auto want = bridge::forward(hiding(transformer, one.tokens, one.shown()), x);
    check.run<double>(one.name(), transformer, x, one.shown(), choices, want, *in_double);
    check.run<float>(one.name(), random_transformer<float>(one, seed), random_ids<float>(one, seed), one.shown(), choices, want, *in_float);
  }
}

/// A real model, and the first sequence of a file.
struct ModelInput {
  std::string folder;
  bridge::ModelConfig config;
  TokenSequence sequence;
};

/// Throws, before anything runs, for files that cannot be read and for an s that does not do.
ModelInput read_input(const std::string& folder, const std::string& tokens, std::uint64_t words, mpc::Ranks& ranks) {
  ModelInput input{folder, {}, {}};
  mpc::together(ranks, [&] { input.config = bridge::read_config(folder + "/config.json"); });
  const auto& config = input.config;
  input.sequence = read_tokens(tokens, config, ranks).front();
  const bridge::TransformerShape shape{input.sequence.ids.size(), config.width, config.width, config.heads, config.layers};
  if (words != 0) bridge::AttentionTrees(shape, words);
  return input;
}

void check_model(Check& check, const ModelInput& input, std::uint64_t words) {
  const auto& [folder, config, sequence] = input;
  const auto name = std::filesystem::path(folder).filename().string();
  std::vector<bridge::SchemeChoice> choices{{bridge::Scheme::local},
                                            {bridge::Scheme::ring},
                                            {bridge::Scheme::ulysses, 0, 1, std::min<std::uint64_t>(4, config.heads)},
                                            {bridge::Scheme::theorem2, words},
                                            {bridge::Scheme::theorem2, 0, 8}};
  check.table.title(fmt::format("{}, {} tokens, {} of them padding", name, sequence.ids.size(), sequence.ids.size() - sequence.shown));
  bridge::Matrix<double> want;
  {
    std::optional<bridge::Model<double>> model;
    mpc::together(check.ranks, [&] { model.emplace(bridge::read_model<double>(folder)); });
    want = bridge::forward(hiding(model->transformer, sequence.ids.size(), sequence.shown), sequence.column<double>());
    const auto kernels = make_kernels<double>(check.options.device, check.ranks);
    check.run<double>(name, model->transformer, sequence.column<double>(), sequence.shown, choices, want, *kernels);
  }
  std::optional<bridge::Model<float>> model;
  mpc::together(check.ranks, [&] { model.emplace(bridge::read_model<float>(folder)); });
  const auto kernels = make_kernels<float>(check.options.device, check.ranks);
  check.run<float>(name, model->transformer, sequence.column<float>(), sequence.shown, choices, want, *kernels);
}

std::string json_report(const std::vector<CheckedRow>& rows, const CheckTheorem2Options& options, int ranks) {
  nlohmann::ordered_json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["ranks"] = ranks;
  json["seed"] = options.seed;
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& checked : rows) {
    auto entry = json_of(checked.row);
    const auto constant = checked.constant();
    entry["machines_formula"] = checked.machines_formula;
    entry["constant"] = constant ? nlohmann::ordered_json(*constant) : nlohmann::ordered_json(nullptr);
    entry["verdict"] = checked.verdict();
    json["rows"].push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

}  // namespace

void declare(CLI::App& command, CheckTheorem2Options& options) {
  whole_option(
      command, "--seed", [&](std::uint64_t seed) { options.seed = seed; }, "of the random transformers (default 1)")
      .option_text("K");
  auto* model = command
                    .add_option("--model", options.model,
                                fmt::format("a model to run besides the random ones (default: {}, if it is there)", installed_model))
                    ->option_text("MODELDIR");
  command.add_option("--tokens", options.tokens, "whose first sequence it runs on")->option_text("FILE")->needs(model);
  model->needs("--tokens");
  command.add_option("--words", options.words, "s of the model under theorem2, or `min` (default 16384)")->option_text("S|min");
  command.add_flag("--no-model", options.no_model, "random transformers only")->excludes(model);
  declare(command, options.device);
  command.add_option("--json", options.json, "the rows as JSON; - is standard output, which then holds nothing else")->option_text("FILE");
}

mpc::Exit check_theorem2(const CheckTheorem2Options& options, mpc::Ranks& ranks) {
  check_words(options.words);
  expect_writable({options.json}, ranks);
  const auto words = options.words == "min" ? 0 : whole_number(options.words, "--words");
  Check check{options, ranks, mpc::MpiTransport(ranks), Table(ranks.rank() == 0 && options.json != "-"), {}};
  std::optional<ModelInput> input;
  std::string left_out;
  if (!options.model.empty()) {
    input = read_input(options.model, options.tokens, words, ranks);
  } else if (!options.no_model) {
    const auto there = std::filesystem::exists(installed_model) && std::filesystem::exists(installed_tokens);
    if (ranks.minimum(there ? 1 : 0) == 1) {
      input = read_input(installed_model, installed_tokens, words, ranks);
    } else {
      left_out = fmt::format("; no model in {}: bench/models/install.sh installs one", installed_model);
    }
  }
  check_grid(check);
  if (input) check_model(check, *input, words);
  const auto good = std::ranges::count_if(check.rows, &CheckedRow::good);
  if (options.json != "-") {
    write_text(
        "-",
        fmt::format("\n{} of {} rows: error within 1e-12 (float64) or 1e-5 (float32) of the float64 reference, rounds and machines as by "
                    "the formula, loads within s{}\n"
                    "programs (weights, row functions, masks) are not charged to s, as in the theorem; ring and ulysses run on 4 machines, "
                    "or as many as there are heads\n",
                    good, check.rows.size(), left_out),
        ranks);
  }
  write_text(options.json, json_report(check.rows, options, ranks.size()), ranks);
  return good == static_cast<std::ptrdiff_t>(check.rows.size()) ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
