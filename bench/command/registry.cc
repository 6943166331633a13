#include "bench/command/registry.h"

#include <fmt/format.h>

#include "mpc/error.h"

#include "bench/command/built_in.h"

namespace roundtrip {
namespace {

std::vector<Registered>& registry() {
  static std::vector<Registered> all{built_in::connectivity(), built_in::cycles(), built_in::khop(), built_in::compose()};
  return all;
}

}  // namespace

const std::vector<Registered>& registered() { return registry(); }

void add(Registered protocol) { registry().push_back(std::move(protocol)); }

const Registered& find_protocol(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& protocol : registered()) {
    if (protocol.about.name == name) return protocol;
    names.push_back(protocol.about.name);
  }
  throw mpc::UsageError(fmt::format("no protocol '{}'; expected one of: {}", name, fmt::join(names, ", ")));
}

const protocols::Variant& find_variant(const protocols::About& about, const std::string& name) {
  if (name.empty()) return about.variants.front();
  std::vector<std::string> names;
  for (const auto& variant : about.variants) {
    if (variant.name == name) return variant;
    names.push_back(variant.name);
  }
  throw mpc::UsageError(fmt::format("{} has no variant '{}'; expected one of: {}", about.name, name, fmt::join(names, ", ")));
}

}  // namespace roundtrip
