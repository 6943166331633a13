#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#if ROUNDTRIP_LANE_BYTES > 16
#include <immintrin.h>
#endif

/// Numbers side by side in a register of ROUNDTRIP_LANE_BYTES: 64 (AVX-512), 32 (AVX2 with FMA), or 16 (any processor). Whoever includes
/// this sets it, and is compiled for such a processor. Everything is of the including file alone, and nothing here or in what builds on it
/// may leave an inline function that the linker could choose for the whole program: no function of the standard library is called
/// (tests/support/own_symbols.sh).
namespace bridge::cpu {
namespace {

template <class Real>
struct LanesOf {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  static constexpr std::size_t count = ROUNDTRIP_LANE_BYTES / sizeof(Real);
  typedef Real Numbers __attribute__((vector_size(ROUNDTRIP_LANE_BYTES)));
  typedef Bits Words __attribute__((vector_size(ROUNDTRIP_LANE_BYTES)));
  typedef std::uint8_t Bytes __attribute__((vector_size(count)));
};
template <class Real>
using Lanes = typename LanesOf<Real>::Numbers;
template <class Real>
using LaneWords = typename LanesOf<Real>::Words;
template <class Real>
constexpr std::size_t lanes = LanesOf<Real>::count;

template <class Real>
constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();
template <class Real>
constexpr Real not_a_number = std::numeric_limits<Real>::quiet_NaN();

/// The same number in every lane.
template <class Real>
inline Lanes<Real> all(Real number) {
  return number - Lanes<Real>{};
}

template <class Real>
inline Lanes<Real> load(const Real* from) {
  Lanes<Real> result;
  __builtin_memcpy(&result, from, sizeof(result));
  return result;
}
template <class Real>
inline void store(Real* to, const Lanes<Real>& x) {
  __builtin_memcpy(to, &x, sizeof(x));
}

#if ROUNDTRIP_LANE_BYTES == 64

/// The first `count` numbers, and zeros.
inline Lanes<float> load_first(const float* from, std::size_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
}
inline Lanes<double> load_first(const double* from, std::size_t count) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1), from);
}
inline void store_first(float* to, const Lanes<float>& x, std::size_t count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), x);
}
inline void store_first(double* to, const Lanes<double>& x, std::size_t count) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1), x);
}
/// x y + z; rounded once where the processor can.
inline Lanes<float> multiply_add(Lanes<float> x, Lanes<float> y, Lanes<float> z) { return _mm512_fmadd_ps(x, y, z); }
inline Lanes<double> multiply_add(Lanes<double> x, Lanes<double> y, Lanes<double> z) { return _mm512_fmadd_pd(x, y, z); }
/// The larger; y where one of them is NaN.
inline Lanes<float> larger(Lanes<float> x, Lanes<float> y) { return _mm512_max_ps(x, y); }
inline Lanes<double> larger(Lanes<double> x, Lanes<double> y) { return _mm512_max_pd(x, y); }

#else

template <class Real>
inline Lanes<Real> load_first(const Real* from, std::size_t count) {
  Lanes<Real> result{};
  __builtin_memcpy(&result, from, count * sizeof(Real));
  return result;
}
template <class Real>
inline void store_first(Real* to, const Lanes<Real>& x, std::size_t count) {
  __builtin_memcpy(to, &x, count * sizeof(Real));
}

#if ROUNDTRIP_LANE_BYTES == 32
inline Lanes<float> multiply_add(Lanes<float> x, Lanes<float> y, Lanes<float> z) { return _mm256_fmadd_ps(x, y, z); }
inline Lanes<double> multiply_add(Lanes<double> x, Lanes<double> y, Lanes<double> z) { return _mm256_fmadd_pd(x, y, z); }
inline Lanes<float> larger(Lanes<float> x, Lanes<float> y) { return _mm256_max_ps(x, y); }
inline Lanes<double> larger(Lanes<double> x, Lanes<double> y) { return _mm256_max_pd(x, y); }
#else
inline Lanes<float> multiply_add(Lanes<float> x, Lanes<float> y, Lanes<float> z) { return x * y + z; }
inline Lanes<double> multiply_add(Lanes<double> x, Lanes<double> y, Lanes<double> z) { return x * y + z; }
inline Lanes<float> larger(Lanes<float> x, Lanes<float> y) { return x > y ? x : y; }
inline Lanes<double> larger(Lanes<double> x, Lanes<double> y) { return x > y ? x : y; }
#endif

#endif

/// step(c, load, store) for `size` numbers from c on, a register at a time: with load(from) and store(to, x) for as many as there are.
template <class Real, class Step>
[[gnu::always_inline]] inline void for_lanes(std::size_t size, const Step& step) {
  std::size_t c = 0;
  for (; c + lanes<Real> <= size; c += lanes<Real>) {
    step(
        c, [](const Real* from) { return load(from); }, [](Real* to, const Lanes<Real>& x) { store(to, x); });
  }
  if (const auto rest = size - c; rest != 0) {
    step(
        c, [rest](const Real* from) { return load_first(from, rest); },
        [rest](Real* to, const Lanes<Real>& x) { store_first(to, x, rest); });
  }
}

/// 0, 1, 2, ...
template <class Real>
inline LaneWords<Real> lane_numbers() {
  LaneWords<Real> result{};
  for (std::size_t i = 0; i < lanes<Real>; ++i) result[i] = static_cast<typename LanesOf<Real>::Bits>(i);
  return result;
}

/// Lane i is the lane number[i] of x and, counted on, of y.
template <class Real>
[[gnu::always_inline]] inline Lanes<Real> chosen(const Lanes<Real>& x, const Lanes<Real>& y, const LaneWords<Real>& numbers) {
#if defined(__clang__)
  Lanes<Real> result{};
  for (std::size_t i = 0; i < lanes<Real>; ++i) result[i] = numbers[i] < lanes<Real> ? x[numbers[i]] : y[numbers[i] - lanes<Real>];
  return result;
#else
  return __builtin_shuffle(x, y, numbers);
#endif
}
/// Each lane gets the one that lies `distance` (a power of two) beside it.
template <class Real>
[[gnu::always_inline]] inline Lanes<Real> swapped(const Lanes<Real>& x, std::size_t distance) {
  return chosen<Real>(x, x, lane_numbers<Real>() ^ static_cast<typename LanesOf<Real>::Bits>(distance));
}

/// By halves: the same tree whatever the numbers.
template <class Real>
[[gnu::always_inline]] inline Real sum_of(Lanes<Real> x) {
#pragma GCC unroll 4
  for (auto half = lanes<Real> / 2; half != 0; half /= 2) x += swapped<Real>(x, half);
  return x[0];
}
/// NaN is passed over where another number is beside it.
template <class Real>
[[gnu::always_inline]] inline Real largest_of(Lanes<Real> x) {
#pragma GCC unroll 4
  for (auto half = lanes<Real> / 2; half != 0; half /= 2) x = larger(x, swapped<Real>(x, half));
  return x[0];
}

/// Rounded up to whole registers.
template <class Real>
constexpr std::size_t padded(std::size_t count) {
  return (count + lanes<Real> - 1) / lanes<Real> * lanes<Real>;
}

}  // namespace
}  // namespace bridge::cpu
