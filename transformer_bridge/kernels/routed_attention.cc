#include "transformer_bridge/kernels/routed_attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/number_type.h"
#include "transformer_bridge/kernels/packed_columns.h"

namespace bridge {
namespace {

constexpr auto infinite = std::numeric_limits<double>::infinity();
constexpr auto word_bits = code_word_bits;
constexpr std::size_t most_patterns = 8;     ///< of zeros in queries, each of which takes an index of the keys
constexpr std::size_t few_queries = 64;      ///< so many are computed one by one even if they see all keys
constexpr std::size_t rows_a_unit = 256;     ///< of results that a thread takes at once
constexpr std::size_t tiles_a_unit = 16;     ///< and of tiles
constexpr std::size_t mask_bytes = 1 << 26;  ///< of a mask for the dense kernel

/// What a query has found.
template <class Real>
struct Running {
  double best = -infinite;
  Real sum = 0;
  std::size_t seen = 0;  ///< keys that have been looked at

  void reset(std::span<Real> value) {
    *this = {};
    std::ranges::fill(value, Real{0});
  }
  /// Takes in a key of this logit, or a start token.
  void add(double logit, double scale, const Real* its, std::span<Real> value) {
    constexpr auto vanishing = facts_of<Real>().vanishing;
    const auto distance = scale * (logit - best);
    if (distance > 0) {
      best = logit;
      if (distance >= vanishing) {
        sum = 1;
        std::copy_n(its, value.size(), value.begin());
        return;
      }
      const auto factor = std::exp(static_cast<Real>(-distance));
      sum = sum * factor + 1;
      for (std::size_t c = 0; c < value.size(); ++c) value[c] = value[c] * factor + its[c];
      return;
    }
    if (distance <= -vanishing) return;
    const auto weight = distance == 0 ? Real{1} : std::exp(static_cast<Real>(distance));
    sum += weight;
    for (std::size_t c = 0; c < value.size(); ++c) value[c] += weight * its[c];
  }
};

}  // namespace

RoutedCounts& RoutedCounts::operator+=(const RoutedCounts& other) {
  queries += other.queries;
  distinct += other.distinct;
  matches += other.matches;
  fallbacks += other.fallbacks;
  return *this;
}

template <class Real>
void RoutedRows<Real>::put(std::size_t tile, std::size_t count, Real* out) const {
  const auto first = tile * tile_tokens;
  for (std::size_t i = 0; i < count; ++i) {
    const auto* row = values_.data() + (row_of_.empty() ? first + i : row_of_[first + i]) * v_;
    for (std::size_t c = 0; c < v_; ++c) out[c * tile_tokens + i] = row[c];
  }
  for (std::size_t i = count; i < tile_tokens; ++i) {
    for (std::size_t c = 0; c < v_; ++c) out[c * tile_tokens + i] = 0;
  }
}

/// Everything about one head that is found before its rows are computed.
template <class Real>
struct RoutedAttention<Real>::Work {
  /// Keys by their signs in some of the code columns: those in which a query is not 0.
  struct Pattern {
    std::vector<std::uint64_t> mask;
    CodeGroups groups;
    GroupMembers members;
  };
  /// What does not depend on the key.
  struct Query {
    std::vector<std::uint64_t> code;                     // as a key's
    std::vector<std::uint64_t> zero;                     // code columns in which it is 0
    std::vector<std::pair<double, const Real*>> others;  // (q_c, the keys' numbers) where q_c is not 0
    double base = 0;                                     // logit of matching keys, without the others
    double bound = 0;                                    // no other key's logit is larger; with what sums may be off by
    double start = -infinite;                            // logit
  };
  struct Scratch {
    Query query;
    std::vector<Real> value;  // [v]
    Running<Real> running;
  };

  const RoutedHead<Real>* head = nullptr;
  std::size_t seen = 0;  // keys that are shown
  PackedColumns<Real> query_columns, key_columns;
  std::size_t query_words = 0, key_words = 0;          // of a code; a query's other columns are words of its code
  AlignedArray<std::uint64_t> query_codes, key_codes;  // [n][query_words], [seen][key_words]
  AlignedArray<Real> others;                           // [other columns][seen], of keys
  AlignedArray<Real> values;                           // [seen, v]
  std::optional<ColumnFacts<Real>> query_facts, key_facts;
  CodeGroups distinct;
  GroupMembers askers;  // tokens of each distinct query, with a causal mask
  std::vector<Pattern> patterns;
  std::size_t pattern_count = 0;
  std::vector<std::uint8_t> pattern_of;  // [distinct queries]
  std::vector<char> unproved;            // [rows]

