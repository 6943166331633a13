#include "transformer_bridge/kernels/cuda/merge.h"

namespace bridge::cuda {
namespace {

constexpr unsigned rows_per_block = 8;  // a warp has a row
__device__ __forceinline__ std::size_t row_here() { return std::size_t{blockIdx.x} * rows_per_block + threadIdx.x / 32; }

template <class Real>
__global__ void __launch_bounds__(32 * rows_per_block)
    merge_kernel(std::size_t n, std::size_t v, Real* __restrict__ into_largest, Real* __restrict__ into_sum, Real* __restrict__ into_value,
                 const Real* __restrict__ from_largest, const Real* __restrict__ from_sum, const Real* __restrict__ from_value) {
  const unsigned lane = threadIdx.x % 32;
  const std::size_t row = row_here();
  if (row >= n) return;  // a whole warp
  const Real mine = into_largest[row], mine_sum = into_sum[row], other = from_largest[row], other_sum = from_sum[row];
  __syncwarp();  // the lanes have read what the first lane writes
  const Real nothing = -static_cast<Real>(INFINITY);
  if (other == nothing && other_sum == 0) return;
  const bool takes = mine == nothing && mine_sum == 0;  // apart, so that the other's bits stay: adding 0 makes 0 of -0
  const Real largest = kl::max(mine, other), base = largest == nothing ? Real{0} : largest;
  const Real mine_weight = kl::exp(mine - base), other_weight = kl::exp(other - base);
  if (lane == 0) {
    into_largest[row] = takes ? other : largest;
    into_sum[row] = takes ? other_sum : mine_sum * mine_weight + other_sum * other_weight;
  }
  Real* into = into_value + row * v;
  const Real* from = from_value + row * v;
  for (std::size_t c = lane; c < v; c += 32) into[c] = takes ? from[c] : into[c] * mine_weight + from[c] * other_weight;
}

template <class Real>
__global__ void __launch_bounds__(32 * rows_per_block)
    finish_kernel(std::size_t n, std::size_t v, const Real* __restrict__ sum, const Real* value, Real* out) {
  const std::size_t row = row_here();
  if (row >= n) return;
  const Real divisor = sum[row];
  for (std::size_t c = threadIdx.x % 32; c < v; c += 32) out[row * v + c] = divisor == 0 ? Real{0} : value[row * v + c] / divisor;
}

}  // namespace

template <class Real>
void merge(std::size_t n, std::size_t v, Real* into_largest, Real* into_sum, Real* into_value, const Real* from_largest,
           const Real* from_sum, const Real* from_value, kl::Stream stream) {
  if (n == 0) return;
  KL_LAUNCH(merge_kernel<Real>, kl::blocks_for(n, rows_per_block), 32 * rows_per_block, 0, stream, n, v, into_largest, into_sum, into_value,
            from_largest, from_sum, from_value);
}

template <class Real>
void finish(std::size_t n, std::size_t v, const Real* sum, const Real* value, Real* out, kl::Stream stream) {
  if (n == 0 || v == 0) return;
  KL_LAUNCH(finish_kernel<Real>, kl::blocks_for(n, rows_per_block), 32 * rows_per_block, 0, stream, n, v, sum, value, out);
}

#define ROUNDTRIP_MERGE_KERNELS(Real)                                                                                    \
  template void merge(std::size_t, std::size_t, Real*, Real*, Real*, const Real*, const Real*, const Real*, kl::Stream); \
  template void finish(std::size_t, std::size_t, const Real*, const Real*, Real*, kl::Stream);
ROUNDTRIP_MERGE_KERNELS(float)
ROUNDTRIP_MERGE_KERNELS(double)
#undef ROUNDTRIP_MERGE_KERNELS

}  // namespace bridge::cuda
