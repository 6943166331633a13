#include "transformer_bridge/kernels/routed_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/kernels/reference.h"
#include "transformer_bridge/transformer/matrix.h"

#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::random_matrix;
using tests::refusal;

constexpr auto everything = std::numeric_limits<std::size_t>::max();

/// One head and its tokens.
template <class Real>
struct Case {
  Matrix<Real> queries, keys, values;
  Real scale = 128;
  bool causal = false;
  std::size_t shown = everything;
  std::optional<StartToken<Real>> start{};
};

template <class Real>
struct Outcome {
  Matrix<Real> out;
  RoutedCounts counts;
};

template <class Real>
TokenTiles<Real> tiles_of_rows(const Matrix<Real>& rows) {
  TokenTiles<Real> tiles(rows.rows(), rows.columns());
  for (std::size_t i = 0; i < tiles.tiles(); ++i) {
    put_rows(rows.values().data() + i * tile_tokens * rows.columns(), tokens_in(i, rows.rows()), rows.columns(), tiles.tile(i));
  }
  return tiles;
}

template <class Real>
Outcome<Real> routed(const Case<Real>& head, std::size_t threads = 2) {
  const auto queries = tiles_of_rows(head.queries), keys = tiles_of_rows(head.keys), values = tiles_of_rows(head.values);
  const auto source = [](const TokenTiles<Real>& tiles) -> TileSource<Real> {
    return [&tiles](std::size_t tile, Real*) { return tiles.tile(tile); };
  };
  cpu::ThreadPool pool(threads);
  std::unique_ptr<Kernels<Real>> dense;
  RoutedAttention<Real> attention(pool, [&]() -> const Kernels<Real>& {
    if (!dense) dense = cpu_kernels<Real>(1);
    return *dense;
  });
  RoutedHead<Real> its;
  its.n = head.queries.rows();
  its.t = head.keys.rows();
  its.k = head.queries.columns();
  its.v = head.values.columns();
  its.queries = source(queries);
  its.keys = source(keys);
  its.values = source(values);
  its.scale = head.scale;
  its.causal = head.causal;
  its.shown = head.shown;
  its.start = head.start ? &*head.start : nullptr;
  its.place = "layer 3, head 1";
  RoutedRows<Real> rows;
  Outcome<Real> outcome{Matrix<Real>(its.n, its.v), {}};
  // Twice: nothing of the first call may be left for the second.
  attention.run(its, rows);
  outcome.counts = attention.run(its, rows);
  for (std::size_t i = 0; i < tiles_of(its.n); ++i) {
    std::vector<Real> tile(its.v * tile_tokens);
    rows.put(i, tokens_in(i, its.n), tile.data());
    take_rows(tile.data(), tokens_in(i, its.n), its.v, outcome.out.values().data() + i * tile_tokens * its.v);
  }
  return outcome;
}

/// The dense kernel of the processor, as a Program calls it.
template <class Real>
Matrix<Real> dense(const Case<Real>& head) {
  const auto n = head.queries.rows(), t = head.keys.rows(), k = head.keys.columns(), v = head.values.columns();
  const auto kernels = cpu_kernels<Real>(1);
  Matrix<Real> out(n, v);
  if (n == 0) return out;
  VisibleKeys visible;
  visible.causal = head.causal;
  visible.shown = head.shown;
  const AttentionShape shape{n, t, k, v};
  if (!head.start) {
    kernels->attention(shape, head.queries.values(), head.keys.values(), head.values.values(), visible, head.scale, out.values());
    return out;
  }
  std::vector<Real> largest(n), sum(n), start_largest(n), start_sum(n), start_value(n * v);
  kernels->attention_partial(shape, head.queries.values(), head.keys.values(), head.values.values(), visible, head.scale, largest, sum,
                             out.values());
  kernels->attention_partial({n, 1, k, v}, head.queries.values(), head.start->key, head.start->value, {}, head.scale, start_largest,
                             start_sum, start_value);
  kernels->merge(n, v, largest, sum, out.values(), start_largest, start_sum, start_value);
  kernels->finish(n, v, sum, out.values(), out.values());
  return out;
}