  /// Where a column of queries is kept.
  struct Place {
    enum Kind : std::uint32_t { zero, sign, other } kind = zero;
    std::uint32_t index = 0;
  };
  /// A product of query and key: the keys' column, and the key, or the largest |key|.
  struct Product {
    std::uint32_t column;
    double key;
  };
  std::vector<Place> place_of;  // [k]
  bool same_signs = false;      // a query's code begins with the key's that it looks for; what comes after is no code column
  bool integers = false;        // all numbers are, and the scale is a power of two
  double matching = 0, least = 0,
         magnitude = 0;          // of the code columns in which |query| is one number: sum, and least; and sum of all |q k|
  std::vector<Product> unequal;  // code columns in which it is not
  std::vector<Product> fixed;    // columns in which all keys are one number
  std::vector<Product> rest;     // the key columns that are kept as they are, in their order

  void order_like_keys();
  bool gather(cpu::ThreadPool& pool);
  void group(cpu::ThreadPool& pool);
  void split_products();
  /// The code of the distinct query, and a column of it.
  const std::uint64_t* words_of(std::size_t distinct_query) const {
    return query_codes.data() + distinct.first()[distinct_query] * query_words;
  }
  Real number(const std::uint64_t* words, std::size_t column) const {
    const auto at = place_of[column];
    if (at.kind == Place::zero) return 0;
    if (at.kind == Place::other) return std::bit_cast<Real>(static_cast<BitsOf<Real>>(words[query_columns.sign_words() + at.index]));
    return (words[at.index / word_bits] >> at.index % word_bits & 1) != 0 ? -query_columns.sizes[at.index] : query_columns.sizes[at.index];
  }
  void encode_query(const std::uint64_t* words, Query& query) const;
  void bound_query(const std::uint64_t* words, Query& query) const;
  void find_patterns(cpu::ThreadPool& pool);
  void evaluate(std::size_t distinct_query, Scratch& scratch, RoutedRows<Real>& out, RoutedCounts& counts);
  void fall_back(const Kernels<Real>& dense, RoutedRows<Real>& out, const std::vector<std::size_t>& rows) const;
};

/// Puts the sign columns of queries that are such of keys first: mostly all are, and then a query's code begins with the one it looks for.
template <class Real>
void RoutedAttention<Real>::Work::order_like_keys() {
  std::vector<std::pair<std::uint32_t, Real>> columns;
  for (std::size_t j = 0; j < query_columns.signs.size(); ++j) columns.emplace_back(query_columns.signs[j], query_columns.sizes[j]);
  std::stable_partition(columns.begin(), columns.end(),
                        [&](const auto& column) { return std::ranges::count(key_columns.signs, column.first) != 0; });
  for (std::size_t j = 0; j < columns.size(); ++j) {
    query_columns.signs[j] = columns[j].first;
    query_columns.sizes[j] = columns[j].second;
  }
}

/// Reads all tiles. False: columns were taken for what they are not, and are no longer.
template <class Real>
bool RoutedAttention<Real>::Work::gather(cpu::ThreadPool& pool) {
  const auto n = head->n, k = head->k, v = head->v;
  order_like_keys();
  key_words = key_columns.sign_words();
  query_words = query_columns.sign_words() + query_columns.others.size();
  query_codes.grow(n * query_words);
  key_codes.grow(seen * key_words);
  others.grow(key_columns.others.size() * seen);
  values.grow(seen * v);
  const auto tiles = std::max(tiles_of(n), tiles_of(seen)), units = (tiles + tiles_a_unit - 1) / tiles_a_unit;
  std::vector<ColumnFacts<Real>> of_queries(units, ColumnFacts<Real>(k, query_words, query_columns.others.size()));
  std::vector<ColumnFacts<Real>> of_keys(units, ColumnFacts<Real>(k, key_words, key_columns.others.size()));
  std::vector<std::size_t> bad_values(units, std::size_t(-1));
  pool.run(units, [&](std::size_t unit) {
    AlignedArray<Real> scratch(std::max(k, v) * tile_tokens);
    for (auto tile = unit * tiles_a_unit; tile < std::min(tiles, (unit + 1) * tiles_a_unit); ++tile) {
      const auto first = tile * tile_tokens;
      if (first < n) {
        const auto count = tokens_in(tile, n);
        auto& facts = of_queries[unit];
        const auto* x = head->queries(tile, scratch.data());
        auto* codes = query_codes.data() + first * query_words;
        pack_signs(query_columns, x, count, query_words, codes, facts);
        for (std::size_t m = 0; m < query_columns.others.size(); ++m) {
          const auto* column = x + query_columns.others[m] * tile_tokens;
          look_at(column, count, first, m, facts);
          const auto word = query_columns.sign_words() + m;
          for (std::size_t i = 0; i < count; ++i) {
            // + 0: equal numbers, equal bits.
            const std::uint64_t bits = std::bit_cast<BitsOf<Real>>(column[i] + Real{0});
            codes[i * query_words + word] = bits;
            facts.any[word] |= bits;
            facts.all[word] &= bits;
          }
        }
      }
      if (first >= seen) continue;
      const auto count = tokens_in(tile, seen);
      auto& facts = of_keys[unit];
      const auto* x = head->keys(tile, scratch.data());
      pack_signs(key_columns, x, count, key_words, key_codes.data() + first * key_words, facts);
      for (std::size_t m = 0; m < key_columns.others.size(); ++m) {
        const auto* column = x + key_columns.others[m] * tile_tokens;
        look_at(column, count, first, m, facts);
        std::copy_n(column, count, others.data() + m * seen + first);
      }
      x = head->values(tile, scratch.data());
      auto* rows = values.data() + first * v;
      Real sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t c = 0; c < v; ++c) {
          const auto y = x[c * tile_tokens + i];
          rows[i * v + c] = y;
          sum += y - y;  // NaN if one is not finite
        }
      }
      if (sum != 0 || std::isnan(sum)) {
        const auto* begin = rows;
        const auto* bad = std::find_if_not(begin, begin + count * v, [](Real y) { return std::isfinite(y); });
        bad_values[unit] = std::min(bad_values[unit], first + static_cast<std::size_t>(bad - begin) / v);
      }
    }
  });
  query_facts.emplace(k, query_words, query_columns.others.size());
  key_facts.emplace(k, key_words, key_columns.others.size());
  for (std::size_t unit = 0; unit < units; ++unit) {
    query_facts->add(of_queries[unit]);
    key_facts->add(of_keys[unit]);
  }
  if (query_facts->is_wrong() || key_facts->is_wrong()) {
    query_columns.demote(query_facts->wrong);
    key_columns.demote(key_facts->wrong);
    return false;
  }
  const auto refuse = [&](const char* what, std::size_t token) {
    if (token == std::size_t(-1)) return;
    throw mpc::Fault(fmt::format("{}{}token {}: expected finite numbers, got a {} that is not", head->place,
                                 head->place.empty() ? "" : ", ", token, what));
  };
  refuse("query", query_facts->not_finite);
  refuse("key", key_facts->not_finite);
  refuse("value", std::ranges::min(bad_values));
  return true;
}

