#pragma once

#include <cstddef>
#include <vector>

namespace roundtrip {

/// An axis of a plot: what it spans, where its ticks are, and where on it a value lies.
struct Axis {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<double> ticks;  ///< ascending, within [low, high]

  /// 0 at `low`, 1 at `high`. A logarithmic axis has no place for values below `low`: see shows().
  double place(double value) const;
  bool shows(double value) const { return value >= low && value <= high; }
};

/// From a multiple of the step at or below `low` to one at or above `high`; the step is 1, 2 or 5 times a power of ten, at least 1, and
/// there are at most `most_ticks` ticks, most_ticks >= 2.
Axis linear_axis(double low, double high, std::size_t most_ticks);

/// From `low` to `high`, or half a unit around them if they are equal, with those of linear_axis's ticks that lie between.
Axis tight_axis(double low, double high, std::size_t most_ticks);

/// From a power of two at or below `low` > 0 to one at or above `high`; ticks are powers of two, at most `most_ticks` of them.
Axis logarithmic_axis(double low, double high, std::size_t most_ticks);

}  // namespace roundtrip
