#pragma once

#include "transformer_bridge/kernels/cpu/lanes.h"

/// exp and what is made of it, for all lanes at once.
namespace bridge::cpu {
namespace {

/// 2^n by its exponent, exp of the rest by a polynomial: 1 + r + ..., fitted for the least relative error on |r| <= ln 2 / 2.
template <class Real>
struct Exponential;
template <>
struct Exponential<float> {
  static constexpr float rounding = 0x1.8p23F;  // added, it leaves the nearest integer in the lowest bits
  static constexpr float log2_e = 1.44269504F;
  static constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;  // n * ln2_high is exact
  static constexpr unsigned bias = 127, mantissa_bits = 23;
  static constexpr float lowest = -87.3365447F;  // exp of it is the least normal number
  static constexpr float factors[] = {1, 0.49999994F, 0.166664302F, 0.041668009F, 0.00837423559F, 0.00138435676F};  // error 2.0e-9
};
template <>
struct Exponential<double> {
  static constexpr double rounding = 0x1.8p52;
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.693145751953125, ln2_low = 1.42860682030941723212e-6;
  static constexpr unsigned bias = 1023, mantissa_bits = 52;
  static constexpr double lowest = -708.396418532264;
  static constexpr double factors[] = {1,
                                       0.50000000000000122,
                                       0.16666666666666213,
                                       0.041666666666516652,
                                       0.0083333333335513654,
                                       0.0013888888946694726,
                                       0.00019841269434463032,
                                       2.4801490252600098e-05,
                                       2.7557627864171504e-06,
                                       2.7631180508235685e-07,
                                       2.4991326258931202e-08};  // error 3.4e-18
};

/// factors[0] + factors[1] x + ...
template <class Real, std::size_t terms>
[[gnu::always_inline]] inline Lanes<Real> polynomial(Lanes<Real> x, const Real (&factors)[terms]) {
  auto result = all(factors[terms - 1]);
  for (std::size_t i = terms - 1; i-- > 0;) result = multiply_add(result, x, all(factors[i]));
  return result;
}

/// exp(x) for x <= 0, and for no other. Exactly 1 for 0, and 0 where the result would be below the least normal number.
template <class Real>
[[gnu::always_inline]] inline Lanes<Real> exp_of_negative(Lanes<Real> x) {
  using E = Exponential<Real>;
  using Bits = typename LanesOf<Real>::Bits;
  const auto shifted = multiply_add(x, all(E::log2_e), all(E::rounding));
  const auto n = shifted - all(E::rounding);
  auto r = multiply_add(n, all(-E::ln2_high), x);
  r = multiply_add(n, all(-E::ln2_low), r);
  const auto rest = multiply_add(polynomial(r, E::factors), r, all(Real{1}));
  const auto power = (reinterpret_cast<LaneWords<Real>>(shifted) + static_cast<Bits>(E::bias)) << static_cast<Bits>(E::mantissa_bits);
  // A product and not a sum of exponents, so that NaN stays NaN.
  return x < all(E::lowest) ? Lanes<Real>{} : rest * reinterpret_cast<Lanes<Real>>(power);
}

/// x/2 (1 + erf(x / sqrt 2)). Half of erfc(|x| / sqrt 2) is exp(-x^2 / 2) times a polynomial in 1 / (1 + 0.3 |x|), with a relative error
/// of 1.3e-7.
[[gnu::always_inline]] inline Lanes<float> gelu(Lanes<float> x) {
  constexpr float factors[] = {0.119626388F,   0.120798357F, 0.0996375009F, 0.129469261F,
                               -0.0553940944F, 0.208207026F, -0.15827632F,  0.0359318294F};
  const auto size = x < 0 ? -x : x;
  const auto t = all(1.0F) / multiply_add(size, all(0.3F), all(1.0F));
  const auto tail = polynomial(t, factors) * t * exp_of_negative<float>(size * size * all(-0.5F));
  return x * (x < 0 ? tail : all(1.0F) - tail);
}
/// The library's own, number by number.
inline Lanes<double> gelu(Lanes<double> x) {
  for (std::size_t i = 0; i < lanes<double>; ++i) x[i] = 0.5 * x[i] * (1 + __builtin_erf(x[i] * 0.70710678118654752));
  return x;
}

/// x/2 (1 + tanh(u)) with u = sqrt(2/pi) (x + 0.044715 x^3) is x / (1 + exp(-2u)); exp is taken of -2|u|.
template <class Real>
[[gnu::always_inline]] inline Lanes<Real> gelu_tanh(Lanes<Real> x) {
  constexpr auto slope = Real(-2 * 0.79788456080286536), cubic = Real(0.044715);
  const auto size = x < 0 ? -x : x;
  const auto power = exp_of_negative<Real>(multiply_add(size * size * all(cubic), size, size) * all(slope));
  const auto share = all(Real{1}) / (all(Real{1}) + power);
  return x < 0 ? x * power * share : x * share;
}

template <class Real>
[[gnu::always_inline]] inline Lanes<Real> relu(Lanes<Real> x) {
  return x < 0 ? Lanes<Real>{} : x;  // NaN stays
}

}  // namespace
}  // namespace bridge::cpu
