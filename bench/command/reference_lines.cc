#include "bench/command/reference_lines.h"

#include <algorithm>

#include <fmt/core.h>

namespace roundtrip {

std::optional<std::uint64_t> rounds_of(const ReferenceLines& lines, const std::string& name) {
  const auto line = std::ranges::find(lines, name, &ReferenceLine::name);
  return line == lines.end() ? std::nullopt : line->rounds;
}

std::string for_people(const ReferenceLine& line) {
  return line.rounds ? fmt::format("  {:<16}{:>12} {}\n", line.name, *line.rounds, line.meaning) : fmt::format("  {}\n", line.meaning);
}

}  // namespace roundtrip