/// The reference, in double.
template <class Real>
Matrix<double> reference_rows(const Case<Real>& head) {
  const auto n = head.queries.rows(), t = head.keys.rows();
  const auto doubles = [](std::span<const Real> numbers) { return std::vector<double>(numbers.begin(), numbers.end()); };
  Matrix<double> out(n, head.values.columns());
  std::vector<std::uint8_t> mask;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < t; ++j) mask.push_back(j < head.shown && (!head.causal || j <= i) ? 1 : 0);
  }
  std::optional<StartToken<double>> start;
  if (head.start) start = StartToken<double>{doubles(head.start->key), doubles(head.start->value)};
  reference::attention<double>({n, t, head.keys.columns(), head.values.columns()}, doubles(head.queries.values()),
                               doubles(head.keys.values()), doubles(head.values.values()), mask, static_cast<double>(head.scale),
                               start ? &*start : nullptr, out.values());
  return out;
}

template <class Real>
double error(const Matrix<Real>& got, const Matrix<double>& want) {
  EXPECT_EQ(got.values().size(), want.values().size());
  double most = 0;
  for (std::size_t i = 0; i < want.values().size(); ++i) {
    const auto off = std::abs(static_cast<double>(got.values()[i]) - want.values()[i]);
    if (!(off <= most)) most = off;  // NaN stays
  }
  return most;
}

/// The dense kernel's bits, near the reference.
template <class Real>
void expect_dense(const Case<Real>& head, const Outcome<Real>& outcome) {
  EXPECT_EQ(outcome.out, dense(head));
  EXPECT_LE(error(outcome.out, reference_rows(head)), sizeof(Real) == 4 ? 1e-5 : 1e-12);
  EXPECT_EQ(outcome.counts.queries, head.queries.rows());
}

template <class Real>
Real sign_of(std::uint64_t id, std::size_t bit) {
  return (mpc::mix(id * 1000 + bit / 32) >> bit % 32 & 1) != 0 ? Real{1} : Real{-1};
}

/// Token i asks for asked[i] and is id[i], in codes of `bits` columns; one more column lowers a key's logit by cost[i]. Values are bits.
template <class Real>
Case<Real> coded(std::size_t bits, const std::vector<std::uint64_t>& asked, const std::vector<std::uint64_t>& ids,
                 const std::vector<Real>& costs, std::size_t v = 3) {
  Case<Real> head{Matrix<Real>(asked.size(), bits + 1), Matrix<Real>(ids.size(), bits + 1), Matrix<Real>(ids.size(), v)};
  const auto lowering = bits / 2;  // among the code columns
  const auto column = [&](std::size_t bit) { return bit < lowering ? bit : bit + 1; };
  for (std::size_t i = 0; i < asked.size(); ++i) {
    for (std::size_t bit = 0; bit < bits; ++bit) head.queries(i, column(bit)) = 16 * sign_of<Real>(asked[i], bit);
    head.queries(i, lowering) = -1;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (std::size_t bit = 0; bit < bits; ++bit) head.keys(i, column(bit)) = sign_of<Real>(ids[i], bit);
    head.keys(i, lowering) = costs[i];
    for (std::size_t c = 0; c < v; ++c) head.values(i, c) = static_cast<Real>(mpc::mix(i * v + c) & 1);
  }
  if (sizeof(Real) == 8) head.scale = 1024;
  return head;
}

