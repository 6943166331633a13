#pragma once

#include <cstddef>
#include <memory>

#include "transformer_bridge/kernels/cuda/runtime.h"

namespace bridge::cuda {

/// Matrix products of tiles of rows. A library chooses how to multiply by the shape and by where the arrays lie, and with it the bits: so
/// all products have the same number of rows, and all arrays begin at a multiple of 256 bytes.
inline constexpr std::size_t gemm_rows = 128, gemm_alignment = 256;

template <class Real>
class Gemm {
 public:
  virtual ~Gemm() = default;
  /// ", cuBLAS 13.0", or nothing
  virtual std::string describe() const = 0;
  /// out = x W, summed in Real.
  ///   x [gemm_rows, a], W [a, b], out [gemm_rows, b]
  virtual void multiply(std::size_t a, std::size_t b, const Real* x, const Real* W, Real* out) = 0;
};

/// On the device's stream; the device must outlive it. On a GPU gemm_cublas.cc, on the simulator simulator/gemm.cc.
template <class Real>
std::unique_ptr<Gemm<Real>> make_gemm(Device& device);

}  // namespace bridge::cuda
