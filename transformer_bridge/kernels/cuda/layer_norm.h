#pragma once

#include <cstddef>

#include "transformer_bridge/kernels/cuda/kl.h"

namespace bridge::cuda {

/// Kernels::layer_norm. Sums go over 32 lanes, each with every 32nd column, then by a fixed tree.
///   x [n, a], gain [a], bias [a], out [n, a], which may be x
template <class Real>
void layer_norm(std::size_t n, std::size_t a, const Real* x, const Real* gain, const Real* bias, Real epsilon, Real* out,
                kl::Stream stream);

}  // namespace bridge::cuda