/// Equal queries, and keys by their signs.
template <class Real>
void RoutedAttention<Real>::Work::group(cpu::ThreadPool& pool) {
  if (patterns.size() < most_patterns) patterns.resize(most_patterns);
  pattern_count = 1;
  patterns[0].mask = key_facts->varying();
  pool.run(2, [&](std::size_t unit) {
    if (unit == 0) {
      patterns[0].groups.build({key_codes.data(), seen, key_words}, patterns[0].mask);
      patterns[0].members.build(patterns[0].groups);
    } else {
      distinct.build({query_codes.data(), head->n, query_words}, query_facts->varying());
      if (head->causal) askers.build(distinct);
    }
  });
  split_products();
}

/// What all queries have in common.
template <class Real>
void RoutedAttention<Real>::Work::split_products() {
  const auto integer = [](double x) { return x == std::nearbyint(x); };
  int exponent = 0;
  integers = query_facts->integers && key_facts->integers && std::frexp(static_cast<double>(head->scale), &exponent) == 0.5;
  place_of.assign(head->k, {});
  for (std::size_t j = 0; j < query_columns.signs.size(); ++j) {
    place_of[query_columns.signs[j]] = {Place::sign, static_cast<std::uint32_t>(j)};
    integers = integers && integer(static_cast<double>(query_columns.sizes[j]));
  }
  for (std::size_t m = 0; m < query_columns.others.size(); ++m) {
    place_of[query_columns.others[m]] = {Place::other, static_cast<std::uint32_t>(m)};
  }
  same_signs = query_columns.signs.size() >= key_columns.signs.size() &&
               std::ranges::equal(key_columns.signs, std::span(query_columns.signs).first(key_columns.signs.size()));
  matching = magnitude = 0;
  least = infinite;
  unequal.clear();
  fixed.clear();
  rest.clear();
  for (std::size_t j = 0; j < key_columns.signs.size(); ++j) {
    const auto column = key_columns.signs[j];
    const auto size = static_cast<double>(key_columns.sizes[j]);
    const bool any = (key_facts->any[j / word_bits] >> j % word_bits & 1) != 0,
               all = (key_facts->all[j / word_bits] >> j % word_bits & 1) != 0;
    integers = integers && integer(size);
    if (any == all) {
      fixed.push_back({column, all ? -size : size});
    } else if (place_of[column].kind == Place::sign) {
      const auto product = size * static_cast<double>(query_columns.sizes[place_of[column].index]);
      matching += product;
      least = std::min(least, product);
    } else {
      unequal.push_back({column, size});
    }
  }
  magnitude = matching;
  for (std::size_t m = 0; m < key_columns.others.size(); ++m) {
    rest.push_back({key_columns.others[m], static_cast<double>(std::max(std::abs(key_facts->least[m]), std::abs(key_facts->most[m])))});
  }
  if (head->start != nullptr) integers = integers && std::ranges::all_of(head->start->key, integer);
}

