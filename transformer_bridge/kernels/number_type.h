#pragma once

#include <cstdint>

namespace bridge {

/// The floating-point type that a transformer runs in.
enum class NumberType { f32, f64 };

/// What exactness proofs need of it.
struct NumberFacts {
  const char* name;
  double unit_roundoff;      ///< u: a result is rounded by at most u times itself
  double vanishing;          ///< exp(-x) is exactly 0 from here on
  double saturation;         ///< temperature * margin that compiled heads aim at: above `vanishing`
  unsigned usual_limb_bits;  ///< of an integer that is read back from an average
};

inline constexpr NumberFacts facts(NumberType type) {
  // The smallest float is 2^-149; half of it, exp(-103.98), rounds to 0. The same for double: 2^-1075 = exp(-745.14).
  return type == NumberType::f32 ? NumberFacts{"float32", 0x1p-24, 104.0, 110.0, 20} : NumberFacts{"float64", 0x1p-53, 745.2, 750.0, 48};
}

template <class Real>
inline constexpr NumberType number_type_of = sizeof(Real) == 4 ? NumberType::f32 : NumberType::f64;

template <class Real>
inline constexpr NumberFacts facts_of() {
  return facts(number_type_of<Real>);
}

/// The largest integer v for which rounding an average of equal shares, times their number, gives v back: weight, product and the
/// multiplication by the count are rounded once each, so the error is at most v ((1 + u)^3 - 1) <= 3.001 u v, which must be below 1/2.
inline constexpr std::uint64_t largest_readable(NumberType type) {
  return static_cast<std::uint64_t>(0.5 / (3.001 * facts(type).unit_roundoff));
}

}  // namespace bridge
