#include "transformer_bridge/kernels/sparse_attention.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "transformer_bridge/kernels/reference.h"

namespace tests {
namespace {

using bridge::BlockRows;
using bridge::SparseWeights;

/// Random rows, sparse, and the same rows dense. Values are small integers; some rows are empty, some equal to the one before.
template <class Real>
struct Rows {
  Rows(std::size_t rows, std::size_t columns, std::size_t block, std::uint64_t seed, double filled)
      : sparse(block), width(columns * block) {
    const mpc::PublicHash hash(seed);
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<Real> row(width, Real{0});
      if (i > 0 && hash.below(4, i, 1) == 0) {
        std::copy(dense.end() - static_cast<std::ptrdiff_t>(width), dense.end(), row.begin());
      } else if (hash.below(5, i, 2) != 0) {
        for (std::size_t c = 0; c < columns; ++c) {
          if (static_cast<double>(hash.below(1000, i * columns + c, 3)) >= 1000 * filled) continue;
          for (std::size_t f = 0; f < block; ++f) {
            row[c * block + f] = static_cast<Real>(hash.below(7, (i * columns + c) * block + f, 4)) - Real{2};
          }
        }
      }
      for (std::size_t c = 0; c < columns; ++c) {
        const auto part = std::span(row).subspan(c * block, block);
        if (std::ranges::any_of(part, [](Real x) { return x != Real{0}; })) {
          std::ranges::copy(part, sparse.add(static_cast<std::uint32_t>(c)).begin());
        }
      }
      sparse.end_row();
      dense.insert(dense.end(), row.begin(), row.end());
    }
  }
  BlockRows<Real> sparse;
  std::size_t width;
  std::vector<Real> dense;
};

template <class Real>
std::vector<Real> dense_of(const SparseWeights<Real>& weights, std::size_t n, std::size_t t) {
  std::vector<Real> all(n * t, Real{0});
  for (std::size_t query = 0; query < n; ++query) {
    const auto row = weights.row_of[query];
    for (auto i = weights.begin(row); i < weights.ends[row]; ++i) all[query * t + weights.keys[i]] = weights.weights[i];
  }
  return all;
}

template <class Real>
class SparseAttention : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(SparseAttention, Reals);

// Scales from one where every weight counts to one where only ties are left.
TYPED_TEST(SparseAttention, IsTheReferenceAtEveryScale) {
  using Real = TypeParam;
  std::uint64_t shared = 0, zeros = 0, others = 0;
  for (const std::size_t n : {1, 3, 17}) {
    for (const std::size_t t : {1, 2, 23}) {
      for (const double scale : {0.0625, 1.0, 8.0, 1024.0}) {
        for (const double filled : {0.05, 0.4}) {
          const std::size_t k = 40, slots = 11, block = 3;
          const Rows<Real> queries(n, k, 1, n * 100 + t, filled), keys(t, k, 1, n + t * 1000, filled), values(t, slots, block, t, 0.3);
          std::vector<Real> out(n * values.width), weights(n * t);
          bridge::reference::attention<Real>({n, t, k, values.width}, queries.dense, keys.dense, values.dense, {}, static_cast<Real>(scale),
                                             nullptr, out, weights);
          const auto dense = bridge::dense_weights(queries.sparse, keys.sparse, k, static_cast<Real>(scale));
          const auto routed = bridge::routed_weights(queries.sparse, keys.sparse, k, static_cast<Real>(scale));
          // Integers times a power of two: the same bits.
          EXPECT_EQ(dense_of(dense, n, t), weights);
          EXPECT_EQ(dense_of(routed, n, t), weights);
          EXPECT_EQ(dense.margin, routed.margin);
          shared += n - routed.rows();
          for (const auto weight : weights) zeros += weight == Real{0} ? 1U : 0U;
          for (const auto weight : weights) others += weight != Real{0} && weight < Real(0.01) ? 1U : 0U;
          for (const auto* some : {&dense, &routed}) {
            BlockRows<Real> mixed;
            bridge::mix(*some, values.sparse, slots, mixed);
            ASSERT_EQ(mixed.rows(), some->rows());
            for (std::size_t query = 0; query < n; ++query) {
              const auto row = mixed.row(some->row_of[query]);
              std::vector<Real> whole(values.width, Real{0});
              for (std::size_t j = 0; j < row.at.size(); ++j) {
                for (std::size_t f = 0; f < block; ++f) whole[row.at[j] * block + f] = row.values[j * block + f];
              }
              const std::vector<Real> expected(out.begin() + static_cast<std::ptrdiff_t>(query * values.width),
                                               out.begin() + static_cast<std::ptrdiff_t>((query + 1) * values.width));
              EXPECT_EQ(whole, expected);
            }
          }
        }
      }
    }
  }
  // What the kernels differ in has occurred.
  EXPECT_GT(shared, 50U);
  EXPECT_GT(zeros, 500U);
  EXPECT_GT(others, 100U);
}

TYPED_TEST(SparseAttention, TheMarginIsTheSmallestGapOfAnyQuery) {
  using Real = TypeParam;
  BlockRows<Real> queries, keys;
  for (const int logit : {5, 5, 2, -1}) {
    keys.add(0, static_cast<Real>(logit));
    if (logit == 2) keys.add(1, Real{1});
    keys.end_row();
  }
  queries.add(0, Real{1});
  queries.end_row();
  for (const auto& weights : {bridge::dense_weights(queries, keys, 2, Real{1}), bridge::routed_weights(queries, keys, 2, Real{1})}) {
    EXPECT_EQ(weights.margin, 3.0);  // 5 and 2
  }
  queries.add(1, Real{1});  // logits 0, 0, 1, 0
  queries.end_row();
  for (const auto& weights : {bridge::dense_weights(queries, keys, 2, Real{1}), bridge::routed_weights(queries, keys, 2, Real{1})}) {
    EXPECT_EQ(weights.margin, 1.0);
  }
  BlockRows<Real> nothing;
  nothing.end_row();
  for (const auto& weights : {bridge::dense_weights(nothing, keys, 2, Real{1}), bridge::routed_weights(nothing, keys, 2, Real{1})}) {
    EXPECT_EQ(weights.margin, std::numeric_limits<double>::infinity());
    EXPECT_EQ(weights.weights, std::vector<Real>(4, Real{0.25}));
  }
}

TYPED_TEST(SparseAttention, ANaNIsReportedWithItsPlace) {
  using Real = TypeParam;
  BlockRows<Real> queries, keys, values(2);
  for (int i = 0; i < 3; ++i) {
    queries.add(0, Real{1});
    queries.end_row();
    keys.add(0, i == 2 ? std::numeric_limits<Real>::quiet_NaN() : Real{1});
    keys.end_row();
    values.add(1)[0] = i == 1 ? std::numeric_limits<Real>::infinity() : Real{1};
    values.end_row();
  }
  const auto text = [](auto&& run) {
    try {
      run();
    } catch (const mpc::Fault& fault) {
      return std::string(fault.what());
    }
    return std::string();
  };
  const std::string expected = "attention: the logit of query 0 and key 2 is NaN";
  EXPECT_EQ(text([&] { bridge::dense_weights(queries, keys, 1, Real{1}); }), expected);
  EXPECT_EQ(text([&] { bridge::routed_weights(queries, keys, 1, Real{1}); }), expected);

  BlockRows<Real> good, out;
  for (int i = 0; i < 3; ++i) {
    good.add(0, Real{1});
    good.end_row();
  }
  auto weights = bridge::dense_weights(queries, good, 1, Real{1});
  weights.weights[1] = 0;  // 0 times infinity
  EXPECT_EQ(text([&] { bridge::mix(weights, values, 2, out); }), "attention: row 0 of the weighted values holds a NaN");
}

TYPED_TEST(SparseAttention, RowsTravelAsWords) {
  using Real = TypeParam;
  const Rows<Real> first(7, 9, 3, 1, 0.4), second(4, 9, 3, 2, 0.4);
  BlockRows<Real> both(3), expected(3);
  auto words = first.sparse.packed();
  const auto more = second.sparse.packed();
  words.insert(words.end(), more.begin(), more.end());
  for (const auto* at = words.data(); at != words.data() + words.size();) at = both.append_packed(at);
  expected.append(first.sparse);
  expected.append(second.sparse);
  ASSERT_EQ(both.rows(), 11U);
  ASSERT_EQ(expected.rows(), 11U);
  for (std::size_t i = 0; i < 11; ++i) {
    const auto& source = i < 7 ? first.sparse : second.sparse;
    const auto wanted = source.row(i < 7 ? i : i - 7);
    for (const auto* rows : {&both, &expected}) {
      EXPECT_TRUE(std::ranges::equal(rows->row(i).at, wanted.at));
      EXPECT_TRUE(std::ranges::equal(rows->row(i).values, wanted.values));
    }
  }
  BlockRows<Real> none(3);
  const auto nothing = BlockRows<Real>(3).packed();
  EXPECT_EQ(none.append_packed(nothing.data()), nothing.data() + nothing.size());
  EXPECT_EQ(none.rows(), 0U);
}

}  // namespace
}  // namespace tests
