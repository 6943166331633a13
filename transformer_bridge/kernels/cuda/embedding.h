#pragma once

#include <cstddef>
#include <cstdint>

#include "transformer_bridge/kernels/cuda/kl.h"

namespace bridge::cuda {

/// Kernels::embedding.
///   ids [n], table [u, b], positions [n, b] or null, out [n, b]
template <class Real>
void embedding(std::size_t n, std::size_t b, const std::uint32_t* ids, const Real* table, const Real* positions, Real* out,
               kl::Stream stream);

}  // namespace bridge::cuda