std::vector<std::uint64_t> draw(std::size_t count, std::uint64_t below, std::uint64_t seed) {
  std::vector<std::uint64_t> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(mpc::mix(mpc::mix(seed) + i) % below);
  return result;
}
template <class Real>
std::vector<Real> draw_costs(std::size_t count, std::uint64_t below, std::uint64_t seed) {
  std::vector<Real> result;
  for (const auto x : draw(count, below, seed)) result.push_back(static_cast<Real>(x));
  return result;
}
std::vector<std::uint64_t> each_once(std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = (i * 7 + 3) % count;  // count is no multiple of 7
  return ids;
}

template <class Real>
class RoutedAttentionTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(RoutedAttentionTest, Types);

// ---- Matches ---------------------------------------------------------------------------------------------------------------------

TYPED_TEST(RoutedAttentionTest, AUniqueMatchIsCopied) {
  for (const std::size_t n : {2, 3, 64, 65, 129, 300}) {
    SCOPED_TRACE(n);
    const auto asked = draw(n, n, 1), ids = each_once(n);
    auto head = coded<TypeParam>(24, asked, ids, draw_costs<TypeParam>(n, 8, 2));
    for (auto& value : head.values.values()) value += TypeParam(0.3);  // not exact when summed, but exact when copied
    const auto outcome = routed(head);
    expect_dense(head, outcome);
    EXPECT_EQ(outcome.counts.fallbacks, 0);
    EXPECT_EQ(outcome.counts.matches, outcome.counts.distinct);
    for (std::size_t i = 0; i < n; ++i) {
      const auto key = static_cast<std::size_t>(std::ranges::find(ids, asked[i]) - ids.begin());
      EXPECT_TRUE(std::ranges::equal(outcome.out.row(i), head.values.row(key))) << i;
    }
  }
}

TYPED_TEST(RoutedAttentionTest, TheBestOfSeveralMatchesAndTies) {
  for (const std::uint64_t costs : {1, 2, 8}) {  // 1: all tie
    for (const std::size_t n : {5, 200, 333}) {
      SCOPED_TRACE(testing::Message() << n << " tokens, " << costs << " costs");
      const auto head = coded<TypeParam>(24, draw(n, 9, 3), draw(n, 9, 4), draw_costs<TypeParam>(n, costs, 5));
      const auto outcome = routed(head);
      EXPECT_EQ(outcome.counts.fallbacks == 0, n > 5);  // of 5 keys some ids are not there
      expect_dense(head, outcome);
    }
  }
}

TYPED_TEST(RoutedAttentionTest, EqualQueriesAreComputedOnce) {
  const std::size_t n = 500;
  const auto head =
      coded<TypeParam>(24, std::vector<std::uint64_t>(n, 7), std::vector<std::uint64_t>(n, 7), draw_costs<TypeParam>(n, 4, 6));
  const auto outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.distinct, 1);
  EXPECT_EQ(outcome.counts.matches, n);
  EXPECT_EQ(outcome.counts.fallbacks, 0);
}

TYPED_TEST(RoutedAttentionTest, CodesOfMoreThanAWord) {
  for (const std::size_t bits : {31, 32, 33, 63, 64, 65, 70, 130}) {
    SCOPED_TRACE(bits);
    const std::size_t n = 400;
    const auto head = coded<TypeParam>(bits, draw(n, 150, 7), draw(n, 150, 8), draw_costs<TypeParam>(n, 4, 9));
    const auto outcome = routed(head);
    expect_dense(head, outcome);
    EXPECT_LT(outcome.counts.fallbacks, 30);  // of those whose ids are not there
    EXPECT_LT(outcome.counts.matches, 500);
  }
}

/// Two keys and queries that differ in one column only, which one it is.
TYPED_TEST(RoutedAttentionTest, EveryColumnOfACodeCounts) {
  for (std::size_t bit = 0; bit < 70; ++bit) {
    auto head = coded<TypeParam>(70, {1, 1}, {1, 1}, {0, 0});
    const auto column = bit < 35 ? bit : bit + 1;
    head.keys(1, column) *= -1;
    head.queries(1, column) *= -1;
    const auto outcome = routed(head);
    expect_dense(head, outcome);
    EXPECT_EQ(outcome.counts.fallbacks, 0);
    EXPECT_EQ(outcome.counts.matches, 2);
  }
}