template <class Real>
void RoutedAttention<Real>::Work::encode_query(const std::uint64_t* words, Query& query) const {
  query.code.assign(key_words, 0);
  query.zero.assign(key_words, 0);
  if (same_signs) return void(std::copy_n(words, key_words, query.code.begin()));
  for (std::size_t j = 0; j < key_columns.signs.size(); ++j) {
    const auto q = number(words, key_columns.signs[j]);
    query.code[j / word_bits] |= static_cast<std::uint64_t>(q < 0) << j % word_bits;
    query.zero[j / word_bits] |= static_cast<std::uint64_t>(q == 0) << j % word_bits;
  }
}

template <class Real>
void RoutedAttention<Real>::Work::bound_query(const std::uint64_t* words, Query& query) const {
  constexpr auto facts = facts_of<Real>();
  auto of_code = matching, smallest = least, of_fixed = 0.0, of_rest = 0.0, size = magnitude;
  for (const auto& [column, key] : unequal) {
    const auto product = std::abs(static_cast<double>(number(words, column))) * key;
    if (product == 0) continue;
    of_code += product;
    smallest = std::min(smallest, product);
    size += product;
  }
  for (const auto& [column, key] : fixed) {
    const auto product = static_cast<double>(number(words, column)) * key;
    of_fixed += product;
    size += std::abs(product);
  }
  query.others.clear();
  for (std::size_t m = 0; m < rest.size(); ++m) {
    const auto q = static_cast<double>(number(words, rest[m].column));
    if (q == 0) continue;
    of_rest += std::max(q * static_cast<double>(key_facts->least[m]), q * static_cast<double>(key_facts->most[m]));
    size += std::abs(q) * rest[m].key;
    query.others.emplace_back(q, others.data() + m * seen);
  }
  query.start = -infinite;
  if (head->start != nullptr) {
    query.start = 0;
    double its_size = 0;
    for (std::size_t c = 0; c < head->k; ++c) {
      const auto product = static_cast<double>(number(words, c)) * static_cast<double>(head->start->key[c]);
      query.start += product;
      its_size += std::abs(product);
    }
    size = std::max(size, its_size);
  }
  query.base = of_code + of_fixed;
  query.bound = of_code - 2 * smallest + of_fixed + of_rest;
  // Else a logit of k products, and the scale, are so many roundings off, on either side.
  if (!integers || !(size <= 1 / facts.unit_roundoff)) {
    query.bound += 2 * static_cast<double>(head->k + 3) * facts.unit_roundoff * size;
  }
}

