#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "transformer_bridge/kernels/reference.h"
#include "transformer_bridge/transformer/matrix.h"

#include "tests/transformer_bridge/random_matrix.h"

namespace bridge {
namespace {

using tests::random_matrix;
using tests::random_real;

template <class Real>
constexpr auto infinity = std::numeric_limits<Real>::infinity();
template <class Real>
constexpr auto nan = std::numeric_limits<Real>::quiet_NaN();

template <class Real>
struct Part {
  Part(std::size_t n, std::size_t v) : largest(n, -infinity<Real>), sum(n), value(n * v) {}
  std::vector<Real> largest, sum, value;
};

template <class Real>
bool same_bits(const Part<Real>& x, const Part<Real>& y) {
  const auto same = [](const std::vector<Real>& a, const std::vector<Real>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Real)) == 0;
  };
  return same(x.largest, y.largest) && same(x.sum, y.sum) && same(x.value, y.value);
}

template <class Real>
void merge(std::size_t v, Part<Real>& into, const Part<Real>& from) {
  reference::merge<Real>(into.sum.size(), v, into.largest, into.sum, into.value, from.largest, from.sum, from.value);
}

template <class Real>
struct Problem {
  Matrix<Real> queries, keys, values;
  std::vector<std::uint8_t> mask;
  Real scale = 1;

  AttentionShape shape() const { return {queries.rows(), keys.rows(), queries.columns(), values.columns()}; }

  /// Of the keys begin to end.
  Part<Real> part(std::size_t begin, std::size_t end) const {
    const auto n = queries.rows(), t = keys.rows(), k = queries.columns(), v = values.columns();
    std::vector<std::uint8_t> seen;
    for (std::size_t i = 0; !mask.empty() && i < n; ++i) {
      for (std::size_t j = begin; j < end; ++j) seen.push_back(mask[i * t + j]);
    }
    Part<Real> result(n, v);
    if (begin == end) return result;
    reference::attention_partial<Real>({n, end - begin, k, v}, queries.values(), keys.values().subspan(begin * k, (end - begin) * k),
                                       values.values().subspan(begin * v, (end - begin) * v), seen, scale, result.largest, result.sum,
                                       result.value);
    return result;
  }

  /// The parts of keys at most `leaf`, merged in a tree.
  Part<Real> tree(std::size_t begin, std::size_t end, std::size_t leaf) const {
    if (end - begin <= leaf) return part(begin, end);
    const auto middle = begin + (end - begin + 1) / 2;
    auto left = tree(begin, middle, leaf);
    merge(values.columns(), left, tree(middle, end, leaf));
    return left;
  }
};

/// Logits up to about `size`; every third key is a tie with the one before it, row 0 sees nothing and row 1 one key.
template <class Real>
Problem<Real> hard(std::size_t n, std::size_t t, std::size_t k, std::size_t v, double size, bool causal, std::uint64_t seed) {
  Problem<Real> p{random_matrix<Real>(n, k, seed),
                  random_matrix<Real>(t, k, seed + 1),
                  random_matrix<Real>(t, v, seed + 2),
                  {},
                  static_cast<Real>(size)};
  for (std::size_t j = 2; j < t; j += 3) {
    for (std::size_t c = 0; c < k; ++c) p.keys(j, c) = p.keys(j - 1, c);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < t; ++j) {
      const bool random_or_causal = causal ? j <= i : random_real<Real>(seed + 3, i * t + j) > 0;
      const bool seen = i != 0 && (i == 1 ? j == t / 2 : random_or_causal);
      p.mask.push_back(seen ? 1 : 0);
    }
  }
  return p;
}

template <class Real>
class Partials : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Partials, Reals);

TYPED_TEST(Partials, OnePartByHand) {
  using Real = TypeParam;
  const Problem<Real> p{{{1}, {1}, {0}}, {{20000}, {20000}, {-20000}}, {{3}, {7}, {100}}, {1, 1, 1, 0, 0, 0, 0, 0, 1}, 1};
  const auto part = p.part(0, 3);
  EXPECT_EQ(part.largest, (std::vector<Real>{20000, -infinity<Real>, 0}));
  EXPECT_EQ(part.sum, (std::vector<Real>{2, 0, 1}));
  EXPECT_EQ(part.value, (std::vector<Real>{10, 0, 100}));
  std::vector<Real> out(3, nan<Real>);
  reference::finish<Real>(3, 1, part.sum, part.value, out);
  EXPECT_EQ(out, (std::vector<Real>{5, 0, 100}));
}