TYPED_TEST(RoutedAttentionTest, WeightsThatAreNot0Or1) {
  auto head = coded<TypeParam>(24, draw(200, 9, 3), draw(200, 9, 4), draw_costs<TypeParam>(200, 8, 5));
  head.scale = TypeParam(0.5);
  for (auto& query : head.queries.values()) {
    if (std::abs(query) > 1) query *= 256;  // other codes are far away, keys of the code are not
  }
  const auto outcome = routed(head);
  EXPECT_EQ(outcome.counts.fallbacks, 0);
  EXPECT_LE(error(outcome.out, reference_rows(head)), sizeof(TypeParam) == 4 ? 1e-5 : 1e-12);
}

// ---- Proofs ----------------------------------------------------------------------------------------------------------------------

TYPED_TEST(RoutedAttentionTest, WithoutAMatchTheDenseKernelComputes) {
  auto head = coded<TypeParam>(24, draw(100, 20, 1), draw(100, 10, 2), draw_costs<TypeParam>(100, 4, 3));
  const auto outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_GT(outcome.counts.fallbacks, 4);
  EXPECT_LT(outcome.counts.fallbacks, outcome.counts.distinct);
}

/// A key of the start token that reaches `logit` for every query of coded().
template <class Real>
StartToken<Real> start_of(std::size_t bits, Real logit, Real value) {
  StartToken<Real> start{std::vector<Real>(bits + 1, 0), std::vector<Real>(3, value)};
  start.key[bits / 2] = -logit;
  return start;
}

TYPED_TEST(RoutedAttentionTest, TheStartTokenIsSeenWithoutAMatch) {
  auto head = coded<TypeParam>(24, draw(100, 20, 1), draw(100, 10, 2), draw_costs<TypeParam>(100, 4, 3));
  head.start = start_of<TypeParam>(24, 16 * 24 - 20, TypeParam(0.75));  // less than a match, more than any other key
  auto outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.fallbacks, 0);
  EXPECT_GT(std::ranges::count(outcome.out.values(), TypeParam(0.75)), 0);

  head.start = start_of<TypeParam>(24, 16 * 24 - 32, TypeParam(0.75));  // as much as another key may have
  outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_GT(outcome.counts.fallbacks, 0);

  head.start = start_of<TypeParam>(24, 16 * 24, TypeParam(1));  // ties with a match of no cost
  outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.fallbacks, 0);

  head.start = start_of<TypeParam>(24, 1000, TypeParam(1));  // outweighs all
  outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.fallbacks, 0);
}

TYPED_TEST(RoutedAttentionTest, TheProofNeedsTheWholeMargin) {
  const bool is_float = sizeof(TypeParam) == 4;
  // Ten groups; another key's logit is lower by twice `size`, or by one less if it may be a key that is better by 1.
  const auto fallbacks = [&](TypeParam size, TypeParam scale, bool better) {
    auto head = coded<TypeParam>(24, draw(100, 10, 1), draw(100, 10, 2), std::vector<TypeParam>(100, 0));
    for (auto& query : head.queries.values()) query *= std::abs(query) > 1 ? size / 16 : 1;
    head.scale = scale;
    if (better) head.keys(99, 12) = -1;
    const auto outcome = routed(head);
    if (better) {  // than others of its group, which weigh something: sums are not exact
      EXPECT_LE(error(outcome.out, reference_rows(head)), is_float ? 1e-5 : 1e-12);
    } else {
      expect_dense(head, outcome);
    }
    EXPECT_EQ(outcome.counts.distinct, 10);
    return outcome.counts.fallbacks;
  };
  const auto size = is_float ? TypeParam(13) : TypeParam(12), scale = is_float ? TypeParam(4) : TypeParam(32);
  EXPECT_EQ(fallbacks(size, scale, false), 0);  // 4 * 26 = 104, 32 * 24 = 768
  EXPECT_EQ(fallbacks(size, scale, true), 9);   // 4 * 25 = 100, 32 * 23 = 736; in its own group that key is the best
  EXPECT_EQ(fallbacks(size - 1, scale, false), 10);
  // As large as is needed, but no power of two: what rounding takes is not there to spare.
  EXPECT_EQ(fallbacks(1, is_float ? TypeParam(52) : TypeParam(372.6), false), 10);
  EXPECT_EQ(fallbacks(1, is_float ? TypeParam(64) : TypeParam(512), false), 0);
  EXPECT_EQ(fallbacks(1, 1, false), 10);
}

