#pragma once

/// The kernel layer: one source in the CUDA dialect, compiled by nvcc for the device, and with KL_SIM by a host compiler for the simulator,
/// which runs the kernels on a processor and checks them (simulator/kl_sim.h). A program has one or the other.
///
/// Within a kernel everything is plain CUDA: threadIdx, __syncthreads(), __shfl_xor_sync(), atomicAdd() of integers, ... Macros are only
/// what a host compiler cannot parse, and what must be seen:
///   KL_SHARED(float, tile, [32][33]);       a static shared array
///   KL_DYNAMIC_SHARED(float, scratch);      the dynamic shared array, a float*, of the size that the launch gave it
///   KL_LAUNCH(kernel, grid, block, dynamic_bytes, stream, argument...);   launches, and throws if the launch is bad
///   KL_UNROLL                               #pragma unroll, on the device only
/// and, for more than 48 KiB of shared memory, kl::allow_shared(kernel, dynamic_bytes) before the launch.

#include <cmath>
#include <cstddef>
#include <cstdint>

#ifdef KL_SIM
#include "transformer_bridge/kernels/cuda/simulator/kl_sim.h"
#else
#include <string>

#include <cuda_runtime.h>

#include "mpc/error.h"

#define KL_SHARED(type, name, extents) __shared__ type name extents
#define KL_DYNAMIC_SHARED(type, name)                                \
  extern __shared__ __align__(16) unsigned char kl_dynamic_shared[]; \
  type* name = reinterpret_cast<type*>(kl_dynamic_shared)
// clang-format off
#define KL_LAUNCH(kernel, grid, block, dynamic_bytes, stream, ...)     \
  do {                                                                 \
    kernel<<<(grid), (block), (dynamic_bytes), (stream)>>>(__VA_ARGS__); \
    ::kl::check(cudaGetLastError(), "launch of " #kernel);             \
  } while (0)
// clang-format on
#define KL_UNROLL _Pragma("unroll")

namespace kl {

using Stream = cudaStream_t;

/// Throws mpc::Fault unless the status is cudaSuccess.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw mpc::Fault(std::string("cuda: ") + what + ": " + cudaGetErrorName(status) + ": " + cudaGetErrorString(status));
}

template <class Kernel>
void allow_shared(Kernel kernel, std::size_t dynamic_bytes) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(dynamic_bytes)), "shared memory");
}

}  // namespace kl
#endif

namespace kl {

/// All lanes of a warp: the mask of every warp function.
inline constexpr unsigned everyone = 0xffffffffU;

// One name for both number types. max drops a NaN beside a number, as fmax does.
__device__ __forceinline__ float exp(float x) { return expf(x); }
__device__ __forceinline__ double exp(double x) { return ::exp(x); }
__device__ __forceinline__ float sqrt(float x) { return sqrtf(x); }
__device__ __forceinline__ double sqrt(double x) { return ::sqrt(x); }
__device__ __forceinline__ float erf(float x) { return erff(x); }
__device__ __forceinline__ double erf(double x) { return ::erf(x); }
__device__ __forceinline__ float tanh(float x) { return tanhf(x); }
__device__ __forceinline__ double tanh(double x) { return ::tanh(x); }
__device__ __forceinline__ float max(float x, float y) { return fmaxf(x, y); }
__device__ __forceinline__ double max(double x, double y) { return ::fmax(x, y); }

/// The sum over `width` neighbouring lanes (a power of two), on all of them; a fixed tree, so always the same bits.
template <class Real>
__device__ __forceinline__ Real warp_sum(Real x, int width = 32) {
  for (int step = width / 2; step > 0; step /= 2) x += __shfl_xor_sync(everyone, x, step, width);
  return x;
}
/// The maximum over them, in the same way.
template <class Real>
__device__ __forceinline__ Real warp_max(Real x, int width = 32) {
  for (int step = width / 2; step > 0; step /= 2) x = max(x, __shfl_xor_sync(everyone, x, step, width));
  return x;
}

/// Blocks of `each` that cover n; n > 0.
inline unsigned blocks_for(std::size_t n, std::size_t each) { return static_cast<unsigned>((n + each - 1) / each); }

}  // namespace kl
