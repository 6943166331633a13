#pragma once

#include "transformer_bridge/kernels/cpu/lanes.h"

/// Matrix products. Each number of a product is a sum in ascending order, one multiply_add after the other, and nothing else: so its bits
/// depend on its row and column alone, whatever rows and columns are computed beside it.
namespace bridge::cpu {
namespace {

/// What fits into the registers: the sums, a row of b, and a number of a.
constexpr std::size_t tile_vectors = ROUNDTRIP_LANE_BYTES == 64 ? 3 : 2;
constexpr std::size_t tile_rows = ROUNDTRIP_LANE_BYTES == 64 ? 8 : ROUNDTRIP_LANE_BYTES == 32 ? 6 : 4;

template <class Real>
struct Product {
  std::size_t depth;
  const Real* a;
  std::size_t a_stride;
  const Real* b;
  std::size_t b_stride;
  const Real* start;  ///< what the sums begin with; null: zero
  std::size_t start_stride;
  Real* out;  ///< may be `start`
  std::size_t out_stride;
};

/// out[r][c] = start[r][c] + sum over p of a[r][p] b[p][c], of so many rows, and columns in whole registers.
template <class Real, std::size_t rows, std::size_t vectors>
[[gnu::noinline]] void multiply_tile(const Product<Real>& product) {
  constexpr auto count = lanes<Real>;
  Lanes<Real> sums[rows][vectors];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < rows; ++r) {
#pragma GCC unroll 3
    for (std::size_t j = 0; j < vectors; ++j) {
      sums[r][j] = product.start == nullptr ? Lanes<Real>{} : load(product.start + r * product.start_stride + j * count);
    }
  }
  const auto* a = product.a;
  const auto* b = product.b;
  const auto a_stride = product.a_stride, b_stride = product.b_stride;
  for (std::size_t p = 0; p < product.depth; ++p, ++a, b += b_stride) {
    Lanes<Real> row[vectors];
#pragma GCC unroll 3
    for (std::size_t j = 0; j < vectors; ++j) row[j] = load(b + j * count);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < rows; ++r) {
      const auto factor = all(a[r * a_stride]);
#pragma GCC unroll 3
      for (std::size_t j = 0; j < vectors; ++j) sums[r][j] = multiply_add(factor, row[j], sums[r][j]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < rows; ++r) {
#pragma GCC unroll 3
    for (std::size_t j = 0; j < vectors; ++j) store(product.out + r * product.out_stride + j * count, sums[r][j]);
  }
}

template <class Real, std::size_t rows>
void multiply_rows(const Product<Real>& product, std::size_t vectors) {
  if (vectors == 1) return multiply_tile<Real, rows, 1>(product);
  if constexpr (tile_vectors > 2) {
    if (vectors == 3) return multiply_tile<Real, rows, 3>(product);
  }
  multiply_tile<Real, rows, 2>(product);
}

/// The same for any number of rows up to a tile's.
template <class Real, std::size_t most = tile_rows>
void multiply(const Product<Real>& product, std::size_t rows, std::size_t vectors) {
  if constexpr (most > 0) {
    if (rows == most) return multiply_rows<Real, most>(product, vectors);
    multiply<Real, most - 1>(product, rows, vectors);
  }
}

}  // namespace
}  // namespace bridge::cpu
