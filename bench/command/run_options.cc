#include "bench/command/run_options.h"

#include <charconv>
#include <filesystem>
#include <map>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "mpc/error.h"

#include "bench/command/carrier.h"

namespace roundtrip {

std::uint64_t whole_number(const std::string& text, const std::string& option) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    const auto* limit = error == std::errc::result_out_of_range ? " below 2^64" : "";
    throw mpc::UsageError(fmt::format("{} is '{}'; expected a whole number{}", option, text, limit));
  }
  return value;
}

void declare_format(CLI::App& command, std::optional<protocols::Format>& format) {
  using protocols::Format;
  const std::map<std::string, Format> formats{
      {"auto", Format::automatic}, {"edges", Format::edges}, {"mtx", Format::matrix_market}, {"metis", Format::metis}};
  command.add_option("--format", format, "of the file: auto (default) goes by a Matrix Market banner, then by the name")
      ->transform(CLI::CheckedTransformer(formats).description(""))
      ->option_text("auto|edges|mtx|metis");
}

std::vector<std::string> InputOptions::given() const {
  std::vector<std::string> names;
  if (graph) names.emplace_back("--graph");
  if (format) names.emplace_back("--format");
  if (vertices) names.emplace_back("--vertices");
  if (ids) names.emplace_back("--ids");
  if (input) names.emplace_back("--input");
  if (n) names.emplace_back("--n");
  if (k) names.emplace_back("--k");
  return names;
}

CLI::Option& whole_option(CLI::App& command, const std::string& name, const std::function<void(std::uint64_t)>& set,
                          const std::string& text) {
  return *command.add_option_function<std::string>(
      name, [name, set](const std::string& word) { set(whole_number(word, name)); }, text);
}

void declare(CLI::App& command, ProblemOptions& options) {
  const auto whole = [&command](const std::string& name, auto& target, const std::string& text) {
    return &whole_option(
        command, name, [&target](std::uint64_t value) { target = value; }, text);
  };
  command.add_option("protocol", options.protocol, "what to run: see `roundtrip list`")->required();
  command.add_option("--graph", options.graph,
                     "a file (edge list, .mtx, .graph; plain or .gz), or a generator: see `roundtrip graph --help`");
  command.add_option("--variant", options.variant, "how: see `roundtrip list`");
  whole("--vertices", options.vertices, "the vertices are 0..N-1")->option_text("N");
  declare_format(command, options.format);
  const std::map<std::string, protocols::Ids> ids{{"random", protocols::Ids::random}, {"as-given", protocols::Ids::as_given}};
  command.add_option("--ids", options.ids, "random: relabel by a public permutation (default); as-given (default with --weights)")
      ->transform(CLI::CheckedTransformer(ids).description(""))
      ->option_text("random|as-given");

  command
      .add_option(
          "--input", options.input,
          "a sequence: a text of symbols separated by white space (plain or .gz), or sequence:N,ALPHABET (no symbol twice in a row)")
      ->option_text("FILE|SPEC");
  whole("--k", options.k, "hops, or maps")->option_text("K");
  whole("--n", options.n, "points that are mapped")->option_text("N");

  auto& model = options.model;
  auto* delta =
      command.add_option("--delta", model.delta, "s = ceil(c N^delta), 0 < delta <= 1 (default 0.5)")->option_text("D")->group("Model");
  auto* words = command.add_option("--words", model.words, "s words a machine, or `min`: the least s of the protocol")
                    ->option_text("S|min")
                    ->group("Model");
  words->excludes(delta);
  command.add_option("--c", model.c, "the constant in s (default 8)")->option_text("C")->excludes(words)->group("Model");
  command.add_option("--slack", model.slack, "the constant in q = ceil(slack N^(1+gamma) / s) (default 8)")
      ->option_text("K")
      ->group("Model");
  command.add_option("--gamma", model.gamma, "(default 0)")->option_text("G")->group("Model");
  whole("--machines", model.machines, "q machines")->option_text("Q")->group("Model");
  whole("--seed", model.seed, "of the public hash, the relabelling and the generators (default 1)")->option_text("K")->group("Model");
}

