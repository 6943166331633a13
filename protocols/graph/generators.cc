#include "protocols/graph/generators.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <string_view>

#include <fmt/core.h>

#include "protocols/graph/graph_file.h"
#include "protocols/graph/rules.h"
#include "protocols/graph/spread.h"

namespace protocols {
namespace {

/// A decimal number up to 2^48 and nothing else.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || value > vertex_limit) return {};
  return value;
}

/// A decimal number such as 0.25, and nothing else.
std::optional<double> decimal(std::string_view text) {
  double value = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc() || rest != end || !(value >= 0 && value <= std::numeric_limits<double>::max())) return {};
  return value;
}

std::optional<Rule> rule_of(const RuleKind& kind, std::string_view text, std::uint64_t seed) {
  std::vector<std::string_view> fields;
  for (auto at = text.find(kind.separator); at != std::string_view::npos; at = text.find(kind.separator)) {
    fields.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  fields.push_back(text);
  const auto wholes = static_cast<std::size_t>(kind.wholes);
  const auto least = wholes + (kind.fraction == RuleKind::needed ? 1 : 0);
  const auto most = wholes + (kind.fraction == RuleKind::none ? 0 : 1);
  if (fields.size() < least || fields.size() > most) return {};
  RuleArguments given;
  given.seed = seed;
  for (std::size_t i = 0; i < wholes; ++i) {
    const auto value = number(fields[i]);
    if (!value) return {};
    (i == 0 ? given.a : given.b) = *value;
  }
  if (fields.size() > wholes) {
    given.fraction = decimal(fields.back());
    if (!given.fraction) return {};
  }
  return kind.rule(given);
}

std::string list_of_kinds() {
  std::string list;
  for (const auto& kind : rule_kinds()) list += fmt::format("{}{}:{}", list.empty() ? "" : ", ", kind.name, kind.arguments);
  return list;
}

}  // namespace

std::vector<GraphKind> graph_kinds() {
  std::vector<GraphKind> kinds;
  for (const auto& kind : rule_kinds()) kinds.push_back({std::string(kind.name), std::string(kind.arguments), std::string(kind.meaning)});
  return kinds;
}

std::optional<GraphSpec> GraphSpec::parse(const std::string& text, std::uint64_t seed) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {};
  const auto kinds = rule_kinds();
  const auto kind = std::ranges::find(kinds, std::string_view(text).substr(0, colon), &RuleKind::name);
  if (kind == kinds.end()) {
    std::error_code none;
    if (std::filesystem::exists(text, none)) return {};
    throw mpc::UsageError(fmt::format("{}: no such file, and no such kind of graph: expected one of {}", text, list_of_kinds()));
  }
  auto rule = rule_of(*kind, std::string_view(text).substr(colon + 1), seed);
  if (!rule) throw mpc::UsageError(fmt::format("{}: expected {}:{} with {}", text, kind->name, kind->arguments, kind->limits));
  GraphSpec spec;
  spec.text_ = text;
  spec.vertices_ = rule->vertices;
  spec.edges_ = rule->edges;
  spec.edge_ = std::move(rule->edge);
  return spec;
}

RawEdges generate(const GraphSpec& spec, const mpc::Ranks& ranks) {
  const auto starts = even_starts(spec.edges(), ranks.size());
  const auto rank = static_cast<std::size_t>(ranks.rank());
  RawEdges raw{{}, Declared::range, spec.vertices(), spec.text()};
  raw.pairs.reserve(starts[rank + 1] - starts[rank]);
  for (auto k = starts[rank]; k < starts[rank + 1]; ++k) raw.pairs.push_back(spec.edge(k));
  return raw;
}

RawEdges load(const std::string& spec, std::optional<std::uint64_t> vertices, std::uint64_t seed, mpc::Ranks& ranks, Format format) {
  // Rank 0 decides what the text means: it is the one that sees the file.
  std::optional<GraphSpec> generated;
  mpc::together(ranks, [&] {
    if (ranks.rank() == 0) generated = GraphSpec::parse(spec, seed);
  });
  if (ranks.maximum(generated.has_value()) == 0) return read_graph_file(spec, vertices, ranks, format);
  if (!generated) generated = GraphSpec::parse(spec, seed);
  if (vertices && *vertices != generated->vertices()) {
    throw mpc::UsageError(
        fmt::format("{}: has {} vertices, not {}: a number of vertices is for files", spec, generated->vertices(), *vertices));
  }
  return generate(*generated, ranks);
}

}  // namespace protocols
