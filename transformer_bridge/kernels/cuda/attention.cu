#include <algorithm>
#include <limits>

#include "transformer_bridge/kernels/cuda/attention.h"
#include "transformer_bridge/kernels/cuda/wide.h"

namespace bridge::cuda {
namespace {

using kl::everyone;

template <class Real>
constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();
template <class Real>
constexpr Real not_a_number = std::numeric_limits<Real>::quiet_NaN();

// A warp is 4 lanes down by 8 across. Down are rows: a lane has `Rows` of them, every fourth. Across are keys, every eighth of a tile, and
// then columns of the values, 16 bytes in every 128. So a warp shares no row with another, and a row's numbers are summed by its 8 lanes.
constexpr int lanes_down = 4, lanes_across = 8, keys_per_lane = 4;
constexpr int tile_keys = lanes_across * keys_per_lane;
constexpr int chunk_keys = 512;  // never of another size: the bits depend on it
constexpr int most_warps = 4, most_width = 128;
static_assert(tile_keys == 32);  // what a row sees of a tile is a word

/// Many chunks' partials at a time take no more memory than this, in numbers, or one block of rows.
constexpr std::size_t most_scratch = std::size_t{1} << 24;

/// One launch of attention, of n rows, or of pairs of blocks.
template <class Real>
struct Work {
  const Real *queries, *keys, *values;
  const std::uint8_t* visible;  // null, or [n, visible_pitch]
  const BlockPair* pairs;       // null, or as many as the grid has
  std::size_t query_stride, key_stride, value_stride, visible_pitch;
  std::size_t shown, first_query, first_key;
  int n, t, k, v, heads;
  bool causal;
  bool wide_queries, wide_keys, wide_values, wide_out;
  Real scale;
  // Where the parts go: largest and sum by row and head, value by row, head and column, and each chunk's `chunk_*` further on.
  Real *largest, *sum, *value;
  std::size_t part_stride, out_stride, chunk_parts, chunk_values;
  bool finished;  // value is the result, divided by the sum; the others are not written
  bool marked;    // a row that sees keys, but whose logits are all minus infinity, has the sum -0
};

/// The rows and keys of one launch, or of one pair of it.
struct Block {
  int pair;
  int rows, keys_shown;  // keys_shown: those before the first that is hidden from all
  int ahead;             // row i sees the keys below ahead + i; between -rows and keys_shown
};

template <class Real>
__device__ __forceinline__ Block block_of(const Work<Real>& work, int pair) {
  auto first_query = work.first_query, first_key = work.first_key;
  int rows = work.n, keys = work.t;
  if (work.pairs != nullptr) {
    const BlockPair mine = work.pairs[pair];
    first_query = mine.first_query, first_key = mine.first_key;
    rows = static_cast<int>(mine.queries), keys = static_cast<int>(mine.keys);
  }
  const auto shown = work.shown > first_key ? work.shown - first_key : 0;
  const int keys_shown = shown < static_cast<std::size_t>(keys) ? static_cast<int>(shown) : keys;
  const auto ahead = static_cast<long long>(first_query - first_key) + 1;
  return {pair, rows, keys_shown, !work.causal || ahead > keys_shown ? keys_shown : ahead < -rows ? -rows : static_cast<int>(ahead)};
}

/// The first key that row i does not see for being after it, or hidden from all.
__device__ __forceinline__ int end_of(const Block& block, int i) {
  const int end = block.ahead + i;
  return end > block.keys_shown ? block.keys_shown : end < 0 ? 0 : end;
}

/// Column `column` of a head that has `width` of them, of row i of a pair of `rows`.
__device__ __forceinline__ std::size_t place(int pair, int rows, int i, std::size_t stride, int head, int width, int column = 0) {
  return (static_cast<std::size_t>(pair) * static_cast<std::size_t>(rows) + static_cast<std::size_t>(i)) * stride +
         static_cast<std::size_t>(head) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column);
}

template <class Real>
__device__ __forceinline__ bool shown_by_mask(const Work<Real>& work, const Block& block, int i, int j) {
  return work.visible[place(block.pair, work.n, i, work.visible_pitch, 0, 0, j)] != 0;
}

/// tile [rows, Columns], its rows `pitch` apart, from `count` rows of `columns`; the rest is zeros.
template <int Columns, class Real>
__device__ __forceinline__ void fill(Real* tile, int rows, int pitch, const Real* from, std::size_t stride, int count, int columns,
                                     bool wide) {
  constexpr int size = Wide<Real>::size, across = Columns / size;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  if (wide && across <= 32) {
    const int column = thread % across * size;
    KL_UNROLL_BY(4)
    for (int row = thread / across; row < rows; row += threads / across) {
      Wide<Real> numbers = {};
      if (row < count && column < columns) numbers = load_wide(from + place(0, 0, row, stride, 0, 0, column));
      store_wide(tile + row * pitch + column, numbers);
    }
  } else {
    KL_UNROLL_BY(1)
    for (int row = thread / 32; row < rows; row += threads / 32) {
      KL_UNROLL_BY(1)
      for (int column = thread % 32; column < Columns; column += 32)
        tile[row * pitch + column] = row < count && column < columns ? from[place(0, 0, row, stride, 0, 0, column)] : Real{0};
    }
  }
}

/// Shared memory: a tile of keys, one of values, and for each warp its rows' queries and weights. Rows of keys and queries are an odd
/// number of 16 bytes apart, and rows of weights 32 bytes more than a multiple of 128, so that the lanes of a warp meet every bank once.
template <class Real, int Width, int Rows>
struct Tiles {
  static constexpr int rows = lanes_down * Rows;  // of a warp
  static constexpr int pitch = Width + Wide<Real>::size, weight_pitch = tile_keys + 2 * Wide<Real>::size;
  static constexpr std::size_t bytes(int warps) {
    return sizeof(Real) * static_cast<std::size_t>(tile_keys * pitch + tile_keys * Width + warps * rows * (pitch + weight_pitch));
  }
};

/// A block has `Rows` * 4 rows a warp, one head, one chunk of keys and `Width` columns of the values: grid (pair and tile of rows, chunk
/// and slice of columns, head). Of a row and a tile of 32 keys a lane computes the logits with 4 keys, and then Width / 8 columns.
template <class Real, int Width, int Rows>
__global__ void __launch_bounds__(32 * most_warps, sizeof(Real) == 4 ? 3 : 2) tile_kernel(const Work<Real> work) {
  using Shape = Tiles<Real, Width, Rows>;
  constexpr int size = Wide<Real>::size, columns_per_lane = Width / lanes_across, groups = columns_per_lane / size;
  constexpr bool sliced = Width == most_width;  // wider queries and keys come in slices of this width
  constexpr std::size_t own_rows = Rows, own_keys = keys_per_lane, own_columns = columns_per_lane;
  KL_DYNAMIC_SHARED(Real, shared);
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32, warps = static_cast<int>(blockDim.x) / 32;
  const int down = lane / lanes_across, across = lane % lanes_across;
  const int block_rows = warps * Shape::rows;
  Real* const tile_key = shared;
  Real* const tile_value = tile_key + tile_keys * Shape::pitch;
  Real* const tile_query = tile_value + tile_keys * Width;
  Real* const my_query = tile_query + (warp * Shape::rows + down) * Shape::pitch;
  Real* const my_weight = tile_query + block_rows * Shape::pitch + (warp * Shape::rows + down) * Shape::weight_pitch;

  const int row_tiles = (work.n + block_rows - 1) / block_rows;
  const int slices = work.v > Width ? (work.v + Width - 1) / Width : 1;
  const int block_x = static_cast<int>(blockIdx.x), block_y = static_cast<int>(blockIdx.y), head = static_cast<int>(blockIdx.z);
  const int chunk = block_y / slices, first_column = block_y % slices * Width;
  const auto block = block_of(work, block_x / row_tiles);
  const int first = block_x % row_tiles * block_rows;  // row of the block
  if (first >= block.rows) return;                     // all threads alike
  const int rows = block.rows - first < block_rows ? block.rows - first : block_rows;
  const int warp_first = first + warp * Shape::rows;
  const int warp_last = warp_first + Shape::rows < first + rows ? warp_first + Shape::rows - 1 : first + rows - 1;
  const int begin = chunk * chunk_keys, chunk_end = begin + chunk_keys;
  const int block_end = end_of(block, first + rows - 1), end = block_end < chunk_end ? block_end : chunk_end;
  const int warp_end = warp_first <= warp_last ? end_of(block, warp_last) : 0;  // 0: a warp without rows
  const int columns = work.v - first_column < Width ? work.v - first_column : Width;

  Real largest = minus_infinity<Real>;  // of row a of those that 8 lanes share: lane a across has it
  Real sum[own_rows];                   // of the lane's keys
  Real value[own_rows][own_columns];
  unsigned sees = 0;  // bit a: the lane's row a sees a key
  static_assert(Rows <= lanes_across);
  KL_UNROLL
  for (int a = 0; a < Rows; ++a) {
    sum[a] = 0;
    KL_UNROLL
    for (int c = 0; c < columns_per_lane; ++c) value[a][c] = 0;
  }

  const auto fill_queries = [&](int k0, int width) {
    fill<Width>(tile_query, block_rows, Shape::pitch, work.queries + place(block.pair, work.n, first, work.query_stride, head, work.k, k0),
                work.query_stride, rows, width, work.wide_queries);
  };
  if (!sliced || work.k <= Width) fill_queries(0, work.k);
  for (int j0 = begin; j0 < end; j0 += tile_keys) {
    const int keys = end - j0 < tile_keys ? end - j0 : tile_keys;
    Real logit[own_rows][own_keys];
    KL_UNROLL
    for (int a = 0; a < Rows; ++a) {
      KL_UNROLL
      for (int b = 0; b < keys_per_lane; ++b) logit[a][b] = 0;
    }
    for (int k0 = 0; k0 == 0 || (sliced && k0 < work.k); k0 += Width) {
      const int width = sliced && work.k - k0 > Width ? Width : work.k - k0;
      __syncthreads();  // the last tiles have been read
      if (sliced && work.k > Width) fill_queries(k0, width);
      fill<Width>(tile_key, tile_keys, Shape::pitch, work.keys + place(block.pair, work.t, j0, work.key_stride, head, work.k, k0),
                  work.key_stride, keys, width, work.wide_keys);
      if (k0 == 0) {
        fill<Width>(tile_value, tile_keys, Width,
                    work.values + place(block.pair, work.t, j0, work.value_stride, head, work.v, first_column), work.value_stride, keys,
                    columns, work.wide_values);
      }
      __syncthreads();
      if (warp_end <= j0) continue;  // a whole warp sees nothing here
      KL_UNROLL_BY(1)
      for (int c = 0; c < width; c += size) {
        Wide<Real> key[own_keys];
        KL_UNROLL
        for (int b = 0; b < keys_per_lane; ++b) key[b] = load_wide(tile_key + (across + b * lanes_across) * Shape::pitch + c);
        KL_UNROLL
        for (int a = 0; a < Rows; ++a) {
          const auto query = load_wide(my_query + a * lanes_down * Shape::pitch + c);
          KL_UNROLL
          for (int b = 0; b < keys_per_lane; ++b) {
            KL_UNROLL
            for (int e = 0; e < size; ++e) logit[a][b] += query.at[e] * key[b].at[e];
          }
        }
      }
    }
    if (warp_end <= j0) continue;

    unsigned shown = everyone;  // lane r: what the mask shows row r of the tile's keys, as bits
    if (work.visible != nullptr) {
      KL_UNROLL_BY(1)
      for (int r = 0; r < Shape::rows; ++r) {  // all lanes read a row's bytes side by side
        const int i = warp_first + r;
        const auto row = __ballot_sync(everyone, i < block.rows && lane < keys && shown_by_mask(work, block, i, j0 + lane));
        if (r == lane) shown = row;
      }
    }
    KL_UNROLL
    for (int a = 0; a < Rows; ++a) {
      const int r = down + a * lanes_down, left = end_of(block, warp_first + r) - j0;
      const auto before_end = left >= tile_keys ? everyone : left <= 0 ? 0U : (1U << left) - 1;
      const auto seen = before_end & __shfl_sync(everyone, shown, r);
      sees |= seen != 0 ? 1U << a : 0U;
      Real top = minus_infinity<Real>;
      KL_UNROLL
      for (int b = 0; b < keys_per_lane; ++b) {
        const bool shows = (seen >> (across + b * lanes_across) & 1U) != 0;
        logit[a][b] = shows ? product(work.scale, logit[a][b]) : minus_infinity<Real>;
        top = kl::max(top, logit[a][b]);
      }
      const Real before = __shfl_sync(everyone, largest, a, lanes_across);
      top = kl::max(before, kl::warp_max(top, lanes_across));
      const Real base = top == minus_infinity<Real> ? Real{0} : top;  // minus infinity less itself would be NaN
      const Real shrink = kl::exp(before - base);
      Real total = 0;
      KL_UNROLL
      for (int b = 0; b < keys_per_lane; ++b) {
        const Real weight = kl::exp(logit[a][b] - base);
        my_weight[a * lanes_down * Shape::weight_pitch + across + b * lanes_across] = weight;
        total += weight;
      }
      sum[a] = sum[a] * shrink + total;
      if (across == a) largest = top;
      KL_UNROLL
      for (int c = 0; c < columns_per_lane; ++c) value[a][c] *= shrink;
    }
    __syncwarp();  // the weights of a row come from its 8 lanes
    KL_UNROLL_BY(1)
    for (int j = 0; j < keys; j += size) {
      Wide<Real> weight[own_rows];
      KL_UNROLL
      for (int a = 0; a < Rows; ++a) weight[a] = load_wide(my_weight + a * lanes_down * Shape::weight_pitch + j);
      KL_UNROLL
      for (int e = 0; e < size; ++e) {
        KL_UNROLL
        for (int g = 0; g < groups; ++g) {
          const auto numbers = load_wide(tile_value + (j + e) * Width + (g * lanes_across + across) * size);
          KL_UNROLL
          for (int a = 0; a < Rows; ++a) {
            KL_UNROLL
            for (int c = 0; c < size; ++c) value[a][g * size + c] += weight[a].at[e] * numbers.at[c];
          }
        }
      }
    }
  }

  KL_UNROLL
  for (int a = 0; a < Rows; ++a) {
    sum[a] = kl::warp_sum(sum[a], lanes_across);
    const Real top = __shfl_sync(everyone, largest, a, lanes_across);
    const int i = warp_first + down + a * lanes_down;
    if (i >= block.rows) continue;
    const bool hopeless = sum[a] == 0 && (sees >> a & 1U) != 0;
    if (!work.finished && across == 0 && first_column == 0) {
      const auto part = static_cast<std::size_t>(chunk) * work.chunk_parts + place(block.pair, work.n, i, work.part_stride, head, 1);
      work.largest[part] = top;
      work.sum[part] = hopeless && work.marked ? -Real{0} : sum[a];
    }
    Real* const out = work.value + static_cast<std::size_t>(chunk) * work.chunk_values +
                      place(block.pair, work.n, i, work.out_stride, head, work.v, first_column);
    KL_UNROLL
    for (int g = 0; g < groups; ++g) {
      const int column = (g * lanes_across + across) * size;
      Wide<Real> numbers;
      KL_UNROLL
      for (int c = 0; c < size; ++c) {
        // A hidden tile adds 0, which makes 0 of -0, and which tiles are computed depends on other rows; so no row keeps a -0.
        const Real number = value[a][g * size + c] + Real{0};
        numbers.at[c] = !work.finished ? number : hopeless ? not_a_number<Real> : sum[a] == 0 ? Real{0} : number / sum[a];
      }
      if (work.wide_out) {
        if (column < columns) store_wide(out + column, numbers);
      } else {
        KL_UNROLL
        for (int c = 0; c < size; ++c) {
          if (column + c < columns) out[column + c] = numbers.at[c];
        }
      }
    }
  }
}

/// The sum of x(0), ..., x(count - 1) in a binary tree: as a binary counter carries, so that zeros at the end change nothing.
template <class Real, class Number>
__device__ __forceinline__ Real tree_sum(int count, const Number& x) {
  constexpr int levels = 23;  // 2^31 keys in chunks
  Real subtree[levels];
  for (int i = 0; i < count; ++i) {
    Real carried = x(i);
    bool carrying = true;  // no break: with one the levels are a loop, and the subtrees not registers
    KL_UNROLL
    for (int level = 0; level < levels; ++level) {
      const bool full = (i >> level & 1) != 0;
      if (carrying && full) carried = subtree[level] + carried;
      if (carrying && !full) {
        subtree[level] = carried;
        carrying = false;
      }
    }
  }
  Real result = 0;
  KL_UNROLL
  for (int level = 0; level < levels; ++level) {
    if ((count >> level & 1) != 0) result = subtree[level] + result;
  }
  return result;
}

/// The chunks' partials of rows [n, heads] into one; a thread for a row, head and column. A maximum is exact in any order, so it is taken
/// first. The results have the strides and the meaning of `work`; v may be 0.
template <class Real>
__global__ void __launch_bounds__(256) chunks_kernel(const Work<Real> work, int chunks, const Real* __restrict__ largest,
                                                     const Real* __restrict__ sum, const Real* __restrict__ value) {
  const auto n = static_cast<std::size_t>(work.n), heads = static_cast<std::size_t>(work.heads), v = static_cast<std::size_t>(work.v);
  const auto columns = v > 0 ? v : 1;
  const auto e = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (e >= n * heads * columns) return;
  const auto part = e / columns, column = e % columns, row = part / heads, head = part % heads;

  Real top = minus_infinity<Real>;
  bool hopeless = false;
  for (int c = 0; c < chunks; ++c) {
    const auto at = static_cast<std::size_t>(c) * n * heads + part;
    top = kl::max(top, largest[at]);
    hopeless = hopeless || (sum[at] == 0 && Real{1} / sum[at] < 0);  // -0
  }
  const Real base = top == minus_infinity<Real> ? Real{0} : top;
  const auto weight = [&](int c) { return kl::exp(largest[static_cast<std::size_t>(c) * n * heads + part] - base); };
  const auto total =
      tree_sum<Real>(chunks, [&](int c) { return product(sum[static_cast<std::size_t>(c) * n * heads + part], weight(c)); }) + Real{0};
  if (!work.finished && column == 0) {
    work.largest[row * work.part_stride + head] = top;
    work.sum[row * work.part_stride + head] = total;
  }
  if (v == 0) return;
  const auto number =
      tree_sum<Real>(chunks, [&](int c) { return product(value[static_cast<std::size_t>(c) * n * heads * v + e], weight(c)); }) + Real{0};
  work.value[row * work.out_stride + head * v + column] = !work.finished ? number
                                                          : total != 0   ? number / total
                                                          : hopeless     ? not_a_number<Real>
                                                                         : Real{0};
}

// ---- Small pairs -------------------------------------------------------------------------------------------------------------------

constexpr int small_rows = 8, small_keys = lanes_across, small_warps = 4;

/// Where the pairs are blocks of at most 8 keys, a lane has one key. 8 lanes take a row, 4 rows a warp: of one pair and head, or of 2 or 4
/// where these have but 2 rows or 1. The keys and queries pass through shared memory, so that neighbouring lanes read neighbouring numbers;
/// the sums are taken as tile_kernel takes them, and have the same bits.
template <class Real>
__global__ void __launch_bounds__(32 * small_warps, 5) small_kernel(const Work<Real> work, std::size_t problems, int pitch) {
  constexpr int size = Wide<Real>::size;
  KL_DYNAMIC_SHARED(Real, shared);
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
  const int group = lane / lanes_across, across = lane % lanes_across;
  const int together = work.n >= 3 ? 4 : work.n;  // rows of a problem, which is a pair and head
  const int slots = lanes_down / together, slot = group / together, first_row = group % together;
  const auto problem =
      (static_cast<std::size_t>(blockIdx.x) * small_warps + static_cast<std::size_t>(warp)) * static_cast<std::size_t>(slots) +
      static_cast<std::size_t>(slot);
  const bool exists = problem < problems;
  const auto heads = static_cast<std::size_t>(work.heads);
  const int pair = exists ? static_cast<int>(problem / heads) : 0;
  const int head = exists ? static_cast<int>(problem % heads) : 0;
  const auto block = block_of(work, pair);
  const int keys = exists ? block.keys_shown : 0;

  Real* const my_shared = shared + warp * (lanes_down + slots * work.t) * pitch;
  Real* const query_row = my_shared + group * pitch;
  Real* const key_rows = my_shared + (lanes_down + slot * work.t) * pitch;
  const auto copy = [&](Real* to, const Real* from, bool wide) {
    if (wide) {
      KL_UNROLL_BY(1)
      for (int c = across * size; c < work.k; c += lanes_across * size) store_wide(to + c, load_wide(from + c));
    } else {
      for (int c = across; c < (work.k + size - 1) / size * size; c += lanes_across) to[c] = c < work.k ? from[c] : Real{0};
    }
  };
  for (int j = first_row; j < keys; j += together)
    copy(key_rows + j * pitch, work.keys + place(block.pair, work.t, j, work.key_stride, head, work.k), work.wide_keys);

  for (int i0 = 0; i0 < work.n; i0 += together) {
    const int i = i0 + first_row;
    const bool mine = exists && i < block.rows;
    __syncwarp();  // the last row has been read
    if (mine) copy(query_row, work.queries + place(block.pair, work.n, i, work.query_stride, head, work.k), work.wide_queries);
    __syncwarp();
    const int end = mine ? end_of(block, i) : 0;
    const bool shows = across < end && (work.visible == nullptr || shown_by_mask(work, block, i, across));
    Real logit = 0;
    if (shows) {
      KL_UNROLL_BY(1)
      for (int c = 0; c < work.k; c += size) {
        const auto query = load_wide(query_row + c), key = load_wide(key_rows + across * pitch + c);
        KL_UNROLL
        for (int e = 0; e < size; ++e) logit += query.at[e] * key.at[e];
      }
    }
    logit = shows ? product(work.scale, logit) : minus_infinity<Real>;
    const Real top = kl::warp_max(logit, lanes_across);
    const Real base = top == minus_infinity<Real> ? Real{0} : top;
    const Real weight = kl::exp(logit - base);
    const Real sum = kl::warp_sum(weight, lanes_across);
    Real weights[small_keys];
    KL_UNROLL
    for (int j = 0; j < small_keys; ++j) weights[j] = __shfl_sync(everyone, weight, j, lanes_across);
    if (!mine) continue;
    if (across == 0) {
      const auto part = place(block.pair, work.n, i, work.part_stride, head, 1);
      work.largest[part] = top;
      work.sum[part] = sum;
    }
    Real* const out = work.value + place(block.pair, work.n, i, work.out_stride, head, work.v);
    if (work.wide_values && work.wide_out) {
      KL_UNROLL_BY(1)
      for (int c = across * size; c < work.v; c += lanes_across * size) {
        Wide<Real> total = {};
        KL_UNROLL
        for (int j = 0; j < small_keys; ++j) {
          if (j >= end) break;
          const auto numbers = load_wide(work.values + place(block.pair, work.t, j, work.value_stride, head, work.v, c));
          KL_UNROLL
          for (int e = 0; e < size; ++e) total.at[e] += weights[j] * numbers.at[e];
        }
        KL_UNROLL
        for (int e = 0; e < size; ++e) total.at[e] += Real{0};
        store_wide(out + c, total);
      }
    } else {
      KL_UNROLL_BY(1)
      for (int c = across; c < work.v; c += lanes_across) {
        Real total = 0;
        KL_UNROLL
        for (int j = 0; j < small_keys; ++j) {
          if (j < end) total += weights[j] * work.values[place(block.pair, work.t, j, work.value_stride, head, work.v, c)];
        }
        out[c] = total + Real{0};
      }
    }
  }
}

// ---- Launches ----------------------------------------------------------------------------------------------------------------------

std::size_t ceil_div(std::size_t x, std::size_t y) { return (x + y - 1) / y; }

std::size_t chunks_of(std::size_t t) { return std::max<std::size_t>(1, ceil_div(t, chunk_keys)); }

template <class Real>
Work<Real> work_of(const AttentionShape& s, const Real* queries, const Real* keys, const Real* values, const VisibleKeys& visible,
                   Real scale) {
  Work<Real> work{};
  work.queries = queries, work.keys = keys, work.values = values;
  work.visible = visible.visible.empty() ? nullptr : visible.visible.data();
  work.query_stride = s.query_stride, work.key_stride = s.key_stride, work.value_stride = s.value_stride, work.visible_pitch = s.t;
  work.shown = visible.shown, work.first_query = visible.first_query, work.first_key = visible.first_key;
  work.n = static_cast<int>(s.n), work.t = static_cast<int>(s.t), work.k = static_cast<int>(s.k), work.v = static_cast<int>(s.v);
  work.heads = static_cast<int>(s.heads), work.causal = visible.causal;
  work.wide_queries = wide_rows(queries, s.query_stride, s.k);
  work.wide_keys = wide_rows(keys, s.key_stride, s.k);
  work.wide_values = wide_rows(values, s.value_stride, s.v);
  work.scale = scale;
  return work;
}

template <class Real>
void put(Work<Real>& work, Real* largest, Real* sum, Real* value, std::size_t part_stride, std::size_t out_stride) {
  work.largest = largest, work.sum = sum, work.value = value, work.part_stride = part_stride, work.out_stride = out_stride;
  work.wide_out = wide_rows(value, out_stride, static_cast<std::size_t>(work.v));
}

template <class Real, int Width, int Rows>
void launch_tiles(const Work<Real>& work, std::size_t pairs, std::size_t chunks, kl::Stream stream) {
  using Shape = Tiles<Real, Width, Rows>;
  const auto slices = std::max<std::size_t>(1, ceil_div(static_cast<std::size_t>(work.v), Width));
  const auto row_tiles = [&](int warps) {
    return ceil_div(static_cast<std::size_t>(work.n), static_cast<std::size_t>(warps * Shape::rows));
  };
  const auto blocks = [&](int warps) { return pairs * row_tiles(warps) * chunks * slices * static_cast<std::size_t>(work.heads); };
  constexpr std::size_t enough = 256;  // blocks; about two for each multiprocessor of a large device
  int warps = most_warps;              // warps share no row, so the bits do not depend on it
  while (warps > 1 && (blocks(warps) < enough || row_tiles(warps) == row_tiles(warps / 2))) warps /= 2;
  const auto attention_tile = tile_kernel<Real, Width, Rows>;
  if (Shape::bytes(warps) > 48 << 10) kl::allow_shared(attention_tile, Shape::bytes(warps));
  const dim3 grid(static_cast<unsigned>(pairs * row_tiles(warps)), static_cast<unsigned>(chunks * slices),
                  static_cast<unsigned>(work.heads));
  KL_LAUNCH(attention_tile, grid, static_cast<unsigned>(32 * warps), Shape::bytes(warps), stream, work);
}

template <class Real>
void launch(const Work<Real>& work, std::size_t pairs, std::size_t chunks, kl::Stream stream) {
  constexpr int rows = sizeof(Real) == 4 ? 8 : 4;  // what fits in the registers
  const int width = std::max(work.k, work.v);
  if (width > 64)
    launch_tiles<Real, most_width, rows / 2>(work, pairs, chunks, stream);
  else if (width > 32)
    launch_tiles<Real, 64, rows>(work, pairs, chunks, stream);
  else if (sizeof(Real) == 4 && work.n <= 16)
    launch_tiles<Real, 32, 4>(work, pairs, chunks, stream);
  else
    launch_tiles<Real, 32, rows>(work, pairs, chunks, stream);
}

/// Numbers of a row's partials.
std::size_t row_scratch(const AttentionShape& s) { return chunks_of(s.t) * s.heads * (s.v + 2); }

constexpr std::size_t fewest_rows = 128;

/// The rows whose partials fit in the scratch memory.
std::size_t rows_at_once(const AttentionShape& s) {
  return std::min(s.n, std::max(fewest_rows, most_scratch / row_scratch(s) / fewest_rows * fewest_rows));
}

/// n rows; `work` says what becomes of the parts.
template <class Real>
void run(const AttentionShape& s, Work<Real> work, Real* scratch, kl::Stream stream) {
  if (s.n == 0 || s.heads == 0) return;
  const auto chunks = chunks_of(s.t);
  if (chunks == 1) {
    launch(work, 1, 1, stream);
    return;
  }
  const auto at_once = rows_at_once(s);
  for (std::size_t first = 0; first < s.n; first += at_once) {
    const auto n = std::min(at_once, s.n - first);
    auto part = work;
    part.n = static_cast<int>(n);
    part.queries += first * s.query_stride;
    part.visible = part.visible == nullptr ? nullptr : part.visible + first * part.visible_pitch;
    part.first_query += first;
    auto merged = part;
    if (!merged.finished) merged.largest += first * s.part_stride, merged.sum += first * s.part_stride;
    merged.value += first * s.out_stride;

    part.finished = false;
    part.marked = true;
    part.chunk_parts = n * s.heads;
    part.chunk_values = n * s.heads * s.v;
    auto* const values = scratch;  // first, as they are read and written 16 bytes at once
    auto* const parts = values + chunks * part.chunk_values;
    put(part, parts, parts + chunks * part.chunk_parts, values, s.heads, s.heads * s.v);
    launch(part, 1, chunks, stream);
    const auto threads = n * s.heads * std::max<std::size_t>(1, s.v);
    KL_LAUNCH(chunks_kernel<Real>, kl::blocks_for(threads, 256), 256, 0, stream, merged, static_cast<int>(chunks), part.largest, part.sum,
              part.value);
  }
}

}  // namespace

