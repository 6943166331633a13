#pragma once

#include <cstddef>
#include <cstdint>

#include "transformer_bridge/kernels/cuda/kl.h"

/// Messages into buckets and out of them.
namespace bridge::cuda {

/// Kernels::pack, by a stable counting sort: a histogram for each tile of rows, a scan over (destination, tile), and a scatter. In passes
/// over the destinations, as many at a time as shared memory counts.
///   rows [n, a], destination [n], out [n, a], starts [destinations + 1], scratch [pack_scratch(n, destinations)]
template <class Real>
void pack(std::size_t n, std::size_t a, const Real* rows, const std::uint32_t* destination, std::size_t destinations, Real* out,
          std::uint32_t* starts, std::uint32_t* scratch, kl::Stream stream);
std::size_t pack_scratch(std::size_t n, std::size_t destinations);

/// Kernels::unpack.
///   rows [n, a], place [n], out [any, a]
template <class Real>
void unpack(std::size_t n, std::size_t a, const Real* rows, const std::uint32_t* place, Real* out, kl::Stream stream);

}  // namespace bridge::cuda
