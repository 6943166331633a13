#pragma once

#include "transformer_bridge/kernels/cuda/kl.h"

// A loop that is unrolled so many times and no more: one that the compiler unrolls takes registers for the loads of many rounds.
#ifdef KL_SIM
#define KL_UNROLL_BY(count)
#else
#define KL_PRAGMA(text) _Pragma(#text)
#define KL_UNROLL_BY(count) KL_PRAGMA(unroll count)
#endif

/// Sixteen bytes at once: the widest a thread reads and writes. The place must be a multiple of 16 bytes.
namespace bridge::cuda {

/// 4 floats or 2 doubles.
template <class Real>
struct Wide {
  static constexpr std::size_t count = 16 / sizeof(Real);
  static constexpr int size = static_cast<int>(count);
  Real at[count];
};

#ifdef KL_SIM
// A vector, and opaque: the compiler would make one access of each element, and the tracer would see those.
namespace wide {
using Floats [[gnu::vector_size(16), gnu::may_alias]] = float;
using Doubles [[gnu::vector_size(16), gnu::may_alias]] = double;
inline Floats of(float);
inline Doubles of(double);
}  // namespace wide

template <class Real>
inline Wide<Real> load_wide(const Real* from) {
  using Vector = decltype(wide::of(Real{}));
  Vector all = *reinterpret_cast<const Vector*>(from);
  asm("" : "+x"(all));
  Wide<Real> result;
  for (int e = 0; e < Wide<Real>::size; ++e) result.at[e] = all[e];
  return result;
}

template <class Real>
inline void store_wide(Real* to, const Wide<Real>& from) {
  using Vector = decltype(wide::of(Real{}));
  Vector all{};
  for (int e = 0; e < Wide<Real>::size; ++e) all[e] = from.at[e];
  asm("" : "+x"(all));
  *reinterpret_cast<Vector*>(to) = all;
}

/// x * y, rounded, whatever is added to it.
template <class Real>
inline Real product(Real x, Real y) {
  return x * y;
}
#else
__device__ __forceinline__ Wide<float> load_wide(const float* from) {
  const float4 all = *reinterpret_cast<const float4*>(from);
  return {all.x, all.y, all.z, all.w};
}
__device__ __forceinline__ Wide<double> load_wide(const double* from) {
  const double2 all = *reinterpret_cast<const double2*>(from);
  return {all.x, all.y};
}
__device__ __forceinline__ void store_wide(float* to, const Wide<float>& from) {
  *reinterpret_cast<float4*>(to) = make_float4(from.at[0], from.at[1], from.at[2], from.at[3]);
}
__device__ __forceinline__ void store_wide(double* to, const Wide<double>& from) {
  *reinterpret_cast<double2*>(to) = make_double2(from.at[0], from.at[1]);
}

__device__ __forceinline__ float product(float x, float y) { return __fmul_rn(x, y); }
__device__ __forceinline__ double product(double x, double y) { return __dmul_rn(x, y); }
#endif

/// Whether rows of `columns` numbers, `stride` apart, can be read so, for each of the heads that lie side by side.
template <class Real>
bool wide_rows(const Real* rows, std::size_t stride, std::size_t columns) {
  return reinterpret_cast<std::uintptr_t>(rows) % 16 == 0 && stride % Wide<Real>::size == 0 && columns % Wide<Real>::size == 0;
}

}  // namespace bridge::cuda
