#include <algorithm>

#include "transformer_bridge/kernels/cuda/pack.h"

namespace bridge::cuda {
namespace {

constexpr unsigned tile = 256, tile_warps = tile / 32, scan_threads = 1024, columns_per_block = 128;
constexpr std::size_t destinations_at_once = 1024;  // 32 KiB of counts, one for each warp of a tile

/// The destinations of a pass.
struct Range {
  std::uint32_t first, count;
};
constexpr std::uint32_t none = 0xffffffffU;

/// Where row i goes, counted from the first destination of the pass; none: not in this pass.
__device__ __forceinline__ std::uint32_t bucket_of(const std::uint32_t* destination, std::size_t i, std::size_t n, Range range) {
  if (i >= n) return none;
  const std::uint32_t bucket = destination[i] - range.first;  // one below the first wraps around, and is too large
  return bucket < range.count ? bucket : none;
}

/// counts [range, tiles]: how many rows of a tile go to a destination.
__global__ void __launch_bounds__(tile) histogram_kernel(const std::uint32_t* __restrict__ destination, std::size_t n, Range range,
                                                         std::size_t tiles, std::uint32_t* __restrict__ counts) {
  KL_DYNAMIC_SHARED(std::uint32_t, local);  // [range]
  const std::size_t t = blockIdx.x;
  for (std::uint32_t d = threadIdx.x; d < range.count; d += tile) local[d] = 0;
  __syncthreads();
  const std::uint32_t bucket = bucket_of(destination, t * tile + threadIdx.x, n, range);
  if (bucket != none) atomicAdd(&local[bucket], 1U);  // integers: any order, the same count
  __syncthreads();
  for (std::uint32_t d = threadIdx.x; d < range.count; d += tile) counts[d * tiles + t] = local[d];
}

/// Makes of the counts where each tile's first row for a destination goes: an exclusive scan in place, by one block that carries the total
/// from strip to strip. starts [range + 1]: the first is known unless the pass is the first.
__global__ void __launch_bounds__(scan_threads)
    scan_kernel(std::uint32_t* __restrict__ counts, std::size_t tiles, Range range, std::uint32_t* __restrict__ starts) {
  KL_SHARED(std::uint32_t, warp_total, [32]);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::size_t n = range.count * tiles;
  std::uint32_t carry = range.first == 0 ? 0 : starts[0];
  __syncthreads();  // all have read what the first thread writes
  for (std::size_t base = 0; base < n; base += scan_threads) {
    const std::size_t i = base + threadIdx.x;
    const std::uint32_t own = i < n ? counts[i] : 0;
    std::uint32_t inclusive = own;
    for (unsigned step = 1; step < 32; step *= 2) {
      const std::uint32_t other = __shfl_up_sync(kl::everyone, inclusive, step);
      if (lane >= step) inclusive += other;
    }
    if (lane == 31) warp_total[warp] = inclusive;
    __syncthreads();
    std::uint32_t before = carry, all = carry;
    for (unsigned w = 0; w < 32; ++w) {
      if (w == warp) before = all;
      all += warp_total[w];
    }
    if (i < n) {
      counts[i] = before + inclusive - own;
      if (i % tiles == 0) starts[i / tiles] = before + inclusive - own;
    }
    carry = all;
    __syncthreads();  // warp_total is written again
  }
  if (threadIdx.x == 0) starts[range.count] = carry;
}

template <class Real>
__global__ void __launch_bounds__(tile)
    scatter_kernel(const Real* __restrict__ rows, const std::uint32_t* __restrict__ destination, std::size_t n, std::size_t a, Range range,
                   std::size_t tiles, const std::uint32_t* __restrict__ offsets, Real* __restrict__ out) {
  KL_DYNAMIC_SHARED(std::uint32_t, warp_count);  // [tile_warps, range]: rows of a warp that go to a destination
  KL_SHARED(std::uint32_t, place, [tile]);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::size_t t = blockIdx.x, first = t * tile;
  for (std::uint32_t e = threadIdx.x; e < tile_warps * range.count; e += tile) warp_count[e] = 0;
  __syncthreads();
  const std::uint32_t bucket = bucket_of(destination, first + threadIdx.x, n, range);
  const unsigned peers = __match_any_sync(kl::everyone, bucket);
  const auto rank = static_cast<std::uint32_t>(__popc(peers & ((1U << lane) - 1)));  // among the lanes before this one
  if (bucket != none && rank == 0) warp_count[warp * range.count + bucket] = static_cast<std::uint32_t>(__popc(peers));
  __syncthreads();
  std::uint32_t at = none;
  if (bucket != none) {
    at = offsets[bucket * tiles + t] + rank;
    for (unsigned w = 0; w < warp; ++w) at += warp_count[w * range.count + bucket];
  }
  place[threadIdx.x] = at;
  __syncthreads();
  // A warp copies a row at a time.
  for (unsigned r = warp; r < tile && first + r < n; r += tile_warps) {
    if (place[r] == none) continue;
    const Real* from = rows + (first + r) * a;
    Real* to = out + std::size_t{place[r]} * a;
    for (std::size_t c = lane; c < a; c += 32) to[c] = from[c];
  }
}

template <class Real>
__global__ void __launch_bounds__(columns_per_block)
    unpack_kernel(std::size_t a, const Real* __restrict__ rows, const std::uint32_t* __restrict__ place, Real* __restrict__ out) {
  const std::size_t row = blockIdx.x, column = std::size_t{blockIdx.y} * columns_per_block + threadIdx.x;
  if (column < a) out[std::size_t{place[row]} * a + column] = rows[row * a + column];
}

std::size_t tiles_of(std::size_t n) { return std::max<std::size_t>(1, (n + tile - 1) / tile); }  // one tile without rows: starts of 0

}  // namespace

std::size_t pack_scratch(std::size_t n, std::size_t destinations) { return std::min(destinations, destinations_at_once) * tiles_of(n); }

template <class Real>
void pack(std::size_t n, std::size_t a, const Real* rows, const std::uint32_t* destination, std::size_t destinations, Real* out,
          std::uint32_t* starts, std::uint32_t* scratch, kl::Stream stream) {
  const auto tiles = tiles_of(n);
  const auto grid = kl::blocks_for(tiles, 1);
  std::size_t first = 0;
  do {  // once also for no destinations: starts [1]
    const auto count = std::min(destinations_at_once, destinations - first);
    const Range range{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)};
    KL_LAUNCH(histogram_kernel, grid, tile, count * sizeof(std::uint32_t), stream, destination, n, range, tiles, scratch);
    KL_LAUNCH(scan_kernel, 1, scan_threads, 0, stream, scratch, tiles, range, starts + first);
    KL_LAUNCH(scatter_kernel<Real>, grid, tile, tile_warps * count * sizeof(std::uint32_t), stream, rows, destination, n, a, range, tiles,
              scratch, out);
    first += destinations_at_once;
  } while (first < destinations);
}

template <class Real>
void unpack(std::size_t n, std::size_t a, const Real* rows, const std::uint32_t* place, Real* out, kl::Stream stream) {
  if (n == 0 || a == 0) return;
  KL_LAUNCH(unpack_kernel<Real>, dim3(kl::blocks_for(n, 1), kl::blocks_for(a, columns_per_block)), columns_per_block, 0, stream, a, rows,
            place, out);
}

#define ROUNDTRIP_PACK_KERNELS(Real)                                                                                                  \
  template void pack(std::size_t, std::size_t, const Real*, const std::uint32_t*, std::size_t, Real*, std::uint32_t*, std::uint32_t*, \
                     kl::Stream);                                                                                                     \
  template void unpack(std::size_t, std::size_t, const Real*, const std::uint32_t*, Real*, kl::Stream);
ROUNDTRIP_PACK_KERNELS(float)
ROUNDTRIP_PACK_KERNELS(double)
#undef ROUNDTRIP_PACK_KERNELS

}  // namespace bridge::cuda