/// Which index each distinct query needs. Few are 0 in a code column; they get one that leaves these columns out.
template <class Real>
void RoutedAttention<Real>::Work::find_patterns(cpu::ThreadPool& pool) {
  const auto count = distinct.groups(), units = (count + rows_a_unit - 1) / rows_a_unit;
  pattern_of.assign(count, 0);
  const auto& full = patterns[0].mask;
  const auto has_zero = [&](const Query& query) {
    for (std::size_t w = 0; w < key_words; ++w) {
      if ((query.zero[w] & full[w]) != 0) return true;
    }
    return false;
  };
  // Only columns that are kept as they are, or are all zeros, can be 0.
  const auto may_be_zero = [&](std::uint32_t c) { return std::ranges::binary_search(key_columns.signs, c); };
  if (std::ranges::none_of(query_columns.others, may_be_zero) && std::ranges::none_of(query_columns.zeros, may_be_zero)) return;
  pool.run(units, [&](std::size_t unit) {
    Query query;
    for (auto d = unit * rows_a_unit; d < std::min(count, (unit + 1) * rows_a_unit); ++d) {
      encode_query(words_of(d), query);
      pattern_of[d] = has_zero(query) ? 1 : 0;
    }
  });
  Query query;
  for (std::size_t d = 0; d < count; ++d) {
    if (pattern_of[d] == 0) continue;
    encode_query(words_of(d), query);
    std::vector<std::uint64_t> mask(key_words);
    for (std::size_t w = 0; w < key_words; ++w) mask[w] = full[w] & ~query.zero[w];
    std::size_t p = 1;
    while (p < pattern_count && patterns[p].mask != mask) ++p;
    if (p == pattern_count && pattern_count < most_patterns) patterns[pattern_count++].mask = mask;
    pattern_of[d] = static_cast<std::uint8_t>(p);  // most_patterns: none
  }
  pool.run(pattern_count - 1, [&](std::size_t p) {
    auto& pattern = patterns[p + 1];
    pattern.groups.build({key_codes.data(), seen, key_words}, pattern.mask);
    pattern.members.build(pattern.groups);
  });
}

template <class Real>
void RoutedAttention<Real>::Work::evaluate(std::size_t distinct_query, Scratch& scratch, RoutedRows<Real>& out, RoutedCounts& counts) {
  const auto v = head->v;
  const auto tokens = head->causal ? askers[distinct_query] : std::span<const std::uint32_t>();
  const auto rows = head->causal ? tokens.size() : std::size_t{1};
  const auto row_of = [&](std::size_t i) { return head->causal ? std::size_t{tokens[i]} : distinct_query; };
  // Without an index, or where every key matches many different queries, nothing is gained over the dense kernel.
  const auto every_key_matches = [&](const Pattern& pattern) { return pattern.groups.groups() == 1; };
  if (pattern_of[distinct_query] >= pattern_count ||
      (distinct.groups() > few_queries && every_key_matches(patterns[pattern_of[distinct_query]]))) {
    for (std::size_t i = 0; i < rows; ++i) unproved[row_of(i)] = 1;
    return;
  }
  const auto& pattern = patterns[pattern_of[distinct_query]];
  auto& query = scratch.query;
  const auto* words = words_of(distinct_query);
  encode_query(words, query);
  bound_query(words, query);
  const auto group = pattern.groups.find(query.code.data());
  const auto keys = group == CodeGroups::none ? std::span<const std::uint32_t>() : pattern.members[group];
  const auto scale = static_cast<double>(head->scale);

  auto& running = scratch.running;
  std::span<Real> value(scratch.value);
  running.reset(value);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = row_of(i);
    const auto visible = head->causal ? std::min(seen, row + 1) : seen;
    for (; running.seen < keys.size() && keys[running.seen] < visible; ++running.seen) {
      const auto key = keys[running.seen];
      auto logit = query.base;
      for (const auto& [q, numbers] : query.others) logit += q * static_cast<double>(numbers[key]);
      running.add(logit, scale, values.data() + key * v, value);
      ++counts.matches;
    }
    const auto best = std::max(running.best, query.start);
    // Nothing is to be proved where every key that can be seen matches.
    if (running.seen < visible && !(scale * (best - query.bound) >= facts_of<Real>().vanishing)) {
      unproved[row] = 1;
      continue;
    }
    auto* result = out.values_.data() + row * v;
    if (head->start != nullptr) {
      auto last = running;
      std::copy_n(value.begin(), v, result);
      last.add(query.start, scale, head->start->value.data(), {result, v});
      for (std::size_t c = 0; c < v; ++c) result[c] /= last.sum;
    } else if (visible == 0) {
      std::fill_n(result, v, Real{0});
    } else {
      for (std::size_t c = 0; c < v; ++c) result[c] = value[c] / running.sum;
    }
  }
}

