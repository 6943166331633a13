#include "bench/command/families.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "protocols/graph/generators.h"

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

}  // namespace

std::vector<Family> families() {
  std::vector<Family> all;
  for (const auto& kind : protocols::graph_kinds()) {
    const auto* sizing = std::ranges::find_if(sizings, [&](const Sizing& one) { return one.name == kind.name; });
    if (sizing != std::end(sizings)) {
      const auto input = [name = kind.name, arguments = sizing->arguments](std::uint64_t n) { return name + ":" + arguments(n); };
      all.push_back({kind.name, input, sizing->meaning});
    } else if (kind.arguments == "N") {
      all.push_back({kind.name, [name = kind.name](std::uint64_t n) { return fmt::format("{}:{}", name, n); }, "n vertices"});
    }
  }
  return all;
}

}  // namespace roundtrip
