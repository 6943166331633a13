#include "bench/command/rounds_cases.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "mpc/error.h"

#include "protocols/graph/generators.h"

#include "bench/command/families.h"
#include "bench/command/registry.h"

namespace roundtrip {
namespace {

struct Chosen {
  const Registered& protocol;
  std::string variant;
};

std::vector<Chosen> chosen_protocols(const RoundsOptions& options) {
  std::vector<Chosen> chosen;
  const auto add = [&](const Registered& protocol, const std::string& variant) {
    const auto same = [&](const Chosen& other) { return &other.protocol == &protocol && other.variant == variant; };
    if (std::ranges::none_of(chosen, same)) chosen.push_back({protocol, variant});
  };
  const auto add_all = [&](const Registered& protocol) {
    for (const auto& variant : protocol.about.variants) add(protocol, variant.name);
  };
  for (const auto& name : options.protocols) {
    const auto slash = name.find('/');
    const auto& protocol = find_protocol(name.substr(0, slash));
    if (slash == std::string::npos) {
      add_all(protocol);
    } else {
      add(protocol, find_variant(protocol.about, name.substr(slash + 1)).name);
    }
  }
  if (options.protocols.empty()) {
    for (const auto& protocol : registered()) add_all(protocol);
  }
  return chosen;
}

std::vector<Family> chosen_families(const RoundsOptions& options) {
  const auto all = families();
  if (options.families.empty()) return all;
  std::vector<Family> chosen;
  for (const auto& name : options.families) {
    const auto family = std::ranges::find(all, name, &Family::name);
    if (family == all.end()) {
      std::vector<std::string> names;
      for (const auto& one : all) names.push_back(one.name);
      throw mpc::UsageError(fmt::format("--families: no '{}'; expected some of: {}", name, fmt::join(names, ", ")));
    }
    if (std::ranges::find(chosen, name, &Family::name) == chosen.end()) chosen.push_back(*family);
  }
  return chosen;
}

/// Why the protocol refuses the family's inputs, if it does; tried on its smallest. Collective.
std::optional<std::string> misfit(const Registered& protocol, const Family& family, std::uint64_t size, mpc::Ranks& ranks) {
  if (protocol.kind != family.kind) {
    return fmt::format("{} runs on {}, and the family {} is of {}", protocol.about.name, protocol.kind->name, family.name,
                       family.kind->name);
  }
  if (!protocol.check) return {};
  try {
    protocol.check(family.kind->load(family.input(size, {}), 1, ranks)->loaded(), ranks);
  } catch (const mpc::InputError& error) {
    return error.what();
  }
  return {};
}

std::vector<std::optional<std::uint64_t>> chosen_ks(const RoundsOptions& options, const Family& family) {
  if (!family.takes_k || options.ks.empty()) return {std::nullopt};
  return {options.ks.begin(), options.ks.end()};
}

std::vector<ModelOptions> chosen_memories(const RoundsOptions& options) {
  std::vector<ModelOptions> memories;
  const auto add = [&](std::optional<double> delta, const std::string& words) {
    memories.push_back({delta, words, options.c, options.slack, options.gamma, {}, 1});
  };
  for (const auto delta : options.deltas) add(delta, {});
  for (const auto& words : options.words) add({}, words);
  return memories;
}

}  // namespace

std::vector<RoundsCase> rounds_cases(const RoundsOptions& options, mpc::Ranks& ranks) {
  const auto some_families = chosen_families(options);
  const auto smallest = *std::ranges::min_element(options.sizes);
  for (const auto& family : some_families) {
    for (const auto size : options.sizes) {
      if (const auto graph = family.input(size, {}).graph) protocols::GraphSpec::parse(*graph, 1);  // refuses sizes out of range
    }
  }
  std::vector<RoundsCase> cases;
  std::set<std::string> used;
  std::string last_misfit;
  for (const auto& [protocol, variant] : chosen_protocols(options)) {
    bool fits = false;
    for (const auto& family : some_families) {
      if (const auto reason = misfit(protocol, family, smallest, ranks)) {
        last_misfit = *reason;
        continue;
      }
      fits = true;
      used.insert(family.name);
      for (const auto& k : chosen_ks(options, family)) {
        for (auto memory : chosen_memories(options)) {
          for (const auto size : options.sizes) {
            for (const auto seed : options.seeds) {
              memory.seed = seed;
              RoundsCase next;
              static_cast<InputOptions&>(next.problem) = family.input(size, k);
              next.problem.protocol = protocol.about.name;
              next.problem.variant = variant;
              next.problem.model = memory;
              next.family = family.name;
              next.size = size;
              next.k = k;
              cases.push_back(std::move(next));
            }
          }
        }
      }
    }
    if (!fits) throw mpc::UsageError(fmt::format("none of the families fits {}: {}", protocol.about.name, last_misfit));
  }
  for (const auto& family : some_families) {
    if (!options.families.empty() && !used.contains(family.name)) {
      throw mpc::UsageError(fmt::format("none of the protocols takes the family {}: {}", family.name, last_misfit));
    }
  }
  if (!options.ks.empty() && std::ranges::none_of(cases, [](const RoundsCase& one) { return one.k.has_value(); })) {
    throw mpc::UsageError("--k is given, and none of the families has a k");
  }
  return cases;
}

}  // namespace roundtrip