TYPED_TEST(RoutedAttentionTest, AScaleTooSmallFallsBack) {
  auto head = coded<TypeParam>(24, draw(150, 10, 1), draw(150, 10, 2), draw_costs<TypeParam>(150, 4, 3));
  for (const auto scale : {TypeParam(0.0625), TypeParam(0), TypeParam(-1)}) {
    head.scale = scale;
    const auto outcome = routed(head);
    expect_dense(head, outcome);
    EXPECT_EQ(outcome.counts.fallbacks, outcome.counts.distinct);
  }
}

TYPED_TEST(RoutedAttentionTest, WithoutCodeColumnsAllFallsBack) {
  const Case<TypeParam> head{random_matrix<TypeParam>(130, 6, 1), random_matrix<TypeParam>(130, 6, 2), random_matrix<TypeParam>(130, 3, 3),
                             2};
  const auto outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.fallbacks, 130);
}

TYPED_TEST(RoutedAttentionTest, FewQueriesSeeAllKeysWithoutCodeColumns) {
  const Case<TypeParam> head{random_matrix<TypeParam>(20, 6, 1), random_matrix<TypeParam>(130, 6, 2), random_matrix<TypeParam>(130, 3, 3),
                             2};
  const auto outcome = routed(head);
  EXPECT_LE(error(outcome.out, reference_rows(head)), sizeof(TypeParam) == 4 ? 1e-5 : 1e-12);
  EXPECT_EQ(outcome.counts.matches, 20 * 130);
}

/// A key, in a tile that is not sampled, that is not what all the others are: 0, or of another size, in a column of the code.
TYPED_TEST(RoutedAttentionTest, OneKeyThatBreaksTheCode) {
  const std::size_t n = 1200;
  for (const auto odd : {TypeParam(0), TypeParam(-3), TypeParam(40)}) {
    for (const bool query : {false, true}) {
      SCOPED_TRACE(testing::Message() << odd << (query ? " in a query" : " in a key"));
      auto head = coded<TypeParam>(24, draw(n, 50, 1), draw(n, 50, 2), draw_costs<TypeParam>(n, 4, 3));
      (query ? head.queries : head.keys)(330, 3) = odd;
      const auto outcome = routed(head);
      expect_dense(head, outcome);
      if (query) {
        EXPECT_LE(outcome.counts.fallbacks, 1);
      }
    }
  }
}

TYPED_TEST(RoutedAttentionTest, QueriesThatAre0InCodeColumns) {
  const std::size_t n = 300;
  auto head = coded<TypeParam>(24, draw(n, 30, 1), draw(n, 30, 2), draw_costs<TypeParam>(n, 4, 3));
  for (std::size_t i = 0; i < n; i += 3) {
    for (std::size_t c = 0; c < 20; ++c) head.queries(i, c) = 0;
  }
  auto outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.fallbacks, 0);
  for (std::size_t i = 1; i < n; i += 9) {  // all of it: every key matches
    for (std::size_t c = 0; c < 25; ++c) head.queries(i, c) = 0;
  }
  outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.fallbacks, 0);
  for (std::size_t i = 0; i < n; ++i) head.queries(i, i % 24 < 12 ? i % 24 : i % 24 + 1) = 0;  // in more ways than there are indices
  outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_GT(outcome.counts.fallbacks, 0);
  EXPECT_LT(outcome.counts.fallbacks, outcome.counts.distinct);
}

