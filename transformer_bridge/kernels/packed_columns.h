#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "transformer_bridge/kernels/token_tiles.h"

/// Queries or keys in few bits, for RoutedAttention: where |x| is the same for all tokens its sign is all there is to know of a column.
namespace bridge {

inline constexpr std::size_t code_word_bits = 64;

template <class Real>
using BitsOf = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;

/// How each column is kept.
template <class Real>
struct PackedColumns {
  std::vector<std::uint32_t> signs;  ///< |x| is the same for all tokens, and not 0
  std::vector<Real> sizes;           ///< that |x|
  std::vector<std::uint32_t> zeros;  ///< 0 for all tokens
  std::vector<std::uint32_t> others;

  /// By some of the tiles of `columns` columns: what is found is to be checked by pack_signs() for all.
  static PackedColumns of_samples(const TileSource<Real>& source, std::size_t tokens, std::size_t columns);
  /// Those that are not what they were taken for [columns] become others.
  void demote(const std::vector<char>& wrong);
  /// Of a code that has a bit for each sign: 1 is minus.
  std::size_t sign_words() const { return (signs.size() + code_word_bits - 1) / code_word_bits; }
};

/// What some of the tokens showed of the columns.
template <class Real>
struct ColumnFacts {
  std::vector<char> wrong;                   ///< [columns] taken for signs or zeros, and are not
  std::vector<std::uint64_t> any, all;       ///< [words] bits of the codes: or, and
  std::vector<Real> least, most;             ///< [others]
  bool integers = true;                      ///< the others
  std::size_t not_finite = std::size_t(-1);  ///< the first such token

  ColumnFacts(std::size_t columns, std::size_t words, std::size_t others)
      : wrong(columns, 0),
        any(words, 0),
        all(words, ~std::uint64_t{0}),
        least(others, std::numeric_limits<Real>::infinity()),
        most(others, -std::numeric_limits<Real>::infinity()) {}

  void add(const ColumnFacts& other) {
    for (std::size_t c = 0; c < wrong.size(); ++c) wrong[c] = static_cast<char>(wrong[c] | other.wrong[c]);
    for (std::size_t w = 0; w < any.size(); ++w) {
      any[w] |= other.any[w];
      all[w] &= other.all[w];
    }
    for (std::size_t c = 0; c < least.size(); ++c) {
      least[c] = std::min(least[c], other.least[c]);
      most[c] = std::max(most[c], other.most[c]);
    }
    integers = integers && other.integers;
    not_finite = std::min(not_finite, other.not_finite);
  }
  /// Bits in which not all codes are equal.
  std::vector<std::uint64_t> varying() const {
    std::vector<std::uint64_t> mask(any.size());
    for (std::size_t w = 0; w < mask.size(); ++w) mask[w] = any[w] & ~all[w];
    return mask;
  }
  bool is_wrong() const {
    return std::ranges::any_of(wrong, [](char w) { return w != 0; });
  }
};

/// A tile of so many tokens -> the signs, as the first words of its tokens' codes [64][words].
template <class Real>
void pack_signs(const PackedColumns<Real>& columns, const Real* tile, std::size_t tokens, std::size_t words, std::uint64_t* codes,
                ColumnFacts<Real>& facts);

/// Looks at a column [tokens] that is kept as it is, the other-th of those; first_token is the number of its first.
template <class Real>
void look_at(const Real* column, std::size_t tokens, std::size_t first_token, std::size_t other, ColumnFacts<Real>& facts);

}  // namespace bridge
