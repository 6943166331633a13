#pragma once

#include "transformer_bridge/kernels/cpu/loops.h"
#include "transformer_bridge/kernels/cpu/product.h"
#include "transformer_bridge/kernels/cpu/vector_math.h"

/// Attention with online softmax: block of keys by block of keys, each row keeps its largest logit, and the sum of weights and the weighted
/// values relative to it.
namespace bridge::cpu {
namespace {

inline std::size_t smaller(std::size_t x, std::size_t y) { return x < y ? x : y; }

/// The keys that this token may see are the first so many.
template <class Real>
inline std::size_t keys_before_hidden(const AttentionWork<Real>& work, std::size_t token) {
  const auto below = [&](std::size_t end) { return end > work.first_key ? smaller(end - work.first_key, work.t) : 0; };
  return work.causal ? smaller(below(work.shown), below(token + 1)) : below(work.shown);
}

template <class Real>
inline bool sees_any(const AttentionWork<Real>& work, std::size_t row) {
  const auto count = keys_before_hidden(work, work.first_query + row);
  if (work.visible == nullptr) return count != 0;
  for (std::size_t j = 0; j < count; ++j) {
    if (work.visible[row * work.visible_stride + j] != 0) return true;
  }
  return false;
}

/// What a row has come to.
template <class Real>
void write_row(const AttentionWork<Real>& work, std::size_t row, std::size_t head, Real largest, Real sum, const Real* value) {
  auto* out = work.out + row * work.out_stride + head * work.v;
  const bool part = work.largest != nullptr;
  if (part) {
    work.largest[row * work.part_stride + head] = largest;
    work.sum[row * work.part_stride + head] = sum;
  }
  if (!part && sum == 0) {
    // Visible logits that are all minus infinity have no softmax.
    const auto result = all(sees_any(work, row) ? not_a_number<Real> : Real{0});
    for_lanes<Real>(work.v, [&](std::size_t c, const auto&, const auto& put) { put(out + c, result); });
    return;
  }
  const auto divisor = all(part ? Real{1} : sum);
  for_lanes<Real>(work.v, [&](std::size_t c, const auto& get, const auto& put) { put(out + c, get(value + c) / divisor); });
}

// ---- Few keys --------------------------------------------------------------------------------------------------------------------

template <class Real>
void attend_to_few(const AttentionWork<Real>& work, std::size_t row, std::size_t head) {
  const auto* query = work.queries + row * work.query_stride + head * work.k;
  const auto* keys = work.keys + head * work.k;
  const auto* values = work.values + head * work.v;
  const auto count = keys_before_hidden(work, work.first_query + row);
  Real weights[padded<Real>(few_keys)];
  for (auto& weight : weights) weight = minus_infinity<Real>;
  std::size_t seen[few_keys], seen_count = 0;
  auto largest = minus_infinity<Real>;
  for (std::size_t j = 0; j < count; ++j) {
    if (work.visible != nullptr && work.visible[row * work.visible_stride + j] == 0) continue;
    Lanes<Real> products{};
    for_lanes<Real>(work.k, [&](std::size_t c, const auto& get, const auto&) {
      products = multiply_add(get(query + c), get(keys + j * work.key_stride + c), products);
    });
    const auto logit = sum_of<Real>(products) * work.scale;
    largest = logit > largest ? logit : largest;
    weights[j] = logit;
    seen[seen_count++] = j;
  }
  const auto base = all(largest == minus_infinity<Real> ? Real{0} : largest);
  Lanes<Real> sums{};
  for (std::size_t j = 0; j < padded<Real>(few_keys); j += lanes<Real>) {
    const auto weight = exp_of_negative<Real>(load(weights + j) - base);
    store(weights + j, weight);
    sums += weight;
  }
  const auto sum = sum_of<Real>(sums);

  auto* out = work.out + row * work.out_stride + head * work.v;
  for_lanes<Real>(work.v, [&](std::size_t c, const auto& get, const auto& put) {
    Lanes<Real> value{};
    for (std::size_t s = 0; s < seen_count; ++s)
      value = multiply_add(all(weights[seen[s]]), get(values + seen[s] * work.value_stride + c), value);
    put(out + c, value);
  });
  write_row(work, row, head, largest, sum, out);
}

// ---- Blocks of keys --------------------------------------------------------------------------------------------------------------

// Packed, a block of keys is its panels one after the other, [k, panel] each, zero after the last key; then its values, [keys, padded v].

/// Columns of the next tile, of so many that are left: tiles of a product are as equal as they can be.
inline std::size_t next_vectors(std::size_t left) {
  const auto tiles = (left + tile_vectors - 1) / tile_vectors;
  return (left + tiles - 1) / tiles;
}

template <class Real>
std::size_t packed_size(std::size_t t, std::size_t k, std::size_t v) {
  return t <= few_keys ? 0 : padded<Real>(t) * k + t * padded<Real>(v);
}

/// Of the block of keys that begins with this one.
template <class Real>
inline std::size_t packed_place(const AttentionWork<Real>& work, std::size_t head, std::size_t key) {
  return head * packed_size<Real>(work.t, work.k, work.v) + key * (work.k + padded<Real>(work.v));
}

/// The lanes of as many registers, rows for columns: halves are exchanged, then halves of the halves.
template <class Real, std::size_t half = lanes<Real> / 2>
[[gnu::always_inline]] inline void transpose(Lanes<Real> (&rows)[lanes<Real>]) {
  if constexpr (half != 0) {
    using Bits = typename LanesOf<Real>::Bits;
    const auto number = lane_numbers<Real>(), other = number ^ static_cast<Bits>(half);
    const auto right = (number & static_cast<Bits>(half)) != 0;
    constexpr auto second = static_cast<Bits>(lanes<Real>);  // a lane of the second register
    const auto upper = right ? other + second : number, lower = right ? number + second : other;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < lanes<Real>; ++i) {
      if ((i & half) != 0) continue;
      const auto above = rows[i], below = rows[i + half];
      rows[i] = chosen<Real>(above, below, upper);
      rows[i + half] = chosen<Real>(above, below, lower);
    }
    transpose<Real, half / 2>(rows);
  }
}

template <class Real>
void pack_keys(const AttentionWork<Real>& work, std::size_t head, std::size_t block) {
  const auto first = block * key_block, width = smaller(key_block, work.t - first);
  const auto* keys = work.keys + first * work.key_stride + head * work.k;
  const auto* values = work.values + first * work.value_stride + head * work.v;
  auto* to = work.packed + packed_place(work, head, first);
  for (std::size_t j = 0, left = padded<Real>(width) / lanes<Real>; left != 0;) {
    const auto vectors = next_vectors(left), columns = vectors * lanes<Real>;
    for (std::size_t column = 0; column < columns; column += lanes<Real>, j += lanes<Real>) {
      for (std::size_t p = 0; p < work.k; p += lanes<Real>) {
        const auto depth = smaller(lanes<Real>, work.k - p);
        Lanes<Real> square[lanes<Real>];
#pragma GCC unroll 16
        for (std::size_t i = 0; i < lanes<Real>; ++i) {
          const auto* key = keys + (j + i) * work.key_stride + p;
          square[i] = j + i >= width ? Lanes<Real>{} : depth == lanes<Real> ? load(key) : load_first(key, depth);
        }
        transpose<Real>(square);
#pragma GCC unroll 16
        for (std::size_t i = 0; i < lanes<Real>; ++i) {
          if (i < depth) store(to + (p + i) * columns + column, square[i]);
        }
      }
    }
    to += columns * work.k;
    left -= vectors;
  }
  const auto v = padded<Real>(work.v);
  for (std::size_t j = 0; j < width; ++j, to += v) {
    for_lanes<Real>(work.v, [&](std::size_t c, const auto& get, const auto&) { store(to + c, get(values + j * work.value_stride + c)); });
  }
}

/// Rows that are computed together, and what they have come to: so many that what is read from the second-level cache is used often, and so
/// few that their logits stay in the first.
constexpr std::size_t group_rows = 16;
template <class Real>
struct RowGroup {
  std::size_t first = 0, rows = 0;  ///< of the work's rows
  std::size_t keys = 0;             ///< that the last of these tokens may see, were it there
  Real* logits;                     ///< [rows, key_block], then weights
  Real *largest, *sum, *value;      ///< [rows], [rows], [rows, padded v]
};

template <class Real>
inline LaneWords<Real> bytes_as_words(const std::uint8_t* bytes, std::size_t count) {
  typename LanesOf<Real>::Bytes narrow{};
  if (count == lanes<Real>) {
    __builtin_memcpy(&narrow, bytes, lanes<Real>);
  } else {
    __builtin_memcpy(&narrow, bytes, count);
  }
  return __builtin_convertvector(narrow, LaneWords<Real>);
}

/// Logits of one row of `width` keys become weights, those of its first `count` keys and zeros. Scales the row down to a new largest.
template <class Real>
void weigh(const AttentionWork<Real>& work, const RowGroup<Real>& group, std::size_t r, std::size_t first_key, std::size_t width,
           std::size_t count) {
  using Bits = typename LanesOf<Real>::Bits;
  auto* row = group.logits + r * key_block;
  const auto scale = all(work.scale);
  auto top = all(minus_infinity<Real>);
  const auto* visible = work.visible == nullptr ? nullptr : work.visible + (group.first + r) * work.visible_stride + first_key;
  for (std::size_t c = 0; c < count; c += lanes<Real>) {
    auto logits = load(row + c) * scale;
    const auto here = smaller(lanes<Real>, count - c);
    if (here != lanes<Real>) logits = lane_numbers<Real>() < static_cast<Bits>(here) ? logits : all(minus_infinity<Real>);
    if (visible != nullptr) logits = bytes_as_words<Real>(visible + c, here) != 0 ? logits : all(minus_infinity<Real>);
    store(row + c, logits);
    top = larger(logits, top);
  }
  const auto before = group.largest[r], here = largest_of<Real>(top), largest = here > before ? here : before;
  const auto base = largest == minus_infinity<Real> ? Real{0} : largest;
  Lanes<Real> sums{};
  for (std::size_t c = 0; c < count; c += lanes<Real>) {
    const auto weights = exp_of_negative<Real>(load(row + c) - all(base));
    store(row + c, weights);
    sums += weights;
  }
  for (auto c = padded<Real>(count); c < width; c += lanes<Real>) store(row + c, Lanes<Real>{});

  if (first_key == 0) {
    group.sum[r] = sum_of<Real>(sums);
  } else {
    const auto factor = largest == before ? Real{1} : exp_of_negative<Real>(all(before - base))[0];
    group.sum[r] = group.sum[r] * factor + sum_of<Real>(sums);
    if (largest != before) {
      auto* value = group.value + r * padded<Real>(work.v);
      for (std::size_t c = 0; c < work.v; c += lanes<Real>) store(value + c, load(value + c) * all(factor));
    }
  }
  group.largest[r] = largest;
}

/// The block of keys that begins with this one.
template <class Real>
void attend_to_block(const AttentionWork<Real>& work, std::size_t head, std::size_t first_key, const RowGroup<Real>& group) {
  const auto all_keys = smaller(key_block, work.t - first_key), width = smaller(all_keys, group.keys - first_key);
  const auto* packed = work.packed + packed_place(work, head, first_key);
  const auto* queries = work.queries + group.first * work.query_stride + head * work.k;
  auto panel = packed;
  for (std::size_t j = 0, left = padded<Real>(all_keys) / lanes<Real>; j < width;) {
    const auto vectors = next_vectors(left), columns = vectors * lanes<Real>;
    for (std::size_t r = 0; r < group.rows; r += tile_rows) {
      multiply<Real>({work.k, queries + r * work.query_stride, work.query_stride, panel, columns, nullptr, 0,
                      group.logits + r * key_block + j, key_block},
                     smaller(tile_rows, group.rows - r), vectors);
    }
    panel += columns * work.k;
    j += columns;
    left -= vectors;
  }
  for (std::size_t r = 0; r < group.rows; ++r) {
    const auto keys = keys_before_hidden(work, work.first_query + group.first + r);
    weigh(work, group, r, first_key, width, keys > first_key ? smaller(keys - first_key, width) : 0);
  }
  const auto v = padded<Real>(work.v);
  const auto* values = packed + padded<Real>(all_keys) * work.k;
  for (std::size_t c = 0, left = v / lanes<Real>; left != 0;) {
    const auto vectors = next_vectors(left);
    for (std::size_t r = 0; r < group.rows; r += tile_rows) {
      auto* value = group.value + r * v + c;
      multiply<Real>({width, group.logits + r * key_block, key_block, values + c, v, first_key == 0 ? nullptr : value, v, value, v},
                     smaller(tile_rows, group.rows - r), vectors);
    }
    c += vectors * lanes<Real>;
    left -= vectors;
  }
}

template <class Real>
std::size_t attention_scratch(std::size_t v) {
  return group_rows * key_block + query_block * (2 + padded<Real>(v));
}

template <class Real>
void attend_to_many(const AttentionWork<Real>& work, std::size_t head) {
  const auto v = padded<Real>(work.v);
  auto* logits = work.scratch;
  auto* values = logits + group_rows * key_block;
  auto* largest = values + query_block * v;
  auto* sums = largest + query_block;
  for (std::size_t i = 0; i < work.rows; ++i) {
    largest[i] = minus_infinity<Real>;
    sums[i] = 0;
  }
  for (std::size_t i = 0; i < work.rows * v; ++i) values[i] = 0;

  // Groups are cut by token, and look at the keys that the last token of a full one may see: which rows are there changes nothing.
  for (std::size_t first_key = 0; first_key < work.t; first_key += key_block) {
    for (std::size_t i = 0; i < work.rows;) {
      const auto token = work.first_query + i, tokens_left = group_rows - token % group_rows;
      const RowGroup<Real> group{i,
                                 smaller(tokens_left, work.rows - i),
                                 keys_before_hidden(work, token + tokens_left - 1),
                                 logits,
                                 largest + i,
                                 sums + i,
                                 values + i * v};
      if (group.keys > first_key) attend_to_block(work, head, first_key, group);
      i += group.rows;
    }
  }
  for (std::size_t i = 0; i < work.rows; ++i) write_row(work, i, head, largest[i], sums[i], values + i * v);
}

template <class Real>
void attention_loop(const AttentionWork<Real>& work) {
  if (work.t > few_keys) {
    for (std::size_t head = 0; head < work.heads; ++head) attend_to_many(work, head);
    return;
  }
  for (std::size_t row = 0; row < work.rows; ++row) {
    for (std::size_t head = 0; head < work.heads; ++head) attend_to_few(work, row, head);
  }
}

// ---- Parts -----------------------------------------------------------------------------------------------------------------------

template <class Real>
void merge_loop(std::size_t n, std::size_t v, Real* into_largest, Real* into_sum, Real* into_value, const Real* from_largest,
                const Real* from_sum, const Real* from_value) {
  for (std::size_t i = 0; i < n; ++i, into_value += v, from_value += v) {
    // Apart, so that an empty row keeps the other's bits. With a NaN as its sum a row is not empty.
    if (from_largest[i] == minus_infinity<Real> && from_sum[i] == 0) continue;
    if (into_largest[i] == minus_infinity<Real> && into_sum[i] == 0) {
      into_largest[i] = from_largest[i];
      into_sum[i] = from_sum[i];
      for_lanes<Real>(v, [&](std::size_t c, const auto& get, const auto& put) { put(into_value + c, get(from_value + c)); });
      continue;
    }
    const auto largest = into_largest[i] > from_largest[i] ? into_largest[i] : from_largest[i];
    const auto base = largest == minus_infinity<Real> ? Real{0} : largest;
    auto exponents = all(into_largest[i] - base);
    exponents[1] = from_largest[i] - base;
    const auto weights = exp_of_negative<Real>(exponents);
    const auto mine = all(weights[0]), other = all(weights[1]);
    into_largest[i] = largest;
    into_sum[i] = into_sum[i] * weights[0] + from_sum[i] * weights[1];
    // Two products and a sum, each rounded: multiply_add would not be the same the other way round.
    for_lanes<Real>(v, [&](std::size_t c, const auto& get, const auto& put) {
      put(into_value + c, get(into_value + c) * mine + get(from_value + c) * other);
    });
  }
}

template <class Real>
void finish_loop(std::size_t n, std::size_t v, const Real* sum, const Real* value, Real* out) {
  for (std::size_t i = 0; i < n; ++i, value += v, out += v) {
    const auto divisor = all(sum[i]);
    const bool empty = sum[i] == 0;
    for_lanes<Real>(
        v, [&](std::size_t c, const auto& get, const auto& put) { put(out + c, empty ? Lanes<Real>{} : get(value + c) / divisor); });
  }
}

}  // namespace
}  // namespace bridge::cpu
