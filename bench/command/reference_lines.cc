#include "bench/command/reference_lines.h"

#include <algorithm>
#include <cmath>

namespace roundtrip {
namespace {

std::uint64_t ceil_log2(std::uint64_t x) { return x <= 1 ? 0 : mpc::ceil_log(2, x); }

/// r >= ceil(log_s deg) - 1 for a Boolean function of degree C(n, 2), s in bits (Roughgarden, Vassilvitskii, Wang).
std::uint64_t shuffle_bound(std::uint64_t vertices, const mpc::Model& model) {
  const auto n = static_cast<double>(vertices);
  const auto bits = static_cast<double>(model.memory.count) * model.word_bits;
  if (vertices < 3) return 0;
  const auto exponent = std::log(n * (n - 1) / 2) / std::log(bits);
  return static_cast<std::uint64_t>(std::max(0.0, std::ceil(exponent) - 1));
}

}  // namespace

ReferenceLines reference_lines(const RunResult& result) {
  ReferenceLines lines{shuffle_bound(result.vertices, result.model), {}, {}};
  if (result.distances) {
    lines.log_diameter = ceil_log2(result.distances->diameter);
    lines.ball_growing = ceil_log2(result.distances->eccentricity);
  }
  return lines;
}

}  // namespace roundtrip
