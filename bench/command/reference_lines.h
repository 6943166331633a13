#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace roundtrip {

/// A number of rounds to hold a run against. There are three kinds, which must not be confused: see the names below.
struct ReferenceLine {
  std::string name;
  std::optional<std::uint64_t> rounds;  ///< nothing if it was not measured
  std::string formula;                  ///< in symbols, for the legend of a plot
  std::string meaning;                  ///< for people: words after the number
};
using ReferenceLines = std::vector<ReferenceLine>;

namespace reference {
inline constexpr const char* unconditional = "unconditional";  ///< a bound for any protocol; tiny
inline constexpr const char* conditional = "conditional";      ///< the shape of a bound without a constant: a reference, no bound
inline constexpr const char* ball_growing = "ball growing";    ///< a floor for protocols that only forward ids that they hold
}  // namespace reference

/// The rounds of the line of this name; nothing if there is none, or it was not measured.
std::optional<std::uint64_t> rounds_of(const ReferenceLines& lines, const std::string& name);

/// A line of a report.
std::string for_people(const ReferenceLine& line);

}  // namespace roundtrip
