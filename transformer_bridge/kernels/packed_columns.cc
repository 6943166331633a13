#include "transformer_bridge/kernels/packed_columns.h"

#include <bit>
#include <cmath>
#include <utility>

#include "transformer_bridge/kernels/number_type.h"

namespace bridge {
namespace {

constexpr std::size_t samples = 16;  ///< tiles

/// work(count) with a count that the compiler knows where the tile is full.
template <class Work>
inline void for_count(std::size_t count, const Work& work) {
  if (count == tile_tokens) {
    work(std::integral_constant<std::size_t, tile_tokens>());
  } else {
    work(count);
  }
}

}  // namespace

template <class Real>
PackedColumns<Real> PackedColumns<Real>::of_samples(const TileSource<Real>& source, std::size_t tokens, std::size_t k) {
  PackedColumns columns;
  const auto tiles = tiles_of(tokens);
  std::vector<Real> scratch(k * tile_tokens), size(k, 0);
  std::vector<char> same(k, 1);
  for (std::size_t s = 0; s < std::min(samples, tiles); ++s) {
    const auto tile = tiles <= samples ? s : s * (tiles - 1) / (samples - 1);
    const auto* x = source(tile, scratch.data());
    for (std::size_t c = 0; c < k; ++c) {
      if (s == 0) size[c] = std::abs(x[c * tile_tokens]);
      for (std::size_t i = 0; i < tokens_in(tile, tokens); ++i) {
        if (!(std::abs(x[c * tile_tokens + i]) == size[c])) same[c] = 0;
      }
    }
  }
  for (std::size_t c = 0; c < k; ++c) {
    if (!same[c] || !std::isfinite(size[c])) {
      columns.others.push_back(static_cast<std::uint32_t>(c));
    } else if (size[c] == 0) {
      columns.zeros.push_back(static_cast<std::uint32_t>(c));
    } else {
      columns.signs.push_back(static_cast<std::uint32_t>(c));
      columns.sizes.push_back(size[c]);
    }
  }
  return columns;
}

template <class Real>
void PackedColumns<Real>::demote(const std::vector<char>& wrong) {
  PackedColumns result;
  result.others = others;
  for (std::size_t j = 0; j < signs.size(); ++j) {
    if (wrong[signs[j]]) {
      result.others.push_back(signs[j]);
    } else {
      result.signs.push_back(signs[j]);
      result.sizes.push_back(sizes[j]);
    }
  }
  for (const auto c : zeros) (wrong[c] ? result.others : result.zeros).push_back(c);
  std::ranges::sort(result.others);
  *this = std::move(result);
}

template <class Real>
void pack_signs(const PackedColumns<Real>& columns, const Real* tile, std::size_t tokens, std::size_t words, std::uint64_t* codes,
                ColumnFacts<Real>& facts) {
  using Bits = BitsOf<Real>;
  constexpr auto top = sizeof(Bits) * 8 - 1;
  for_count(tokens, [&](auto count) {
    for (std::size_t first = 0; first < columns.signs.size(); first += code_word_bits) {
      const auto end = std::min(columns.signs.size(), first + code_word_bits);
      Bits halves[2][tile_tokens];  // double: each a whole word's bits
      for (std::size_t half = 0; half < 2; ++half) {
        for (std::size_t i = 0; i < tile_tokens; ++i) halves[half][i] = 0;
      }
      for (auto j = first; j < end; ++j) {
        const auto* x = tile + columns.signs[j] * tile_tokens;
        const auto at = j - first;
        auto* half = halves[at / 32];
        const auto shift = at % 32;
        const auto size = std::bit_cast<Bits>(columns.sizes[j]);
        Bits wrong = 0;
        for (std::size_t i = 0; i < count; ++i) {
          Bits bits;
          __builtin_memcpy(&bits, x + i, sizeof(bits));
          half[i] |= bits >> top << shift;
          wrong |= (bits & ~(Bits{1} << top)) ^ size;
        }
        if (wrong != 0) facts.wrong[columns.signs[j]] = 1;
      }
      const auto word = first / code_word_bits;
      std::uint64_t any = 0, all = ~std::uint64_t{0};
      for (std::size_t i = 0; i < count; ++i) {
        const auto code = static_cast<std::uint64_t>(halves[0][i]) | static_cast<std::uint64_t>(halves[1][i]) << 32;
        codes[i * words + word] = code;
        any |= code;
        all &= code;
      }
      facts.any[word] |= any;
      facts.all[word] &= all;
    }
    for (const auto c : columns.zeros) {
      const auto* x = tile + c * tile_tokens;
      bool zero = true;
      for (std::size_t i = 0; i < count; ++i) zero = zero & (x[i] == 0);
      if (!zero) facts.wrong[c] = 1;
    }
  });
}

template <class Real>
void look_at(const Real* x, std::size_t tokens, std::size_t first_token, std::size_t other, ColumnFacts<Real>& facts) {
  constexpr auto exact = static_cast<Real>(1 / (2 * facts_of<Real>().unit_roundoff));
  auto least = x[0], most = x[0];
  bool finite = true, integers = true;
  for (std::size_t i = 0; i < tokens; ++i) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
    finite = finite & (x[i] - x[i] == 0);
    // Adding and taking off 2^23 rounds to an integer.
    const auto size = std::abs(x[i]);
    integers = integers & (size < exact) & ((size + exact) - exact == size);
  }
  facts.least[other] = std::min(facts.least[other], least);
  facts.most[other] = std::max(facts.most[other], most);
  facts.integers = facts.integers && integers;
  if (finite) return;
  for (std::size_t i = 0; i < tokens; ++i) {
    if (!(x[i] - x[i] == 0)) return void(facts.not_finite = std::min(facts.not_finite, first_token + i));
  }
}

#define ROUNDTRIP_PACKED_COLUMNS(Real)                                                                                             \
  template struct PackedColumns<Real>;                                                                                             \
  template void pack_signs(const PackedColumns<Real>&, const Real*, std::size_t, std::size_t, std::uint64_t*, ColumnFacts<Real>&); \
  template void look_at(const Real*, std::size_t, std::size_t, std::size_t, ColumnFacts<Real>&);
ROUNDTRIP_PACKED_COLUMNS(float)
ROUNDTRIP_PACKED_COLUMNS(double)
#undef ROUNDTRIP_PACKED_COLUMNS

}  // namespace bridge
