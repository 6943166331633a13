#include "transformer_bridge/kernels/cuda/layer_norm.h"

namespace bridge::cuda {
namespace {

constexpr unsigned rows_per_block = 4;  // a warp has a row

// x and out may be one array: no __restrict__ for them. A lane writes only the columns that it alone reads.
template <class Real>
__global__ void __launch_bounds__(32 * rows_per_block)
    layer_norm_kernel(std::size_t n, std::size_t a, const Real* x, const Real* __restrict__ gain, const Real* __restrict__ bias,
                      Real epsilon, Real* out) {
  const unsigned lane = threadIdx.x % 32;
  const std::size_t row = std::size_t{blockIdx.x} * rows_per_block + threadIdx.x / 32;
  if (row >= n) return;  // a whole warp
  const Real* in = x + row * a;
  Real* to = out + row * a;
  Real sum = 0;
  for (std::size_t c = lane; c < a; c += 32) sum += in[c];
  const Real mean = kl::warp_sum(sum) / static_cast<Real>(a);
  Real squares = 0;
  for (std::size_t c = lane; c < a; c += 32) squares += (in[c] - mean) * (in[c] - mean);
  const Real scale = 1 / kl::sqrt(kl::warp_sum(squares) / static_cast<Real>(a) + epsilon);
  for (std::size_t c = lane; c < a; c += 32) to[c] = (in[c] - mean) * scale * gain[c] + bias[c];
}

}  // namespace

template <class Real>
void layer_norm(std::size_t n, std::size_t a, const Real* x, const Real* gain, const Real* bias, Real epsilon, Real* out,
                kl::Stream stream) {
  if (n == 0) return;
  KL_LAUNCH(layer_norm_kernel<Real>, kl::blocks_for(n, rows_per_block), 32 * rows_per_block, 0, stream, n, a, x, gain, bias, epsilon, out);
}

template void layer_norm(std::size_t, std::size_t, const float*, const float*, const float*, float, float*, kl::Stream);
template void layer_norm(std::size_t, std::size_t, const double*, const double*, const double*, double, double*, kl::Stream);

}  // namespace bridge::cuda
