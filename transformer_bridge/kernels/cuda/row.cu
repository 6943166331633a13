#include "transformer_bridge/kernels/cuda/row.h"

namespace bridge::cuda {
namespace {

constexpr unsigned threads = 256, columns_per_block = 128;

/// A block has 128 columns of one row: no division, and neighbouring lanes have neighbouring columns.
dim3 row_grid(std::size_t n, std::size_t columns) { return dim3(kl::blocks_for(n, 1), kl::blocks_for(columns, columns_per_block)); }
__device__ __forceinline__ std::size_t row_here() { return blockIdx.x; }
__device__ __forceinline__ std::size_t column_here() { return std::size_t{blockIdx.y} * columns_per_block + threadIdx.x; }
__device__ __forceinline__ std::size_t element_here() { return std::size_t{blockIdx.x} * threads + threadIdx.x; }

template <class Real>
__device__ __forceinline__ Real activated(Activation activation, Real y) {
  constexpr Real half = static_cast<Real>(0.5);
  switch (activation) {
    case Activation::relu: return y < 0 ? Real{0} : y;  // not max(y, 0): NaN stays
    case Activation::gelu: return half * y * (1 + kl::erf(y * static_cast<Real>(0.70710678118654752440)));
    case Activation::gelu_tanh:
      return half * y * (1 + kl::tanh(static_cast<Real>(0.79788456080286535588) * (y + static_cast<Real>(0.044715) * y * y * y)));
  }
  return y;
}

template <class Real>
__global__ void __launch_bounds__(columns_per_block)
    epilogue_kernel(std::size_t b, const Real* __restrict__ product, const Real* __restrict__ bias, bool activates, Activation activation,
                    const Real* residual, Real* out) {
  const std::size_t column = column_here(), at = row_here() * b + column;
  if (column >= b) return;
  Real y = product[at];
  if (bias != nullptr) y += bias[column];
  if (activates) y = activated(activation, y);
  if (residual != nullptr) y += residual[at];
  out[at] = y;
}

template <class Real>
__global__ void __launch_bounds__(columns_per_block)
    pad_rows_kernel(std::size_t first, std::size_t n, std::size_t a, const Real* __restrict__ x, Real* __restrict__ tile) {
  const std::size_t row = row_here(), column = column_here();
  if (column >= a) return;
  const bool given = row >= first && row < first + n;
  tile[row * a + column] = given ? x[(row - first) * a + column] : Real{0};
}

template <class Real>
__global__ void __launch_bounds__(threads) activate_kernel(Activation activation, std::size_t count, Real* x) {
  const std::size_t i = element_here();
  if (i < count) x[i] = activated(activation, x[i]);
}

template <class Real>
__global__ void __launch_bounds__(threads) add_kernel(std::size_t count, const Real* x, Real* into) {
  const std::size_t i = element_here();
  if (i < count) into[i] += x[i];
}

template <class Real>
__global__ void __launch_bounds__(columns_per_block)
    copy_columns_kernel(std::size_t columns, const Real* __restrict__ from, std::size_t from_stride, Real* __restrict__ to,
                        std::size_t to_stride) {
  const std::size_t row = row_here(), column = column_here();
  if (column < columns) to[row * to_stride + column] = from[row * from_stride + column];
}

/// The minimum of integers is the same in any order.
template <class Real>
__global__ void __launch_bounds__(columns_per_block)
    first_nan_kernel(std::size_t a, const Real* __restrict__ x, unsigned long long* __restrict__ first) {
  const std::size_t row = row_here(), column = column_here();
  if (column >= a) return;
  const Real value = x[row * a + column];
  if (value != value) atomicMin(first, static_cast<unsigned long long>(row));
}

}  // namespace

template <class Real>
void epilogue(std::size_t n, std::size_t b, const Real* product, const Real* bias, std::optional<Activation> activation,
              const Real* residual, Real* out, kl::Stream stream) {
  if (n == 0 || b == 0) return;
  KL_LAUNCH(epilogue_kernel<Real>, row_grid(n, b), columns_per_block, 0, stream, b, product, bias, activation.has_value(),
            activation.value_or(Activation::relu), residual, out);
}

template <class Real>
void pad_rows(std::size_t at, std::size_t n, std::size_t height, std::size_t a, const Real* x, Real* tile, kl::Stream stream) {
  if (height == 0 || a == 0) return;
  KL_LAUNCH(pad_rows_kernel<Real>, row_grid(height, a), columns_per_block, 0, stream, at, n, a, x, tile);
}

template <class Real>
void activate(Activation activation, std::size_t count, Real* x, kl::Stream stream) {
  if (count == 0) return;
  KL_LAUNCH(activate_kernel<Real>, kl::blocks_for(count, threads), threads, 0, stream, activation, count, x);
}

template <class Real>
void add(std::size_t count, const Real* x, Real* into, kl::Stream stream) {
  if (count == 0) return;
  KL_LAUNCH(add_kernel<Real>, kl::blocks_for(count, threads), threads, 0, stream, count, x, into);
}

template <class Real>
void copy_columns(std::size_t n, std::size_t columns, const Real* from, std::size_t from_stride, Real* to, std::size_t to_stride,
                  kl::Stream stream) {
  if (n == 0 || columns == 0) return;
  KL_LAUNCH(copy_columns_kernel<Real>, row_grid(n, columns), columns_per_block, 0, stream, columns, from, from_stride, to, to_stride);
}

template <class Real>
void first_nan(std::size_t n, std::size_t a, const Real* x, unsigned long long* first, kl::Stream stream) {
  if (n == 0 || a == 0) return;
  KL_LAUNCH(first_nan_kernel<Real>, row_grid(n, a), columns_per_block, 0, stream, a, x, first);
}

#define ROUNDTRIP_ROW_KERNELS(Real)                                                                                                      \
  template void epilogue(std::size_t, std::size_t, const Real*, const Real*, std::optional<Activation>, const Real*, Real*, kl::Stream); \
  template void pad_rows(std::size_t, std::size_t, std::size_t, std::size_t, const Real*, Real*, kl::Stream);                            \
  template void activate(Activation, std::size_t, Real*, kl::Stream);                                                                    \
  template void add(std::size_t, const Real*, Real*, kl::Stream);                                                                        \
  template void copy_columns(std::size_t, std::size_t, const Real*, std::size_t, Real*, std::size_t, kl::Stream);                        \
  template void first_nan(std::size_t, std::size_t, const Real*, unsigned long long*, kl::Stream);
ROUNDTRIP_ROW_KERNELS(float)
ROUNDTRIP_ROW_KERNELS(double)
#undef ROUNDTRIP_ROW_KERNELS

}  // namespace bridge::cuda