/// Some rows by the dense kernel, in the way of a Program: a start token is merged as a part of its own.
template <class Real>
void RoutedAttention<Real>::Work::fall_back(const Kernels<Real>& dense, RoutedRows<Real>& out, const std::vector<std::size_t>& rows) const {
  const auto k = head->k, v = head->v;
  std::vector<Real> keys(seen * k), tile(k * tile_tokens);
  for (std::size_t i = 0; i < tiles_of(seen); ++i) {
    take_rows(head->keys(i, tile.data()), tokens_in(i, seen), k, keys.data() + i * tile_tokens * k);
  }
  const auto together = head->causal ? std::clamp<std::size_t>(mask_bytes / std::max<std::size_t>(seen, 1), 1, rows.size()) : rows.size();
  for (std::size_t first = 0; first < rows.size(); first += together) {
    const auto count = std::min(together, rows.size() - first);
    std::vector<Real> queries(count * k), results(count * v);
    std::vector<std::uint8_t> mask(head->causal ? count * seen : 0);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = rows[first + i];
      const auto* words = words_of(head->causal ? distinct.of()[row] : row);
      for (std::size_t c = 0; c < k; ++c) queries[i * k + c] = number(words, c);
      if (head->causal) std::fill_n(mask.begin() + static_cast<std::ptrdiff_t>(i * seen), std::min(seen, row + 1), std::uint8_t{1});
    }
    VisibleKeys visible;
    visible.visible = mask;
    const AttentionShape shape{count, seen, k, v};
    const std::span<const Real> its_values(values.data(), seen * v);
    if (head->start == nullptr) {
      dense.attention(shape, queries, keys, its_values, visible, head->scale, results);
    } else {
      std::vector<Real> largest(count), sum(count), start_largest(count), start_sum(count), start_value(count * v);
      dense.attention_partial(shape, queries, keys, its_values, visible, head->scale, largest, sum, results);
      dense.attention_partial({count, 1, k, v}, queries, head->start->key, head->start->value, {}, head->scale, start_largest, start_sum,
                              start_value);
      dense.merge(count, v, largest, sum, results, start_largest, start_sum, start_value);
      dense.finish(count, v, sum, results, results);
    }
    for (std::size_t i = 0; i < count; ++i) std::copy_n(results.data() + i * v, v, out.values_.data() + rows[first + i] * v);
  }
}

template <class Real>
RoutedAttention<Real>::RoutedAttention(cpu::ThreadPool& pool, std::function<const Kernels<Real>&()> dense)
    : pool_(&pool), dense_(std::move(dense)), work_(std::make_unique<Work>()) {}

template <class Real>
RoutedAttention<Real>::~RoutedAttention() = default;

template <class Real>
RoutedCounts RoutedAttention<Real>::run(const RoutedHead<Real>& head, RoutedRows<Real>& out) {
  auto& work = *work_;
  work.head = &head;
  work.seen = std::min(head.t, head.shown);
  out.v_ = head.v;
  out.row_of_.clear();
  if (head.n == 0) return {};
  const bool sharpens = head.scale > 0 && std::isfinite(head.scale);  // else no logit makes another one vanish
  work.query_columns = PackedColumns<Real>::of_samples(head.queries, head.n, head.k);
  work.key_columns = PackedColumns<Real>::of_samples(head.keys, work.seen, head.k);
  while (!work.gather(*pool_)) {
  }
  work.group(*pool_);
  work.find_patterns(*pool_);

  const auto distinct = work.distinct.groups(), rows = head.causal ? head.n : distinct;
  out.values_.grow(rows * head.v);
  if (!head.causal) out.row_of_.assign(work.distinct.of().begin(), work.distinct.of().end());
  work.unproved.assign(rows, sharpens ? 0 : 1);
  const auto units = sharpens ? (distinct + rows_a_unit - 1) / rows_a_unit : 0;
  std::vector<RoutedCounts> counts(units);
  pool_->run(units, [&](std::size_t unit) {
    typename Work::Scratch scratch;
    scratch.value.resize(head.v);
    for (auto d = unit * rows_a_unit; d < std::min(distinct, (unit + 1) * rows_a_unit); ++d) work.evaluate(d, scratch, out, counts[unit]);
  });
  RoutedCounts result{head.n, distinct};
  for (const auto& unit : counts) result += unit;
  std::vector<std::size_t> left;
  for (std::size_t row = 0; row < rows; ++row) {
    if (work.unproved[row]) left.push_back(row);
  }
  result.fallbacks = left.size();
  if (!left.empty()) work.fall_back(dense_(), out, left);
  return result;
}

template class RoutedRows<float>;
template class RoutedRows<double>;
template class RoutedAttention<float>;
template class RoutedAttention<double>;

}  // namespace bridge
