#include "bench/command/weights_subject.h"

#include <algorithm>

#include <fmt/format.h>

#include "mpc/error.h"

#include "bench/command/registry.h"
#include "bench/command/weights_programs.h"
#include "bench/command/weights_protocols.h"

namespace roundtrip {
namespace {

using Options = std::vector<std::string>;

struct Known {
  const char* name;
  WeightsSubject (*make)(const WeightsRequest&, mpc::Ranks&);
  Options options;     ///< of input and model that it takes; --variant and --seed all do
  const char* what;    ///< for people
  const char* layers;  ///< and their number
};

const std::vector<Known>& known() {
  static const Options graph{"--graph", "--format", "--vertices", "--ids"};
  static const auto and_also = [](Options options, const std::string& more) {
    options.push_back(more);
    return options;
  };
  static const std::vector<Known> subjects{
      {"cycles", cycles_in_weights, and_also(graph, "--words"),
       "the protocol (doubling), a vertex a machine; edges as written: each vertex once first, once second",
       "2 + ceil(log2 max(1, floor(n/2)))"},
      {"compose", compose_in_weights, {"--n", "--k", "--words"}, "the protocol, a map a machine, of at most 32 points", "1 + ceil(log2 k)"},
      {"broadcast", broadcast_in_weights, {"--machines", "--words"}, "machine 0's word to all of --machines", "1 + ceil(log2 q)"},
      {"reduce", reduce_in_weights, {"--machines", "--words"}, "the smallest or largest word (--variant min, max)", "1 + ceil(log2 q)"},
      {"sort", sort_in_weights, {"--machines", "--words"}, "a word a machine, by a bitonic network", "1 + k (k + 1) / 2, k = ceil(log2 q)"},
      {"components", components_in_weights, and_also(graph, "--blocks"),
       "a program: connected components; one file for all graphs (--variant labels, connected, shortcut)",
       "2 B, B = max(1, ceil(log2 n)) or --blocks"},
      {"hops", hops_in_weights, {"--input", "--k"}, "a program: k hops of induction heads, causal", "2 + ceil(log2 k)"},
      {"induction", induction_in_weights, {"--input"}, "a program: the induction head, causal", "2"},
  };
  return subjects;
}

/// The options of input and model that were given.
Options given(const WeightsRequest& request) {
  auto options = request.given();
  const auto& model = request.model;
  for (const auto& [name, is_given] : {std::pair{"--machines", model.machines.has_value()},
                                       {"--words", !model.words.empty()},
                                       {"--delta", model.delta.has_value()},
                                       {"--c", model.c != 8},
                                       {"--slack", model.slack != 8},
                                       {"--gamma", model.gamma != 0},
                                       {"--blocks", request.blocks != 0}}) {
    if (is_given) options.emplace_back(name);
  }
  return options;
}

}  // namespace

std::string weights_names() {
  std::vector<std::string> names;
  for (const auto& subject : known()) names.emplace_back(subject.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool in_weights_only(const std::string& name) {
  return std::ranges::find(known(), name, &Known::name) != known().end() &&
         std::ranges::none_of(registered(), [&](const Registered& protocol) { return protocol.about.name == name; });
}

std::string weights_list() {
  std::string text = "in weights: compile NAME --weights\n";
  for (const auto& subject : known()) {
    text += fmt::format("  {:<10}  {}\n              layers {}\n", subject.name, subject.what, subject.layers);
  }
  return text;
}

WeightsSubject weights_subject(const WeightsRequest& request, mpc::Ranks& ranks) {
  const auto subject = std::ranges::find(known(), request.protocol, &Known::name);
  if (subject == known().end()) {
    throw mpc::UsageError(fmt::format("'{}' is not there in weights; expected one of: {}", request.protocol, weights_names()));
  }
  for (const auto& option : given(request)) {
    if (std::ranges::find(subject->options, option) != subject->options.end()) continue;
    throw mpc::UsageError(fmt::format("{} in weights takes no {}; of input and model it takes {}", request.protocol, option,
                                      fmt::join(subject->options, ", ")));
  }
  return subject->make(request, ranks);
}

}  // namespace roundtrip
