#pragma once

#include <cstdint>
#include <vector>

namespace bridge {

/// What Theorem 3.1 of Sanford, Hsu, Telgarsky 2024 says with its own constants: width 96 s^4 ln N (Fact B.2, messages of one word), for R
/// rounds L = R + 1 layers.
double theorem_width(std::uint64_t memory, std::uint64_t tokens);

/// The largest N with theorem_width(s, N) >= N: below it the theorem's transformer is wider than it is long. 617 for s = 1.
double theorem_threshold(std::uint64_t memory);

/// A measured width.
struct WidthPoint {
  double memory, tokens, width;
};
/// width ~ a s^in_memory N^in_tokens, by least squares on logarithms.
struct WidthFit {
  double in_memory = 0, in_tokens = 0;
  bool memory_varies = false, tokens_vary = false;  ///< else the exponent cannot be told and is 0
};
WidthFit fit_width(const std::vector<WidthPoint>& points);

}  // namespace bridge
