#include "bench/command/families.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "protocols/graph/generators.h"

#include "bench/command/graph_kind.h"
#include "bench/command/maps_kind.h"
#include "bench/command/sequence_kind.h"

namespace roundtrip {
namespace {

std::uint64_t root(std::uint64_t n) { return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::sqrt(static_cast<double>(n)))); }
std::uint64_t floor_log2(std::uint64_t n) { return static_cast<std::uint64_t>(std::bit_width(n)) - 1; }

/// Generators with more than one argument, and how a size becomes theirs.
struct Sizing {
  const char* name;
  std::string (*arguments)(std::uint64_t n);
  const char* meaning;
};
constexpr Sizing sizings[] = {
    {"grid", [](std::uint64_t n) { return fmt::format("{}x{}", root(n), n / root(n)); }, "R x floor(n/R), R = floor(sqrt n)"},
    {"cliques", [](std::uint64_t n) { return fmt::format("{},{}", (n + 63) / 64, std::min<std::uint64_t>(n, 64)); }, "ceil(n/64) of 64"},
    {"er", [](std::uint64_t n) { return fmt::format("{},{}", n, 4 * n); }, "m = 4n"},
    {"rmat", [](std::uint64_t n) { return fmt::format("{},16", floor_log2(n)); }, "scale floor(log2 n), edge factor 16"},
};

InputOptions sequence(std::uint64_t n, std::optional<std::uint64_t> k) {
  InputOptions options;
  options.input = fmt::format("sequence:{},{}", n, std::max<std::uint64_t>(2, root(n)));
  options.k = k.value_or(root(n));
  return options;
}

InputOptions maps(std::uint64_t n, std::optional<std::uint64_t> k) {
  InputOptions options;
  options.k = k.value_or(root(n));
  options.n = std::max<std::uint64_t>(1, n / *options.k);
  return options;
}

}  // namespace

std::vector<Family> families() {
  std::vector<Family> all;
  const auto add = [&](const std::string& name, std::string (*arguments)(std::uint64_t), const char* meaning) {
    const auto input = [name, arguments](std::uint64_t n, std::optional<std::uint64_t>) {
      InputOptions options;
      options.graph = name + ":" + arguments(n);
      return options;
    };
    all.push_back({name, &kind_of<protocols::GraphInput>(), false, input, meaning});
  };
  for (const auto& kind : protocols::graph_kinds()) {
    const auto* sizing = std::ranges::find_if(sizings, [&](const Sizing& one) { return one.name == kind.name; });
    if (sizing != std::end(sizings)) {
      add(kind.name, sizing->arguments, sizing->meaning);
    } else if (kind.arguments == "N") {
      add(
          kind.name, [](std::uint64_t n) { return std::to_string(n); }, "n vertices");
    }
  }
  all.push_back(
      {"sequence", &kind_of<protocols::SequenceInput>(), true, sequence, "n positions, floor(sqrt n) symbols; k = floor(sqrt n)"});
  all.push_back({"maps", &kind_of<protocols::MapsInput>(), true, maps, "k = floor(sqrt n) maps of floor(n/k) points"});
  return all;
}

}  // namespace roundtrip
