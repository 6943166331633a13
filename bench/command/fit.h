#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace roundtrip {

/// An observation to fit.
struct Observation {
  double x = 0, y = 0;
};

/// y = slope x + intercept, by least squares.
struct LinearFit {
  double slope = 0, intercept = 0;
  double r_squared = 0;      ///< the share of the variance of y that the line explains; 1 where y does not vary
  double max_deviation = 0;  ///< largest |y - line|
  std::size_t points = 0;
};

/// Nothing if there are not two different x.
std::optional<LinearFit> fit_line(std::span<const Observation> observations);

}  // namespace roundtrip
