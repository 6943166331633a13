#include "transformer_bridge/kernels/cuda/embedding.h"

namespace bridge::cuda {
namespace {

constexpr unsigned columns_per_block = 128;  // of one row

template <class Real>
__global__ void __launch_bounds__(columns_per_block)
    embedding_kernel(std::size_t b, const std::uint32_t* __restrict__ ids, const Real* __restrict__ table,
                     const Real* __restrict__ positions, Real* __restrict__ out) {
  const std::size_t row = blockIdx.x, column = std::size_t{blockIdx.y} * columns_per_block + threadIdx.x;
  if (column >= b) return;
  Real value = table[std::size_t{ids[row]} * b + column];
  if (positions != nullptr) value += positions[row * b + column];
  out[row * b + column] = value;
}

}  // namespace

template <class Real>
void embedding(std::size_t n, std::size_t b, const std::uint32_t* ids, const Real* table, const Real* positions, Real* out,
               kl::Stream stream) {
  if (n == 0 || b == 0) return;
  KL_LAUNCH(embedding_kernel<Real>, dim3(kl::blocks_for(n, 1), kl::blocks_for(b, columns_per_block)), columns_per_block, 0, stream, b, ids,
            table, positions, out);
}

template void embedding(std::size_t, std::size_t, const std::uint32_t*, const float*, const float*, float*, kl::Stream);
template void embedding(std::size_t, std::size_t, const std::uint32_t*, const double*, const double*, double*, kl::Stream);

}  // namespace bridge::cuda
