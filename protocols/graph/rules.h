#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "protocols/graph/edge.h"

namespace protocols {

/// A graph by rule: n vertices and m edges, each computed on its own.
struct Rule {
  std::uint64_t vertices = 0, edges = 0;
  std::function<Edge(std::uint64_t)> edge;
};

/// A kind of graph: how it is called, and its rule.
struct RuleKind {
  std::string_view name, arguments, meaning;
  std::string_view limits;  ///< of the arguments, in words
  char separator;           ///< between two arguments; '\0' for one argument
  /// Nothing if the arguments (each at most 2^48) are out of range.
  std::optional<Rule> (*rule)(std::uint64_t a, std::uint64_t b, std::uint64_t seed);
};

std::span<const RuleKind> rule_kinds();

}  // namespace protocols
