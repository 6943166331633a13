#include "bench/command/fit.h"

#include <algorithm>
#include <cmath>

namespace roundtrip {

std::optional<LinearFit> fit_line(std::span<const Observation> observations) {
  const auto count = static_cast<double>(observations.size());
  double mean_x = 0, mean_y = 0;
  for (const auto& [x, y] : observations) mean_x += x / count, mean_y += y / count;
  // About the means, so that nothing large cancels.
  double xx = 0, xy = 0, yy = 0;
  for (const auto& [x, y] : observations) {
    xx += (x - mean_x) * (x - mean_x);
    xy += (x - mean_x) * (y - mean_y);
    yy += (y - mean_y) * (y - mean_y);
  }
  const auto same_x = [&](const Observation& other) { return other.x == observations.front().x; };
  if (std::ranges::all_of(observations, same_x)) return {};
  LinearFit fit{xy / xx, mean_y - xy / xx * mean_x, 1, 0, observations.size()};
  double unexplained = 0;
  for (const auto& [x, y] : observations) {
    const auto deviation = std::abs(y - fit.slope * x - fit.intercept);
    unexplained += deviation * deviation;
    fit.max_deviation = std::max(fit.max_deviation, deviation);
  }
  if (yy > 0) fit.r_squared = 1 - unexplained / yy;
  return fit;
}

}  // namespace roundtrip