template <class Real>
std::size_t attention_scratch(const AttentionShape& shape) {
  // Enough for fewer rows and keys too: these may be taken more at once.
  return chunks_of(shape.t) == 1 ? 0 : std::min(shape.n * row_scratch(shape), std::max(most_scratch, fewest_rows * row_scratch(shape)));
}

template <class Real>
void attention(const AttentionShape& shape, const Real* queries, const Real* keys, const Real* values, const VisibleKeys& visible,
               Real scale, Real* out, Real* scratch, kl::Stream stream) {
  const auto s = shape.strided();
  check_attention_size(s, 1);
  auto work = work_of(s, queries, keys, values, visible, scale);
  put<Real>(work, nullptr, nullptr, out, 0, s.out_stride);
  work.finished = true;
  run(s, work, scratch, stream);
}

template <class Real>
void attention_partial(const AttentionShape& shape, const Real* queries, const Real* keys, const Real* values, const VisibleKeys& visible,
                       Real scale, Real* largest, Real* sum, Real* value, Real* scratch, kl::Stream stream) {
  const auto s = shape.strided();
  check_attention_size(s, 1);
  auto work = work_of(s, queries, keys, values, visible, scale);
  put(work, largest, sum, value, s.part_stride, s.out_stride);
  run(s, work, scratch, stream);
}