void declare(CLI::App& command, RunOptions& options) {
  declare(command, static_cast<ProblemOptions&>(options));
  command.add_option("--transport", options.transport, Carrier::meaning() + ", in_process (one rank), scrambled (random delivery order)")
      ->check(CLI::IsMember({"auto", "mpi", "grid", "in_process", "scrambled"}).description(""))
      ->option_text("NAME");

  command.add_option("--json", options.json, "the result as JSON")->option_text("FILE")->group("Output (FILE may be -)");
  command.add_option("--csv", options.csv, "the result as one CSV row")->option_text("FILE")->group("Output (FILE may be -)");
  command.add_option("--ledger", options.ledger, "every round as a CSV row")->option_text("FILE")->group("Output (FILE may be -)");
  command.add_option("--labels", options.labels, "a line `vertex label` per vertex (position, point)")
      ->option_text("FILE")
      ->group("Output (FILE may be -)");
  auto* checkpoint = command.add_option("--checkpoint", options.checkpoint, "write checkpoints into this folder; the last two are kept")
                         ->option_text("DIR")
                         ->group("Checkpoints");
  whole_option(
      command, "--checkpoint-every", [&](std::uint64_t every) { options.checkpoint_every = every; }, "after every R-th round (default 10)")
      .option_text("R")
      ->needs(checkpoint)
      ->group("Checkpoints");
  command.add_option("--resume", options.resume, "go on from a checkpoint, or from the last one in a folder, on any number of ranks")
      ->option_text("DIR")
      ->group("Checkpoints");
  command.add_flag("--explain", options.explain, "attribute the rounds to their primitives");
  command.add_flag("--dry-run", options.dry_run, "say q, s and the declared rounds, and run nothing");
  command.add_flag("--no-verify", options.no_verify, "do not check the answer with a serial oracle");
}

namespace {

/// Whether two paths lead to one file, or would.
bool same_file(const std::string& a, const std::string& b) {
  const auto real = [](const std::string& path) {
    std::error_code none;
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path, none), none);
  };
  std::error_code none;
  return real(a) == real(b) || std::filesystem::equivalent(a, b, none);
}

}  // namespace

std::vector<std::string> files_read(const InputOptions& options) {
  std::vector<std::string> files;
  for (const auto& name : {options.graph, options.input}) {
    std::error_code none;
    if (name && std::filesystem::exists(*name, none)) files.push_back(*name);
  }
  return files;
}

void check_outputs(const std::vector<std::pair<std::string, std::string>>& files, const std::vector<std::string>& inputs) {
  std::vector<std::pair<std::string, std::string>> seen;
  for (const auto& [option, file] : files) {
    if (file.empty()) continue;
    for (const auto& [other, its] : seen) {
      if (file == "-" && its == "-")
        throw mpc::UsageError(fmt::format("both {} and {} are '-'; standard output can hold one", other, option));
      if (file != "-" && its != "-" && same_file(file, its)) {
        throw mpc::UsageError(fmt::format("both {} and {} are '{}'; expected two files", other, option, file));
      }
    }
    for (const auto& input : inputs) {
      if (file != "-" && same_file(file, input)) throw mpc::UsageError(fmt::format("{} is '{}', which is an input", option, file));
    }
    seen.emplace_back(option, file);
  }
}

void check(const RunOptions& options) {
  check_outputs({{"--json", options.json}, {"--csv", options.csv}, {"--ledger", options.ledger}, {"--labels", options.labels}},
                files_read(options));
  if (options.checkpoint_every == 0) throw mpc::UsageError("--checkpoint-every is 0; expected at least 1");
  check(static_cast<const ProblemOptions&>(options));
}

void check_words(const std::string& words) {
  if (words != "min" && whole_number(words, "--words") == 0) throw mpc::UsageError("--words is 0; expected at least 1, or min");
}

void check(const ProblemOptions& options) {
  if (!options.model.words.empty()) check_words(options.model.words);
}

}  // namespace roundtrip