// ---- Masks -----------------------------------------------------------------------------------------------------------------------

TYPED_TEST(RoutedAttentionTest, ACausalQuerySeesTheFirstOfItsGroup) {
  for (const std::uint64_t costs : {1, 8}) {
    for (const std::size_t n : {1, 2, 7, 64, 65, 200}) {
      SCOPED_TRACE(testing::Message() << n << " tokens, " << costs << " costs");
      auto head = coded<TypeParam>(24, draw(n, 9, 3), draw(n, 9, 4), draw_costs<TypeParam>(n, costs, 5));
      head.causal = true;
      auto outcome = routed(head);
      expect_dense(head, outcome);
      EXPECT_EQ(outcome.counts.fallbacks > 0, n > 1);  // of tokens before the first match
      head.start = start_of<TypeParam>(24, 16 * 24 - 16, TypeParam(0.75));
      outcome = routed(head);
      expect_dense(head, outcome);
      EXPECT_EQ(outcome.counts.fallbacks, 0);
    }
  }
}

/// The latest key of the group has the largest logit: an induction head.
TYPED_TEST(RoutedAttentionTest, TheLatestMatch) {
  const std::size_t n = 1000;
  std::vector<TypeParam> costs;
  for (std::size_t i = 0; i < n; ++i) costs.push_back(static_cast<TypeParam>(n - i));
  const auto ids = draw(n, 9, 4);
  auto head = coded<TypeParam>(24, ids, ids, costs);
  for (auto& query : head.queries.values()) {
    if (std::abs(query) > 1) query *= 64;
  }
  head.causal = true;
  const auto outcome = routed(head);
  expect_dense(head, outcome);
  EXPECT_EQ(outcome.counts.fallbacks, 0);
  EXPECT_EQ(outcome.counts.matches, n);  // each key once, for all queries of its group
}

TYPED_TEST(RoutedAttentionTest, HiddenTokens) {
  const std::size_t n = 150;
  auto head = coded<TypeParam>(24, draw(n, 20, 3), draw(n, 20, 4), draw_costs<TypeParam>(n, 4, 5));
  for (const std::size_t shown : {0, 1, 63, 64, 65, 149}) {
    SCOPED_TRACE(shown);
    head.shown = shown;
    for (std::size_t i = shown; i < n; ++i) head.keys(i, 2) = 7;  // padding is no key
    for (const bool causal : {false, true}) {
      head.causal = causal;
      head.start.reset();
      expect_dense(head, routed(head));
      head.start = start_of<TypeParam>(24, 16 * 24 - 16, TypeParam(0.75));
      expect_dense(head, routed(head));
    }
    for (std::size_t i = shown; i < n; ++i) head.keys(i, 2) = 1;
  }
}

TYPED_TEST(RoutedAttentionTest, NoneOneAndTwoTokens) {
  EXPECT_EQ(routed(coded<TypeParam>(24, {}, {}, {})).out.rows(), 0);
  EXPECT_EQ(routed(coded<TypeParam>(24, {}, {1}, {0})).out.rows(), 0);
  for (const auto& ids : {std::vector<std::uint64_t>{}, {1}, {2}, {1, 2}, {2, 2}, {3, 4}}) {
    const auto head = coded<TypeParam>(24, {1}, ids, std::vector<TypeParam>(ids.size(), 0));
    expect_dense(head, routed(head));
  }
}

// ---- Errors and threads ----------------------------------------------------------------------------------------------------------

