#pragma once

#include <cstdint>

#include "mpc/word.h"

namespace mpc {

/// Exact division by a number that stays, by a multiplication.
class Divisor {
 public:
  /// divisor >= 1.
  constexpr explicit Divisor(std::uint64_t divisor) : divisor_(divisor), reciprocal_(UINT64_MAX / divisor) {}

  constexpr std::uint64_t value() const { return divisor_; }
  constexpr std::uint64_t quotient(std::uint64_t dividend) const {
    const auto estimate = static_cast<std::uint64_t>((static_cast<DoubleWord>(dividend) * reciprocal_) >> 64);
    return estimate + (dividend - estimate * divisor_ >= divisor_ ? 1 : 0);  // at most one too small
  }
  constexpr std::uint64_t remainder(std::uint64_t dividend) const { return dividend - quotient(dividend) * divisor_; }

 private:
  std::uint64_t divisor_, reciprocal_;
};

}  // namespace mpc
