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

/// What a rule is given.
struct RuleArguments {
  std::uint64_t a = 0, b = 0;      ///< each at most 2^48
  std::optional<double> fraction;  ///< finite and not negative
  std::uint64_t seed = 0;
};

/// A kind of graph: how it is called, and its rule.
struct RuleKind {
  std::string_view name, arguments, meaning;
  std::string_view limits;                            ///< of the arguments, in words
  int wholes;                                         ///< whole numbers that it takes: 1 or 2
  enum Fraction { none, optional, needed } fraction;  ///< whether a decimal number follows
  char separator;                                     ///< between arguments
  /// Nothing if the arguments are out of range.
  std::optional<Rule> (*rule)(const RuleArguments& given);
};

std::span<const RuleKind> rule_kinds();

}  // namespace protocols
