#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "mpc/buffer.h"

namespace bridge {

/// Tokens of a tile: a loop over them is a few registers wide, and a row function's hidden units stay in the second-level cache.
inline constexpr std::size_t tile_tokens = 64;

inline constexpr std::size_t tiles_of(std::size_t tokens) { return (tokens + tile_tokens - 1) / tile_tokens; }
/// The tokens that a tile has, of so many in all.
inline constexpr std::size_t tokens_in(std::size_t tile, std::size_t tokens) { return std::min(tile_tokens, tokens - tile * tile_tokens); }

/// Numbers with any contents, each array at a cache line's begin, large ones on huge pages: what is read here and there misses less.
template <class T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t size) { grow(size); }

  /// At least so many; what was there may be lost.
  void grow(std::size_t size) { words_.reserve((size * sizeof(T) + sizeof(mpc::Word) - 1) / sizeof(mpc::Word)); }
  T* data() { return reinterpret_cast<T*>(words_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(words_.data()); }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }

 private:
  mpc::Buffer words_;
};

/// A row a token, tile by tile, and within a tile column by column: [tiles][columns][64]. What stands after the last token is anything.
template <class Real>
class TokenTiles {
 public:
  TokenTiles() = default;
  TokenTiles(std::size_t tokens, std::size_t columns)
      : tokens_(tokens), columns_(columns), numbers_(tiles_of(tokens) * columns * tile_tokens) {}

  std::size_t tokens() const { return tokens_; }
  std::size_t columns() const { return columns_; }
  std::size_t tiles() const { return tiles_of(tokens_); }
  Real* tile(std::size_t i) { return numbers_.data() + i * columns_ * tile_tokens; }
  const Real* tile(std::size_t i) const { return numbers_.data() + i * columns_ * tile_tokens; }

 private:
  std::size_t tokens_ = 0, columns_ = 0;
  AlignedArray<Real> numbers_;
};

/// A tile of some array of tokens, [columns][64]: where it lies, or `scratch`, of that size, into which it has been computed. Called by
/// many threads at once, more than once for a tile, and with the same result every time.
template <class Real>
using TileSource = std::function<const Real*(std::size_t tile, Real* scratch)>;

/// rows [count, columns], one after the other -> a tile; what the tile has besides is zeros.
template <class Real>
void put_rows(const Real* rows, std::size_t count, std::size_t columns, Real* tile) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < columns; ++c) tile[c * tile_tokens + i] = rows[i * columns + c];
  }
  for (std::size_t i = count; i < tile_tokens; ++i) {
    for (std::size_t c = 0; c < columns; ++c) tile[c * tile_tokens + i] = 0;
  }
}
/// And back.
template <class Real>
void take_rows(const Real* tile, std::size_t count, std::size_t columns, Real* rows) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < columns; ++c) rows[i * columns + c] = tile[c * tile_tokens + i];
  }
}

}  // namespace bridge