TYPED_TEST(Partials, ATreeOfPartsIsTheWhole) {
  using Real = TypeParam;
  std::uint64_t seed = 1;
  for (const std::size_t t : {1, 2, 7, 100, 1000}) {
    for (const std::size_t k : {1, 3, 64}) {
      for (const double size : {1.0, 1e4}) {
        for (const bool causal : {false, true}) {
          SCOPED_TRACE(testing::Message() << t << " keys of " << k << ", size " << size << ", causal " << causal);
          const auto p = hard<Real>(9, t, k, 3, size, causal, seed += 5);
          Matrix<Real> expected(9, 3);
          reference::attention<Real>(p.shape(), p.queries.values(), p.keys.values(), p.values.values(), p.mask, p.scale, nullptr,
                                     expected.values());
          // The logits are the same bits; what differs is how often a weight is rescaled: each level rounds (largest - largest), which exp
          // multiplies by at most 88 or 745 before it is 0, and the sums of t terms are taken in another order.
          const auto depth = 2 + std::log2(static_cast<double>(t));
          const auto tolerance = (1000 * depth + 4 * static_cast<double>(t)) * static_cast<double>(std::numeric_limits<Real>::epsilon());
          for (const std::size_t leaf : {1, 3, 256}) {
            const auto part = p.tree(0, t, leaf);
            std::vector<Real> out(27, nan<Real>);
            reference::finish<Real>(9, 3, part.sum, part.value, out);
            for (std::size_t i = 0; i < out.size(); ++i) {
              const auto error = std::abs(static_cast<double>(out[i]) - static_cast<double>(expected.values()[i]));
              EXPECT_FALSE(!(error <= tolerance)) << "leaf " << leaf << ", at " << i << ": " << out[i] << " for " << expected.values()[i];
            }
            EXPECT_EQ(part.largest, p.part(0, t).largest);
          }
        }
      }
    }
  }
}

TYPED_TEST(Partials, AnEmptyPartChangesNoBit) {
  using Real = TypeParam;
  const auto p = hard<Real>(5, 7, 3, 2, 1e4, false, 77);
  auto part = p.part(0, 7);
  part.value[6] = -Real{0};
  part.sum[4] = nan<Real>;
  const Part<Real> empty(5, 2);
  auto into = part;
  merge(2, into, empty);
  EXPECT_TRUE(same_bits(into, part));
  into = empty;
  merge(2, into, part);
  EXPECT_TRUE(same_bits(into, part));
  into = empty;
  merge(2, into, empty);
  EXPECT_TRUE(same_bits(into, empty));
}

TYPED_TEST(Partials, MergeIsCommutative) {
  using Real = TypeParam;
  const auto p = hard<Real>(5, 20, 3, 2, 10, false, 78);
  auto one = p.part(0, 9), other = p.part(9, 20);
  const auto first = one;
  merge(2, one, other);
  merge(2, other, first);
  EXPECT_TRUE(same_bits(one, other));
}

TYPED_TEST(Partials, NanGoesThrough) {
  using Real = TypeParam;
  for (const auto bad : {nan<Real>, infinity<Real>}) {
    for (const std::size_t place : {0, 1, 2}) {
      for (const std::size_t leaf : {1, 2, 3}) {
        Problem<Real> p{{{1}}, {{1}, {-20000}, {20000}}, {{3}, {7}, {9}}, {}, 1};
        p.keys(place, 0) = bad;
        const auto part = p.tree(0, 3, leaf);
        std::vector<Real> out(1);
        reference::finish<Real>(1, 1, part.sum, part.value, out);
        EXPECT_TRUE(std::isnan(part.sum[0])) << bad << " at " << place << ", leaf " << leaf;
        EXPECT_TRUE(std::isnan(out[0])) << bad << " at " << place << ", leaf " << leaf;
      }
    }
  }
  // Nothing but NaN on both sides.
  const Problem<Real> all{{{1}}, {{nan<Real>}, {nan<Real>}}, {{3}, {7}}, {}, 1};
  EXPECT_TRUE(std::isnan(all.tree(0, 2, 1).sum[0]));
  // What is masked is not looked at.
  const Problem<Real> masked{{{1}}, {{nan<Real>}, {1}}, {{infinity<Real>}, {7}}, {0, 1}, 1};
  const auto part = masked.part(0, 2);
  EXPECT_EQ(part.sum[0], 1);
  EXPECT_EQ(part.value[0], 7);
  // Logits of minus infinity are none.
  const Problem<Real> low{{{1}}, {{-infinity<Real>}}, {{3}}, {}, 1};
  EXPECT_EQ(low.part(0, 1).sum[0], 0);
}

}  // namespace
}  // namespace bridge