TYPED_TEST(RoutedAttentionTest, RefusesWhatIsNotFinite) {
  const std::size_t n = 200;
  const auto good = coded<TypeParam>(24, draw(n, 20, 3), draw(n, 20, 4), draw_costs<TypeParam>(n, 4, 5));
  for (const auto bad : {std::numeric_limits<TypeParam>::quiet_NaN(), -std::numeric_limits<TypeParam>::infinity()}) {
    for (const std::size_t token : {0, 77, 199}) {
      for (const std::size_t column : {0, 12}) {
        auto head = good;
        head.queries(token, column) = bad;
        EXPECT_EQ(refusal([&] { routed(head); }),
                  "fault: layer 3, head 1, token " + std::to_string(token) + ": expected finite numbers, got a query that is not");
        head = good;
        head.keys(token, column) = bad;
        EXPECT_EQ(refusal([&] { routed(head); }),
                  "fault: layer 3, head 1, token " + std::to_string(token) + ": expected finite numbers, got a key that is not");
      }
      auto head = good;
      head.values(token, 1) = bad;
      EXPECT_EQ(refusal([&] { routed(head); }),
                "fault: layer 3, head 1, token " + std::to_string(token) + ": expected finite numbers, got a value that is not");
    }
    auto head = good;
    head.shown = 100;
    head.keys(150, 0) = head.values(150, 0) = bad;  // not looked at
    auto without = good;
    without.shown = 100;
    EXPECT_EQ(routed(head).out, routed(without).out);
  }
}

TYPED_TEST(RoutedAttentionTest, TheSameBitsOnAnyNumberOfThreads) {
  auto head = coded<TypeParam>(24, draw(3000, 700, 3), draw(3000, 600, 4), draw_costs<TypeParam>(3000, 4, 5));
  head.scale = TypeParam(0.3);
  for (const bool causal : {false, true}) {
    head.causal = causal;
    const auto one = routed(head, 1);
    for (const std::size_t threads : {2, 3, 5}) {
      const auto more = routed(head, threads);
      EXPECT_EQ(more.out, one.out);
      EXPECT_EQ(more.counts.matches, one.counts.matches);
      EXPECT_EQ(more.counts.fallbacks, one.counts.fallbacks);
    }
  }
}

// ---- Groups ----------------------------------------------------------------------------------------------------------------------

TEST(CodeGroups, AreThoseOfAMap) {
  for (const std::uint64_t mask : {std::uint64_t{0}, std::uint64_t{0x00f00c01}, std::uint64_t{0x5555555555555555}, ~std::uint64_t{0}}) {
    const std::size_t count = 2000, words = 3;
    const std::vector<std::uint64_t> masks{mask, 0, mask};
    std::vector<std::uint64_t> codes;
    for (std::size_t i = 0; i < count; ++i) {
      const auto id = mpc::mix(i) % 300;
      codes.insert(codes.end(), {mpc::mix(id), mpc::mix(i), mpc::mix(id + 1000)});
    }
    CodeGroups groups;
    groups.build({codes.data(), count, words}, masks);
    GroupMembers members;
    members.build(groups);
    std::map<std::vector<std::uint64_t>, std::vector<std::uint32_t>> want;
    const auto masked = [&](std::size_t i) { return std::vector{codes[i * words] & mask, codes[i * words + 2] & mask}; };
    for (std::uint32_t i = 0; i < count; ++i) want[masked(i)].push_back(i);
    ASSERT_EQ(groups.groups(), want.size());
    for (std::size_t i = 0; i < count; ++i) {
      const auto group = groups.of()[i];
      EXPECT_EQ(groups.find(codes.data() + i * words), group);
      EXPECT_TRUE(std::ranges::equal(members[group], want[masked(i)]));
      EXPECT_EQ(groups.first()[group], want[masked(i)].front());
    }
    if (mask == ~std::uint64_t{0}) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::vector<std::uint64_t> other{codes[i * words], 0, codes[i * words + 2] ^ 1};
        EXPECT_EQ(groups.find(other.data()), CodeGroups::none);
      }
    }
  }
}

}  // namespace
}  // namespace bridge
