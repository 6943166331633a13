#include "bench/command/axis.h"

#include <algorithm>
#include <cmath>

namespace roundtrip {
namespace {

/// The axis over the whole multiples of the least of the steps that needs no more ticks than allowed.
Axis with_steps(double low, double high, std::size_t most_ticks, double (*next)(double)) {
  for (double step = 1;; step = next(step)) {
    const auto first = std::floor(low / step);
    const auto last = std::max(first + 1, std::ceil(high / step));
    if (last - first + 1 > static_cast<double>(most_ticks)) continue;
    Axis axis{first * step, last * step, false, {}};
    for (auto k = first; k <= last; ++k) axis.ticks.push_back(k * step);
    return axis;
  }
}

/// 1, 2, 5, 10, 20, 50, ...
double next_round_step(double step) {
  const auto power = std::pow(10, std::floor(std::log10(step) + 1e-9));
  return step / power < 1.5 ? 2 * power : step / power < 3 ? 5 * power : 10 * power;
}

}  // namespace

double Axis::place(double value) const {
  if (logarithmic) return std::log2(value / low) / std::log2(high / low);
  return (value - low) / (high - low);
}

Axis linear_axis(double low, double high, std::size_t most_ticks) { return with_steps(low, high, most_ticks, next_round_step); }

Axis tight_axis(double low, double high, std::size_t most_ticks) {
  if (low == high) low -= 0.5, high += 0.5;
  auto axis = linear_axis(low, high, most_ticks);
  axis.low = low;
  axis.high = high;
  std::erase_if(axis.ticks, [&](double tick) { return !axis.shows(tick); });
  return axis;
}

Axis logarithmic_axis(double low, double high, std::size_t most_ticks) {
  auto axis = with_steps(std::floor(std::log2(low)), std::ceil(std::log2(high)), most_ticks, [](double step) { return step + 1; });
  axis.logarithmic = true;
  axis.low = std::exp2(axis.low);
  axis.high = std::exp2(axis.high);
  for (auto& tick : axis.ticks) tick = std::exp2(tick);
  return axis;
}

}  // namespace roundtrip
