#include "bench/command/weights_subject.h"

#include <algorithm>

#include <fmt/format.h>

#include "mpc/error.h"

#include "bench/command/registry.h"
#include "bench/command/weights_programs.h"
#include "bench/command/weights_protocols.h"

namespace roundtrip {
namespace {

struct Known {
  const char* name;
  WeightsSubject (*make)(const WeightsRequest&, mpc::Ranks&);
  std::vector<std::string> input;  ///< options of InputOptions that it takes
  bool takes_machines, takes_blocks;
  const char* what;    ///< for people
  const char* layers;  ///< and their number
};

const std::vector<Known>& known() {
  static const std::vector<Known> subjects{
      {"cycles",
       cycles_in_weights,
       {"--graph", "--format", "--vertices", "--ids"},
       false,
       false,
       "the protocol (doubling), a vertex a machine; edges as written: each vertex once first, once second",
       "2 + ceil(log2 max(1, floor(n/2)))"},
      {"compose",
       compose_in_weights,
       {"--n", "--k"},
       false,
       false,
       "the protocol, a map a machine, of at most 64 points",
       "1 + ceil(log2 k)"},
      {"broadcast", broadcast_in_weights, {}, true, false, "machine 0's word to all of --machines", "1 + ceil(log2 q)"},
      {"reduce", reduce_in_weights, {}, true, false, "the smallest or largest word (--variant min, max)", "1 + ceil(log2 q)"},
      {"sort", sort_in_weights, {}, true, false, "a word a machine, by a bitonic network", "1 + k (k + 1) / 2, k = ceil(log2 q)"},
      {"components",
       components_in_weights,
       {"--graph", "--format", "--vertices", "--ids"},
       false,
       true,
       "a program: connected components; one file for all graphs (--variant labels, connected, shortcut)",
       "2 B, B = ceil(log2 n) or --blocks"},
      {"hops", hops_in_weights, {"--input", "--k"}, false, false, "a program: k hops of induction heads, causal", "2 + ceil(log2 k)"},
      {"induction", induction_in_weights, {"--input"}, false, false, "a program: the induction head, causal", "2"},
  };
  return subjects;
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
  for (const auto& option : request.given()) {
    if (std::ranges::find(subject->input, option) != subject->input.end()) continue;
    throw mpc::UsageError(fmt::format("{} in weights takes no {}; expected {}", request.protocol, option,
                                      subject->input.empty() ? "--machines" : fmt::format("{}", fmt::join(subject->input, ", "))));
  }
  const auto& model = request.model;
  if (model.delta || model.c != 8 || model.slack != 8 || model.gamma != 0) {
    throw mpc::UsageError(
        "with --weights the machines follow from the input, and s is the protocol's least; expected no --delta, --c, --slack or --gamma");
  }
  if (model.machines && !subject->takes_machines) {
    throw mpc::UsageError(fmt::format("{} in weights takes no --machines: they follow from the input", request.protocol));
  }
  if (request.blocks != 0 && !subject->takes_blocks) throw mpc::UsageError(fmt::format("{} takes no --blocks", request.protocol));
  return subject->make(request, ranks);
}

}  // namespace roundtrip
