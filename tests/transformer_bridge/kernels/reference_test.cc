#include "transformer_bridge/kernels/reference.h"

#include <cmath>
#include <limits>
#include <optional>

#include <gtest/gtest.h>

#include "transformer_bridge/transformer/matrix.h"

#include "tests/transformer_bridge/random_matrix.h"

namespace bridge {
namespace {

using tests::random_matrix;
using tests::random_vector;

template <class Real>
constexpr auto infinity = std::numeric_limits<Real>::infinity();
template <class Real>
constexpr auto nan = std::numeric_limits<Real>::quiet_NaN();

template <class Real>
struct Problem {
  Matrix<Real> queries, keys, values;
  std::vector<std::uint8_t> mask;
  Real scale = 1;
  std::optional<StartToken<Real>> start;
};

template <class Real>
struct Result {
  Matrix<Real> out, weights;
};

/// What the kernel writes, and that it writes no more: every place holds a sentinel before, and there is one behind each array.
template <class Real>
Result<Real> attend(const Problem<Real>& p) {
  const AttentionShape shape{p.queries.rows(), p.keys.rows(), p.queries.columns(), p.values.columns()};
  const auto columns = shape.t + (p.start ? 1 : 0);
  constexpr Real sentinel = 12345;
  std::vector<Real> out(shape.n * shape.v + 1, sentinel), weights(shape.n * columns + 1, sentinel), alone(out);
  const auto* start = p.start ? &*p.start : nullptr;
  reference::attention<Real>(shape, p.queries.values(), p.keys.values(), p.values.values(), p.mask, p.scale, start,
                             std::span(out).first(shape.n * shape.v), std::span(weights).first(shape.n * columns));
  reference::attention<Real>(shape, p.queries.values(), p.keys.values(), p.values.values(), p.mask, p.scale, start,
                             std::span(alone).first(shape.n * shape.v));
  EXPECT_EQ(out.back(), sentinel);
  EXPECT_EQ(weights.back(), sentinel);
  Result<Real> result{Matrix<Real>(shape.n, shape.v), Matrix<Real>(shape.n, columns)};
  std::copy_n(out.begin(), shape.n * shape.v, result.out.values().begin());
  std::copy_n(weights.begin(), shape.n * columns, result.weights.values().begin());
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_TRUE(out[i] == alone[i] || std::isnan(out[i])) << "without weights, at " << i;
  return result;
}

/// The definition, in long double: a quotient of sums over what a query sees. Logits must be small.
template <class Real>
void expect_by_definition(const Problem<Real>& p) {
  const auto result = attend(p);
  const auto t = p.keys.rows(), k = p.keys.columns();
  // A logit is off by k + 2 roundings of a sum below k * scale, exp carries that over, and the sums add t + 2 more.
  const auto roundings =
      static_cast<double>(k) * std::abs(static_cast<double>(p.scale)) * static_cast<double>(k + 2) + static_cast<double>(t + 8);
  const auto tolerance = static_cast<long double>(4 * roundings * static_cast<double>(std::numeric_limits<Real>::epsilon()));
  for (std::size_t i = 0; i < p.queries.rows(); ++i) {
    std::vector<long double> exponentials(t + 1, 0);
    for (std::size_t j = 0; j <= t; ++j) {
      if (j == t ? !p.start : (!p.mask.empty() && p.mask[i * t + j] == 0)) continue;
      long double logit = 0;
      for (std::size_t c = k; c-- > 0;) {
        logit += static_cast<long double>(p.queries(i, c)) * static_cast<long double>(j == t ? p.start->key[c] : p.keys(j, c));
      }
      exponentials[j] = std::exp(logit * static_cast<long double>(p.scale));
    }
    long double whole = 0;
    for (const auto e : exponentials) whole += e;
    for (std::size_t j = 0; j < result.weights.columns(); ++j) {
      const auto expected = whole == 0 ? 0 : exponentials[j] / whole;
      EXPECT_TRUE(std::abs(static_cast<long double>(result.weights(i, j)) - expected) <= tolerance) << "weight " << i << ", " << j;
      if (exponentials[j] == 0) {
        EXPECT_EQ(result.weights(i, j), 0);
      }
    }
    for (std::size_t c = 0; c < p.values.columns(); ++c) {
      long double expected = 0;
      for (std::size_t j = 0; j < t; ++j) expected += exponentials[j] * static_cast<long double>(p.values(j, c));
      if (p.start) expected += exponentials[t] * static_cast<long double>(p.start->value[c]);
      expected = whole == 0 ? 0 : expected / whole;
      EXPECT_TRUE(std::abs(static_cast<long double>(result.out(i, c)) - expected) <= tolerance)
          << "out " << i << ", " << c << ": " << result.out(i, c) << " for " << expected;
    }
  }
}

template <class Real>
class Kernels : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Kernels, Reals);

TYPED_TEST(Kernels, AttentionIsItsDefinition) {
  using Real = TypeParam;
  std::uint64_t seed = 1;
  for (const std::size_t n : {1, 4}) {
    for (const std::size_t t : {0, 1, 2, 7}) {
      for (const std::size_t k : {0, 1, 5}) {
        for (const bool start : {false, true}) {
          for (const char* mask : {"none", "causal", "random", "empty rows"}) {
            SCOPED_TRACE(testing::Message() << n << " queries, " << t << " keys of " << k << ", start " << start << ", mask " << mask);
            const std::string kind = mask;
            ++seed;
            Problem<Real> p{random_matrix<Real>(n, k, 4 * seed),
                            random_matrix<Real>(t, k, 4 * seed + 1),
                            random_matrix<Real>(t, 3, 4 * seed + 2),
                            {},
                            Real(1.5),
                            {}};
            if (start) p.start = {random_vector<Real>(k, 7 * seed), random_vector<Real>(3, 11 * seed)};
            for (std::size_t i = 0; kind != "none" && i < n; ++i) {
              for (std::size_t j = 0; j < t; ++j) {
                const bool random = tests::random_real<Real>(seed, i * t + j) > 0;
                p.mask.push_back(kind == "causal" ? j <= i : kind == "random" ? random : random && i % 2 == 1);
              }
            }
            expect_by_definition(p);
          }
        }
      }
    }
  }
}

TYPED_TEST(Kernels, AttentionTakesLargeLogits) {
  using Real = TypeParam;
  // Far below and far above what exp can take; the scale is exact.
  for (const Real base : {Real(-20000), Real(20000)}) {
    const auto result = attend<Real>({{{1}}, {{base}, {base - 10}}, {{3}, {7}}, {}, 1, {}});
    const auto low = std::exp(Real(-10)) / (1 + std::exp(Real(-10)));
    EXPECT_FLOAT_EQ(static_cast<float>(result.weights(0, 0)), static_cast<float>(1 - low)) << base;
    EXPECT_FLOAT_EQ(static_cast<float>(result.weights(0, 1)), static_cast<float>(low)) << base;
    EXPECT_FLOAT_EQ(static_cast<float>(result.out(0, 0)), static_cast<float>(3 + 4 * low)) << base;
  }
  const auto apart = attend<Real>({{{1}, {-1}}, {{20000}, {-20000}}, {{3}, {7}}, {}, 1, {}});
  EXPECT_EQ(apart.weights, (Matrix<Real>{{1, 0}, {0, 1}}));
  EXPECT_EQ(apart.out, (Matrix<Real>{{3}, {7}}));
  // A visible token far below zero beats a masked one.
  const auto masked = attend<Real>({{{1}}, {{20000}, {-20000}}, {{3}, {7}}, {0, 1}, 1, {}});
  EXPECT_EQ(masked.weights, (Matrix<Real>{{0, 1}}));
  EXPECT_EQ(masked.out, (Matrix<Real>{{7}}));
  const auto start = attend<Real>({{{1}}, {{20000}}, {{3}}, {0}, 1, StartToken<Real>{{-20000}, {5}}});
  EXPECT_EQ(start.weights, (Matrix<Real>{{0, 1}}));
  EXPECT_EQ(start.out, (Matrix<Real>{{5}}));
}

TYPED_TEST(Kernels, AnEmptyRowIsZeros) {
  using Real = TypeParam;
  const auto result = attend<Real>({{{1}, {1}}, {{1}, {2}}, {{3}, {7}}, {0, 0, 0, 1}, 1, {}});
  EXPECT_EQ(result.out, (Matrix<Real>{{0}, {7}}));
  EXPECT_EQ(result.weights, (Matrix<Real>{{0, 0}, {0, 1}}));
  const auto nobody = attend<Real>({Matrix<Real>(2, 3), Matrix<Real>(0, 3), Matrix<Real>(0, 2), {}, 1, {}});
  EXPECT_EQ(nobody.out, Matrix<Real>(2, 2));
}

TYPED_TEST(Kernels, AttentionDoesNotLookAtWhatIsMasked) {
  using Real = TypeParam;
  for (const auto bad : {nan<Real>, infinity<Real>, -infinity<Real>}) {
    const auto result = attend<Real>({{{1}}, {{1}, {bad}}, {{3}, {bad}}, {1, 0}, 1, {}});
    EXPECT_EQ(result.out, (Matrix<Real>{{3}}));
    EXPECT_EQ(result.weights, (Matrix<Real>{{1, 0}}));
  }
}

TYPED_TEST(Kernels, AttentionKeepsNan) {
  using Real = TypeParam;
  for (const auto bad : {nan<Real>, infinity<Real>}) {
    for (const std::size_t place : {0, 1}) {
      Matrix<Real> keys{{1}, {1}};
      keys(place, 0) = bad;
      EXPECT_TRUE(std::isnan(attend<Real>({{{1}}, keys, {{3}, {7}}, {}, 1, {}}).out(0, 0))) << "key " << place << " is " << bad;
    }
  }
  EXPECT_TRUE(std::isnan(attend<Real>({{{nan<Real>}}, {{1}, {1}}, {{3}, {7}}, {}, 1, {}}).out(0, 0)));
  EXPECT_TRUE(std::isnan(attend<Real>({{{1}}, {{1}, {1}}, {{3}, {nan<Real>}}, {}, 1, {}}).out(0, 0)));
  // Its only logit is minus infinity, and yet it sees a token.
  EXPECT_TRUE(std::isnan(attend<Real>({{{1}}, {{-infinity<Real>}}, {{3}}, {}, 1, {}}).out(0, 0)));
  EXPECT_TRUE(std::isnan(attend<Real>({{{1}}, {{1}}, {{3}}, {}, 1, StartToken<Real>{{nan<Real>}, {1}}}).out(0, 0)));
}

TYPED_TEST(Kernels, Linear) {
  using Real = TypeParam;
  const Matrix<Real> x{{1, 2}, {3, 4}, {-1, 0}}, W{{1, 10, 100}, {2, 20, 200}};
  const std::vector<Real> bias{7, 0, -5};
  Matrix<Real> out(3, 3, nan<Real>);
  reference::linear<Real>(3, 2, 3, x.values(), W.values(), bias, out.values());
  EXPECT_EQ(out, (Matrix<Real>{{12, 50, 495}, {18, 110, 1095}, {6, -10, -105}}));
  reference::linear<Real>(3, 2, 3, x.values(), W.values(), {}, out.values());
  EXPECT_EQ(out, (Matrix<Real>{{5, 50, 500}, {11, 110, 1100}, {-1, -10, -100}}));
}

TYPED_TEST(Kernels, Activations) {
  using Real = TypeParam;
  const std::vector<Real> x{0, 1, -1, 2, 0.5, -3};
  const auto expect = [&](Activation activation, const std::vector<double>& expected) {
    auto y = x;
    reference::activate<Real>(activation, y);
    for (std::size_t i = 0; i < x.size(); ++i) {
      // 1 + erf is off by an epsilon or two of 1, and that is multiplied by x / 2.
      const auto tolerance = 4 * static_cast<double>(std::numeric_limits<Real>::epsilon()) * std::abs(static_cast<double>(x[i]));
      EXPECT_TRUE(std::abs(static_cast<double>(y[i]) - expected[i]) <= tolerance) << x[i] << ": " << y[i] << " for " << expected[i];
    }
    std::vector<Real> bad{nan<Real>};
    reference::activate<Real>(activation, bad);
    EXPECT_TRUE(std::isnan(bad[0]));
  };
  expect(Activation::relu, {0, 1, 0, 2, 0.5, 0});
  expect(Activation::gelu, {0, 0.8413447460685429, -0.15865525393145707, 1.9544997361036416, 0.34573123063700656, -0.00404969409489031});
  expect(Activation::gelu_tanh,
         {0, 0.8411919906082768, -0.15880800939172324, 1.954597694087775, 0.34571400982514394, -0.0036373920817729943});
}

TYPED_TEST(Kernels, LayerNorm) {
  using Real = TypeParam;
  const Matrix<Real> x{{1, 2, 3, 4}, {5, 5, 5, 5}};
  const std::vector<Real> gain{1, 2, 3, -4}, bias{0, 0, 10, 0};
  Matrix<Real> out(2, 4, nan<Real>);
  // The variance of 1, 2, 3, 4 is 5/4, and 5/4 + 11/4 has the root 2.
  reference::layer_norm<Real>(2, 4, x.values(), gain, bias, Real(2.75), out.values());
  EXPECT_EQ(out, (Matrix<Real>{{-0.75, -0.5, 10.75, -3}, {0, 0, 10, 0}}));

  const std::vector<Real> ones(4, 1), zeros(4, 0);
  reference::layer_norm<Real>(1, 4, x.values().first(4), ones, zeros, 0, out.values().first(4));
  const double expected[] = {-1.3416407864998738, -0.4472135954999579, 0.4472135954999579, 1.3416407864998738};
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_NEAR(static_cast<double>(out(0, c)), expected[c], 4 * static_cast<double>(std::numeric_limits<Real>::epsilon()));
  }
}

TYPED_TEST(Kernels, Embedding) {
  using Real = TypeParam;
  const Matrix<Real> table{{1, 2}, {3, 4}, {5, 6}};
  const std::vector<std::size_t> ids{2, 0, 2, 1};
  Matrix<Real> out(4, 2, nan<Real>);
  reference::embedding<Real>(4, 2, ids, table.values(), out.values());
  EXPECT_EQ(out, (Matrix<Real>{{5, 6}, {1, 2}, {5, 6}, {3, 4}}));
}

}  // namespace
}  // namespace bridge
