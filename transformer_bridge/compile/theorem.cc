#include "transformer_bridge/compile/theorem.h"

#include <cmath>

namespace bridge {

double theorem_width(std::uint64_t memory, std::uint64_t tokens) {
  return 96 * std::pow(static_cast<double>(memory), 4) * std::log(static_cast<double>(tokens));
}

double theorem_threshold(std::uint64_t memory) {
  const auto a = 96 * std::pow(static_cast<double>(memory), 4);
  // N = a ln N: the larger root, by iteration from above, where it contracts.
  auto n = a * a;
  for (int i = 0; i < 200; ++i) n = a * std::log(n);
  return n;
}

WidthFit fit_width(const std::vector<WidthPoint>& points) {
  WidthFit fit;
  if (points.empty()) return fit;
  const auto count = static_cast<double>(points.size());
  double mean[3] = {0, 0, 0};
  for (const auto& p : points) {
    mean[0] += std::log(p.memory) / count;
    mean[1] += std::log(p.tokens) / count;
    mean[2] += std::log(p.width) / count;
  }
  double ss = 0, sm = 0, mm = 0, sw = 0, mw = 0;
  for (const auto& p : points) {
    const auto s = std::log(p.memory) - mean[0];
    const auto m = std::log(p.tokens) - mean[1];
    const auto w = std::log(p.width) - mean[2];
    ss += s * s;
    sm += s * m;
    mm += m * m;
    sw += s * w;
    mw += m * w;
  }
  fit.memory_varies = ss > 1e-9;
  fit.tokens_vary = mm > 1e-9;
  const auto determinant = ss * mm - sm * sm;
  if (fit.memory_varies && fit.tokens_vary && determinant > 1e-9 * ss * mm) {
    fit.in_memory = (sw * mm - mw * sm) / determinant;
    fit.in_tokens = (mw * ss - sw * sm) / determinant;
  } else if (fit.memory_varies) {
    fit.in_memory = sw / ss;
    fit.tokens_vary = false;
  } else if (fit.tokens_vary) {
    fit.in_tokens = mw / mm;
  }
  return fit;
}

}  // namespace bridge
