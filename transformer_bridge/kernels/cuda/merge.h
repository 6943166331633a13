#pragma once

#include <cstddef>

#include "transformer_bridge/kernels/cuda/kl.h"

/// Parts of attention, put together. Compiled without fused multiply-add: a * x + b * y must be the same bits as b * y + a * x.
namespace bridge::cuda {

/// Kernels::merge.
///   largest [n], sum [n], value [n, v]
template <class Real>
void merge(std::size_t n, std::size_t v, Real* into_largest, Real* into_sum, Real* into_value, const Real* from_largest,
           const Real* from_sum, const Real* from_value, kl::Stream stream);

/// Kernels::finish.
///   sum [n], value [n, v], out [n, v], which may be value
template <class Real>
void finish(std::size_t n, std::size_t v, const Real* sum, const Real* value, Real* out, kl::Stream stream);

}  // namespace bridge::cuda
