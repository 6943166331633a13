#include "tests/transformer_bridge/kernels/cuda/broken.h"

namespace tests::broken {
namespace {

constexpr unsigned threads = 64;

__global__ void __launch_bounds__(threads) barrier_in_a_branch_kernel(const float* x, float* out) {
  if (threadIdx.x < 40) __syncthreads();
  out[threadIdx.x] = x[threadIdx.x];
}

__global__ void __launch_bounds__(threads) barriers_at_two_lines_kernel(const float* x, float* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = x[threadIdx.x];
}

__global__ void __launch_bounds__(threads) lane_missing_kernel(const float* x, float* out) {
  float value = x[threadIdx.x];
  if (threadIdx.x % 32 != 7) value = __shfl_xor_sync(kl::everyone, value, 1);
  __syncthreads();
  out[threadIdx.x] = value;
}

__global__ void __launch_bounds__(threads) lane_not_in_its_mask_kernel(const float* x, float* out) {
  out[threadIdx.x] = __shfl_xor_sync(0x0000ffffU, x[threadIdx.x], 1);
}

__global__ void __launch_bounds__(threads) read_of_an_exited_lane_kernel(const float* x, float* out) {
  if (threadIdx.x % 32 == 7) return;
  out[threadIdx.x] = __shfl_xor_sync(kl::everyone, x[threadIdx.x], 1);
}

__global__ void copy_kernel(const float* x, float* out) { out[threadIdx.x % threads] = x[threadIdx.x % threads]; }

__global__ void __launch_bounds__(threads) dynamic_kernel(const float* x, float* out) {
  KL_DYNAMIC_SHARED(float, scratch);
  scratch[threadIdx.x] = x[threadIdx.x];
  out[threadIdx.x] = scratch[threadIdx.x];
}

__global__ void __launch_bounds__(threads) order_of_arrival_kernel(const float* x, float* out) {
  KL_SHARED(unsigned, next, [1]);
  if (threadIdx.x == 0) next[0] = 0;
  __syncthreads();
  out[atomicAdd(&next[0], 1U)] = x[threadIdx.x];
}

__global__ void __launch_bounds__(threads) out_of_bounds_kernel(const float* x, float* out) { out[threadIdx.x] = x[threadIdx.x + 1]; }

__global__ void __launch_bounds__(threads) uninitialised_kernel(const float* x, float* out) {
  KL_SHARED(float, tile, [threads]);
  if (threadIdx.x < 50) tile[threadIdx.x] = x[threadIdx.x];
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void __launch_bounds__(threads) race_in_a_block_kernel(const float* x, float* out) {
  KL_SHARED(float, tile, [threads]);
  tile[threadIdx.x] = 0;
  __syncthreads();
  tile[threadIdx.x] = x[threadIdx.x];
  out[threadIdx.x] = tile[(threadIdx.x + 32) % threads];  // without a barrier
}

__global__ void __launch_bounds__(threads) race_in_a_warp_kernel(const float* x, float* out) {
  KL_SHARED(float, tile, [threads]);
  tile[threadIdx.x] = x[threadIdx.x];
  const float value = __shfl_xor_sync(kl::everyone, x[threadIdx.x], 1);  // orders no memory
  out[threadIdx.x] = value + tile[threadIdx.x ^ 1U];
}

__global__ void __launch_bounds__(threads) race_between_blocks_kernel(const float* x, float* out) { out[threadIdx.x] = x[threadIdx.x]; }

}  // namespace

void barrier_in_a_branch(const float* x, float* out) { KL_LAUNCH(barrier_in_a_branch_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void barriers_at_two_lines(const float* x, float* out) { KL_LAUNCH(barriers_at_two_lines_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void lane_missing(const float* x, float* out) { KL_LAUNCH(lane_missing_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void lane_not_in_its_mask(const float* x, float* out) { KL_LAUNCH(lane_not_in_its_mask_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void read_of_an_exited_lane(const float* x, float* out) { KL_LAUNCH(read_of_an_exited_lane_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void too_many_threads(const float* x, float* out) { KL_LAUNCH(copy_kernel, 1, 1056, 0, kl::Stream{}, x, out); }
void no_blocks(const float* x, float* out) { KL_LAUNCH(copy_kernel, 0, threads, 0, kl::Stream{}, x, out); }
void too_much_shared_memory(const float* x, float* out) { KL_LAUNCH(dynamic_kernel, 1, threads, (48U << 10) + 4, kl::Stream{}, x, out); }
void order_of_arrival(const float* x, float* out) { KL_LAUNCH(order_of_arrival_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void out_of_bounds(const float* x, float* out) { KL_LAUNCH(out_of_bounds_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void uninitialised(const float* x, float* out) { KL_LAUNCH(uninitialised_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void race_in_a_block(const float* x, float* out) { KL_LAUNCH(race_in_a_block_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void race_in_a_warp(const float* x, float* out) { KL_LAUNCH(race_in_a_warp_kernel, 1, threads, 0, kl::Stream{}, x, out); }
void race_between_blocks(const float* x, float* out) { KL_LAUNCH(race_between_blocks_kernel, 2, threads, 0, kl::Stream{}, x, out); }
void host_memory(const float*, float* out) {
  static const float host[threads] = {};
  float local[threads] = {};
  local[0] = host[1];
  KL_LAUNCH(copy_kernel, 1, threads, 0, kl::Stream{}, local, out);
}

}  // namespace tests::broken