template <class Real>
void attention_blocks(const AttentionShape& shape, std::span<const BlockPair> pairs, const BlockPair* device_pairs, const Real* queries,
                      const Real* keys, const Real* values, const VisibleKeys& visible, Real scale, Real* largest, Real* sum, Real* value,
                      Real* scratch, kl::Stream stream) {
  if (pairs.empty() || shape.n == 0 || shape.heads == 0) return;
  const auto s = shape.strided();
  check_attention_size(s, pairs.size());
  auto work = work_of(s, queries, keys, values, visible, scale);
  put(work, largest, sum, value, s.part_stride, s.out_stride);
  if (chunks_of(s.t) > 1) {  // a pair is a launch's worth
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      auto mine = s;
      mine.n = pairs[p].queries, mine.t = pairs[p].keys;
      auto part = work;
      part.n = static_cast<int>(mine.n), part.t = static_cast<int>(mine.t);
      part.queries += p * s.n * s.query_stride, part.keys += p * s.t * s.key_stride, part.values += p * s.t * s.value_stride;
      part.visible = part.visible == nullptr ? nullptr : part.visible + p * s.n * s.t;
      part.first_query = pairs[p].first_query, part.first_key = pairs[p].first_key;
      part.largest += p * s.n * s.part_stride, part.sum += p * s.n * s.part_stride, part.value += p * s.n * s.out_stride;
      run(mine, part, scratch, stream);
    }
    return;
  }
  work.pairs = device_pairs;
  if (s.n > small_rows || s.t > small_keys || s.k > most_width) {
    launch(work, pairs.size(), 1, stream);
    return;
  }
  constexpr std::size_t size = Wide<Real>::size;
  const auto problems = pairs.size() * s.heads, slots = lanes_down / std::min<std::size_t>(s.n == 3 ? 4 : s.n, lanes_down);
  const auto pitch = (ceil_div(s.k, size) | 1) * size;  // an odd number of 16 bytes: no two keys in one bank
  const auto bytes = sizeof(Real) * small_warps * (lanes_down + slots * s.t) * pitch;
  const auto attention_small = small_kernel<Real>;
  if (bytes > 48 << 10) kl::allow_shared(attention_small, bytes);
  KL_LAUNCH(attention_small, kl::blocks_for(problems, slots * small_warps), static_cast<unsigned>(32 * small_warps), bytes, stream, work,
            problems, static_cast<int>(pitch));
}

#define ROUNDTRIP_ATTENTION(Real)                                                                                                       \
  template std::size_t attention_scratch<Real>(const AttentionShape&);                                                                  \
  template void attention(const AttentionShape&, const Real*, const Real*, const Real*, const VisibleKeys&, Real, Real*, Real*,         \
                          kl::Stream);                                                                                                  \
  template void attention_partial(const AttentionShape&, const Real*, const Real*, const Real*, const VisibleKeys&, Real, Real*, Real*, \
                                  Real*, Real*, kl::Stream);                                                                            \
  template void attention_blocks(const AttentionShape&, std::span<const BlockPair>, const BlockPair*, const Real*, const Real*,         \
                                 const Real*, const VisibleKeys&, Real, Real*, Real*, Real*, Real*, kl::Stream);
ROUNDTRIP_ATTENTION(float)
ROUNDTRIP_ATTENTION(double)
#undef ROUNDTRIP_ATTENTION

}  // namespace bridge::cuda
