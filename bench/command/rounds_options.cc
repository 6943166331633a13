#include "bench/command/rounds_options.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mpc/error.h"
#include "mpc/model.h"

#include "bench/command/families.h"
#include "bench/command/number_list.h"
#include "bench/command/run_options.h"

namespace roundtrip {
namespace {

/// A sweep that has a name.
struct Preset {
  std::string name, title;
  std::vector<std::string> protocols, families;
  const char* sizes;
  double delta;
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all{
      {"sanford2024",
       "One cycle or two, connectivity and k hops: Sanford, Hsu, Telgarsky 2024",
       {"cycles/doubling", "cycles/sample", "connectivity/local-contraction", "connectivity/alt", "khop"},
       {"cycle", "two-cycles", "sequence"},
       "2^8..2^16",
       0.5},
  };
  return all;
}

const Preset& find_preset(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& preset : presets()) {
    if (preset.name == name) return preset;
    names.push_back(preset.name);
  }
  throw mpc::UsageError(fmt::format("no preset '{}'; expected one of: {}", name, fmt::join(names, ", ")));
}

template <class T>
void fill(std::vector<T>& list, std::vector<T> values) {
  if (list.empty()) list = std::move(values);
}

}  // namespace

void declare(CLI::App& command, RoundsOptions& options) {
  std::string footer = "Families of size n:\n";
  for (const auto& family : families()) footer += fmt::format("  {:<28}{}\n", family.name, family.meaning);
  footer += "Presets; options that are given replace theirs:\n";
  for (const auto& preset : presets()) {
    footer += fmt::format("  {:<28}{}\n{:30}--protocols {} --families {} --sizes {} --delta {}\n", preset.name, preset.title, "",
                          fmt::join(preset.protocols, ","), fmt::join(preset.families, ","), preset.sizes, preset.delta);
  }
  command.footer(footer);
  const auto texts = [&command](const std::string& name, std::vector<std::string>& target, const std::string& text) {
    return command.add_option(name, target, text)->delimiter(',');
  };
  const auto numbers = [&command](const std::string& name, std::vector<std::uint64_t>& target, Steps steps, const std::string& text) {
    return command
        .add_option_function<std::vector<std::string>>(
            name, [name, steps, &target](const std::vector<std::string>& words) { target = number_list(words, steps, name); }, text)
        ->delimiter(',');
  };
  command.add_option("--preset", options.preset, "a sweep that has a name, see below")->option_text("NAME");
  texts("--protocols", options.protocols, "PROTOCOL, for all its variants, or PROTOCOL/VARIANT (default: all)")->option_text("NAME,...");
  texts("--families", options.families, "of inputs, see below (default: all that fit the protocol)")->option_text("NAME,...");
  numbers("--sizes", options.sizes, Steps::doubling,
          "vertices, or words of inputs that are no graphs: 1024, 2^10, or 2^10..2^17, each twice the one before (default 2^8..2^12)")
      ->option_text("N,...");
  numbers("--k", options.ks, Steps::doubling, "hops or maps, for the families that have a k (default: k = floor(sqrt n))")
      ->option_text("K,...");
  auto* delta = command.add_option("--delta", options.deltas, "s = ceil(c N^delta), 0 < delta <= 1 (default 0.5)")
                    ->delimiter(',')
                    ->option_text("D,...")
                    ->group("Model");
  auto* words =
      texts("--words", options.words, "s words a machine, or `min`: the least s of the protocol")->option_text("S|min,...")->group("Model");
  words->excludes(delta);
  command.add_option("--c", options.c, "the constant in s (default 8)")->option_text("C")->excludes(words)->group("Model");
  command.add_option("--slack", options.slack, "the constant in q = ceil(slack N^(1+gamma) / s) (default 8)")
      ->option_text("K")
      ->group("Model");
  command.add_option("--gamma", options.gamma, "(default 0)")->option_text("G")->group("Model");
  numbers("--seeds", options.seeds, Steps::counting, "of the public hash, the relabelling and the generators: 1,7 or 1..5 (default 1)")
      ->option_text("K,...")
      ->group("Model");
  command.add_flag("--fit", options.fit, "slope and intercept of the rounds against log2 N, for each protocol, family and model");
  command.add_flag("--no-verify", options.no_verify, "do not check the answers with serial oracles, and measure no D");
  const auto file = [&command](const std::string& name, std::string& target, const std::string& text) {
    command.add_option(name, target, text)->option_text("FILE")->group("Output (FILE may be -)");
  };
  file("--json", options.json, "the rows, and the fits, as JSON");
  file("--csv", options.csv, "the rows as CSV, each written when it is there");
  file("--svg", options.svg, "a plot of the rounds against log2 N, with the reference lines");
}

RoundsOptions completed(RoundsOptions options) {
  if (!options.preset.empty()) {
    const auto& preset = find_preset(options.preset);
    fill(options.protocols, preset.protocols);
    fill(options.families, preset.families);
    fill(options.sizes, number_list({preset.sizes}, Steps::doubling, "--preset"));
    if (options.words.empty()) fill(options.deltas, {preset.delta});
  }
  fill(options.sizes, number_list({"2^8..2^12"}, Steps::doubling, "--sizes"));
  fill(options.seeds, {1});
  if (options.words.empty()) fill(options.deltas, {0.5});

  // What is wrong for every row is refused before the first.
  for (const auto& word : options.words) check_words(word);
  for (const auto delta : options.deltas) mpc::Model::sublinear(1, 1, delta, options.gamma, options.c, options.slack);
  mpc::Model::with_memory(1, 1, mpc::Words{1}, options.gamma, options.slack);
  check_outputs({{"--json", options.json}, {"--csv", options.csv}, {"--svg", options.svg}});
  return options;
}

std::string title(const RoundsOptions& options) {
  return options.preset.empty() ? "Rounds against input size" : find_preset(options.preset).title;
}

}  // namespace roundtrip
