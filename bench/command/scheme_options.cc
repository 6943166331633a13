#include "bench/command/scheme_options.h"

#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "mpc/error.h"

#include "bench/command/run_options.h"

namespace roundtrip {

void declare(CLI::App& command, SchemeOptions& options) {
  const auto* group = "Scheme";
  std::vector<std::string> names;
  for (const auto scheme : bridge::all_schemes) names.push_back(bridge::name_of(scheme));
  command
      .add_option("--scheme", options.scheme,
                  "local: one process a sequence (default); ring: keys and values go round; ulysses: heads side by side; theorem2: the "
                  "protocol of the theorem, under enforced memory")
      ->check(CLI::IsMember(names).description(""))
      ->option_text("local|ring|ulysses|theorem2")
      ->group(group);
  command.add_option("--words", options.words, "s words a machine, or `min`: the least s of the scheme (default)")
      ->option_text("S|min")
      ->group(group);
  whole_option(
      command, "--tile", [&](std::uint64_t tile) { options.tile = tile; },
      "theorem2: tokens of a machine, B (default 1, as in the theorem)")
      .option_text("B")
      ->group(group);
  whole_option(
      command, "--machines", [&](std::uint64_t machines) { options.machines = machines; },
      "ring, ulysses: machines, on however many ranks there are (default 4)")
      .option_text("P")
      ->group(group);
}

bridge::SchemeChoice SchemeOptions::choice() const {
  bridge::SchemeChoice choice;
  for (const auto one : bridge::all_schemes) {
    if (bridge::name_of(one) == scheme) choice.scheme = one;
  }
  const auto takes_machines = choice.scheme == bridge::Scheme::ring || choice.scheme == bridge::Scheme::ulysses;
  const auto refuse = [&](const char* option, const char* others) {
    throw mpc::UsageError(fmt::format("the scheme {} takes no {}, which is for {}", scheme, option, others));
  };
  if (!words.empty()) {
    if (choice.scheme == bridge::Scheme::local) refuse("--words", "ring, ulysses and theorem2");
    check_words(words);
    if (words != "min") choice.words = whole_number(words, "--words");
  }
  if (tile) {
    if (choice.scheme != bridge::Scheme::theorem2) refuse("--tile", "theorem2");
    if (*tile == 0) throw mpc::UsageError("--tile is 0; expected at least 1");
    choice.tile = *tile;
  }
  if (machines) {
    if (!takes_machines) refuse("--machines", "ring and ulysses");
    if (*machines == 0 || *machines > mpc::Model::most_machines) {
      throw mpc::UsageError(fmt::format("--machines is {}; expected 1 to {}", *machines, mpc::Model::most_machines));
    }
    choice.machines = *machines;
  }
  return choice;
}

}  // namespace roundtrip
