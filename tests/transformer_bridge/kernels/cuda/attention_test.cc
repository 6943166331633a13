// What the suite is too small for: rows of keys in several chunks, blocks of several warps, wide heads in slices, and far offsets.
#include "transformer_bridge/kernels/cuda/attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "transformer_bridge/kernels/reference_kernels.h"

#include "tests/transformer_bridge/kernels/cuda/orders.h"
#include "tests/transformer_bridge/random_matrix.h"

namespace tests {
namespace {

using bridge::AttentionShape;
using bridge::BlockPair;
using bridge::VisibleKeys;

constexpr std::size_t chunk = 512;

template <class Real>
struct Parts {
  std::vector<Real> largest, sum, value, out;
};

/// attention and attention_partial on the simulator. `mask` is [n, t] or empty.
template <class Real>
Parts<Real> attend(const AttentionShape& shape, const std::vector<Real>& queries, const std::vector<Real>& keys,
                   const std::vector<Real>& values, const VisibleKeys& seen, const std::vector<std::uint8_t>& mask, Real scale) {
  const auto s = shape.strided();
  const kl::Buffer<Real> q(queries), k(keys), v(values);
  const kl::Buffer<std::uint8_t> bytes(mask);
  const kl::Buffer<Real> largest(s.n * s.part_stride), sum(s.n * s.part_stride), value(s.n * s.out_stride), out(s.n * s.out_stride),
      scratch(bridge::cuda::attention_scratch<Real>(s));
  auto visible = seen;
  visible.visible = {bytes.data(), bytes.size()};
  bridge::cuda::attention(s, q.data(), k.data(), v.data(), visible, scale, out.data(), scratch.data(), {});
  bridge::cuda::attention_partial(s, q.data(), k.data(), v.data(), visible, scale, largest.data(), sum.data(), value.data(), scratch.data(),
                                  {});
  return {largest.to_host(), sum.to_host(), value.to_host(), out.to_host()};
}

template <class Real>
std::vector<double> in_double(const std::vector<Real>& numbers) {
  return {numbers.begin(), numbers.end()};
}

template <class Real>
void expect_near(const char* what, const std::vector<Real>& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto number = static_cast<double>(actual[i]);
    ASSERT_TRUE(number == expected[i] || std::abs(number - expected[i]) <= tolerance * std::max(1.0, std::abs(expected[i])))
        << what << " " << i << " is " << number << " and not " << expected[i];
  }
}

/// Bit for bit, and NaN beside NaN.
template <class Real>
bool same(Real x, Real y) {
  return std::isnan(y) ? std::isnan(x) : x == y && std::signbit(x) == std::signbit(y);
}

enum class Hidden { nothing, later, by_mask };

template <class Real>
struct Case {
  AttentionShape shape;
  std::vector<Real> queries, keys, values;
  VisibleKeys seen;
  std::vector<std::uint8_t> mask;
  Real scale;

  Case(const AttentionShape& given, Hidden hidden)
      : shape(given.strided()), scale(static_cast<Real>(1 / std::sqrt(static_cast<double>(given.k)))) {
    const auto& s = shape;
    queries = random_vector<Real>(s.n * s.query_stride, 1);
    keys = random_vector<Real>(s.t * s.key_stride, 2);
    values = random_vector<Real>(s.t * s.value_stride, 3);
    seen.causal = hidden == Hidden::later;
    seen.first_query = s.t > s.n ? s.t - s.n : 0;
    for (std::size_t i = 0; hidden == Hidden::by_mask && i < s.n * s.t; ++i)  // every fifth row sees nothing
      mask.push_back(i / s.t % 5 != 1 && mpc::mix(i) % 3 == 0 ? 1 : 0);
  }
  Parts<Real> run() const { return attend(shape, queries, keys, values, seen, mask, scale); }
};

template <class Real>
void check(const AttentionShape& shape, Hidden hidden) {
  const Case<Real> c(shape, hidden);
  const auto& s = c.shape;
  SCOPED_TRACE(testing::Message() << s.n << " x " << s.t << ", k " << s.k << ", v " << s.v << ", heads " << s.heads << ", hidden "
                                  << static_cast<int>(hidden));
  Parts<double> expected{std::vector<double>(s.n * s.part_stride), std::vector<double>(s.n * s.part_stride),
                         std::vector<double>(s.n * s.out_stride), std::vector<double>(s.n * s.out_stride)};
  const bridge::ReferenceKernels<double> reference;
  auto visible = c.seen;
  visible.visible = c.mask;
  const auto q = in_double(c.queries), k = in_double(c.keys), v = in_double(c.values);
  const auto scale = static_cast<double>(c.scale);
  reference.attention(s, q, k, v, visible, scale, expected.out);
  reference.attention_partial(s, q, k, v, visible, scale, expected.largest, expected.sum, expected.value);
  const auto actual = c.run();
  const auto tolerance = sizeof(Real) == 4 ? 1e-5 : 1e-13;
  expect_near("largest", actual.largest, expected.largest, tolerance);
  expect_near("sum", actual.sum, expected.sum, tolerance);
  // Sums of up to t terms that cancel: near in the measure of the sum of the weights.
  expect_near("value", actual.value, expected.value, tolerance * *std::ranges::max_element(expected.sum));
  expect_near("out", actual.out, expected.out, tolerance);
}

TEST(CudaAttention, ChunksAndSlices) {
  in_every_order([] {
    check<float>({5, 2 * chunk + 76, 32, 32, 2}, Hidden::nothing);
    check<float>({40, 3 * chunk - 1, 20, 7}, Hidden::later);
    check<float>({6, chunk + 1, 3, 5, 3}, Hidden::by_mask);
    check<float>({20, 70, 300, 140}, Hidden::later);
    check<double>({9, chunk + 40, 24, 40}, Hidden::by_mask);
    check<double>({5, 40, 260, 130}, Hidden::nothing);
  });
}

/// With so many heads that a block has two warps, and four; the same rows by a warp alone have the same bits.
TEST(CudaAttention, BlocksOfSeveralWarps) {
  constexpr std::size_t n = 120, t = 40, width = 4;
  for (const std::size_t heads : {std::size_t{128}, std::size_t{256}}) {
    const Case<float> c({n, t, width, width, heads}, Hidden::later);
    const auto stride = heads * width;
    const kl::Buffer<float> q(c.queries), k(c.keys), v(c.values), out(n * stride), alone(n * stride);
    bridge::cuda::attention<float>(c.shape, q.data(), k.data(), v.data(), c.seen, c.scale, out.data(), nullptr, {});
    const auto actual = out.to_host();
    for (const std::size_t h : {std::size_t{0}, heads / 2, heads - 1}) {
      auto one = c.shape;  // with its strides
      one.heads = 1;
      bridge::cuda::attention<float>(one, q.data() + h * width, k.data() + h * width, v.data() + h * width, c.seen, c.scale, alone.data(),
                                     nullptr, {});
      const auto expected = alone.to_host();
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t x = 0; x < width; ++x)
          ASSERT_TRUE(same(actual[i * stride + h * width + x], expected[i * stride + x])) << "row " << i << " of head " << h;
      }
    }
  }
}

/// Keys that a row does not see do not reach it, however many chunks of them there are.
TEST(CudaAttention, HiddenChunksChangeNoBit) {
  Case<float> c({3, 5 * chunk, 8, 8}, Hidden::nothing);
  for (const std::size_t shown : {std::size_t{20}, chunk, chunk + 30, 3 * chunk - 7}) {
    c.seen.shown = shown;
    auto cut = c;
    cut.shape.t = shown;
    const auto whole = c.run(), alone = cut.run();
    for (std::size_t i = 0; i < whole.out.size(); ++i) {
      EXPECT_TRUE(same(whole.out[i], alone.out[i])) << "shown " << shown << ", place " << i;
      EXPECT_TRUE(same(whole.value[i], alone.value[i])) << "shown " << shown << ", place " << i;
    }
    for (std::size_t i = 0; i < whole.sum.size(); ++i) {
      EXPECT_TRUE(same(whole.sum[i], alone.sum[i]));
      EXPECT_TRUE(same(whole.largest[i], alone.largest[i]));
    }
  }
}

/// One bad key among two chunks, or all of them.
TEST(CudaAttention, NanAndInfinityInChunks) {
  constexpr auto infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::size_t t = chunk + 10;
  for (const auto bad : {nan, infinity, -infinity}) {
    for (const bool all : {false, true}) {
      for (const std::size_t at : {std::size_t{3}, chunk + 3}) {
        SCOPED_TRACE(testing::Message() << bad << (all ? ", all" : ", one") << ", at " << at);
        std::vector<float> keys(t, all ? bad : 0.5F);
        keys[at] = bad;
        const auto actual = attend<float>({2, t, 1, 1}, {1, 1}, keys, std::vector<float>(t, 2), {}, {}, 1);
        for (std::size_t i = 0; i < 2; ++i) {
          if (bad == -infinity && !all) {  // a key that weighs nothing
            EXPECT_EQ(actual.out[i], 2);
            EXPECT_EQ(actual.sum[i], static_cast<float>(t - 1));
          } else {
            EXPECT_TRUE(std::isnan(actual.out[i])) << actual.out[i];
          }
          if (bad == -infinity && all) {
            EXPECT_EQ(actual.largest[i], -infinity);
            EXPECT_TRUE(same(actual.sum[i], 0.0F));
            EXPECT_TRUE(same(actual.value[i], 0.0F));
          } else if (bad != -infinity) {
            EXPECT_TRUE(std::isnan(actual.sum[i]));
            EXPECT_TRUE(std::isnan(actual.value[i]));
          }
        }
      }
    }
  }
}

/// Pairs of more than one chunk; a pair that uses less than the others.
TEST(CudaAttention, PairsOfManyKeys) {
  const AttentionShape shape{3, chunk + 20, 8, 4, 2};
  const std::vector<BlockPair> pairs{{3, chunk + 20, 700, 0}, {2, 7, 0, 3}, {0, 5, 0, 0}};
  const auto s = shape.strided();
  const auto queries = random_vector<float>(3 * s.n * s.query_stride, 1), keys = random_vector<float>(3 * s.t * s.key_stride, 2),
             values = random_vector<float>(3 * s.t * s.value_stride, 3);
  const kl::Buffer<float> q(queries), k(keys), v(values);
  const std::vector<float> poison(3 * s.n * s.out_stride, 12345);
  kl::Buffer<float> largest(poison), sum(poison), value(poison), scratch(bridge::cuda::attention_scratch<float>(s));
  const kl::Buffer<BlockPair> device_pairs(pairs);
  VisibleKeys seen;
  seen.causal = true;
  bridge::cuda::attention_blocks<float>(s, pairs, device_pairs.data(), q.data(), k.data(), v.data(), seen, 0.5F, largest.data(), sum.data(),
                                        value.data(), scratch.data(), {});
  const auto got = value.to_host(), got_sum = sum.to_host();
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    auto one = s;
    one.n = pairs[p].queries, one.t = pairs[p].keys;
    auto sees = seen;
    sees.first_query = pairs[p].first_query, sees.first_key = pairs[p].first_key;
    const auto alone = attend<float>(
        one, std::vector<float>(queries.begin() + static_cast<std::ptrdiff_t>(p * s.n * s.query_stride), queries.end()),
        std::vector<float>(keys.begin() + static_cast<std::ptrdiff_t>(p * s.t * s.key_stride), keys.end()),
        std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(p * s.t * s.value_stride), values.end()), sees, {}, 0.5F);
    for (std::size_t i = 0; i < s.n; ++i) {
      for (std::size_t x = 0; x < s.out_stride; ++x)
        EXPECT_EQ(got[(p * s.n + i) * s.out_stride + x], i < one.n ? alone.value[i * s.out_stride + x] : 12345) << "pair " << p;
      for (std::size_t x = 0; x < s.part_stride; ++x)
        EXPECT_EQ(got_sum[(p * s.n + i) * s.part_stride + x], i < one.n ? alone.sum[i * s.part_stride + x] : 12345) << "pair " << p;
    }
  }
}

/// 4097 tokens; only where nothing is checked at every access.
TEST(CudaAttention, ManyTokens) {
  if (orders == 1) return;
  check<float>({1000, 1000, 1, 1}, Hidden::later);
  check<float>({70, 4097, 3, 3}, Hidden::nothing);
}

/// Partials of more chunks than the scratch memory holds for all rows: the rows are taken in turns. All but the first keys are hidden.
TEST(CudaAttention, RowsInTurns) {
  if (orders == 1) return;
  constexpr std::size_t n = 260, t = std::size_t{1} << 18, shown = 40, k = 1, v = 126;
  const AttentionShape shape{n, t, k, v};
  const auto scratch_size = bridge::cuda::attention_scratch<float>(shape);
  ASSERT_LT(scratch_size, n * (t / chunk) * (v + 2));
  const auto queries = random_vector<float>(n * k, 1), keys = random_vector<float>(shown * k, 2),
             values = random_vector<float>(shown * v, 3);
  const kl::Buffer<float> q(queries), device_keys(t * k, true), device_values(t * v, true), out(n * v), scratch(scratch_size);
  kl::sim::host_writes(device_keys.data(), keys.size() * sizeof(float));
  kl::sim::host_writes(device_values.data(), values.size() * sizeof(float));
  std::ranges::copy(keys, device_keys.data());
  std::ranges::copy(values, device_values.data());
  VisibleKeys seen;
  seen.shown = shown;
  bridge::cuda::attention<float>(shape, q.data(), device_keys.data(), device_values.data(), seen, 1, out.data(), scratch.data(), {});
  EXPECT_EQ(out.to_host(), attend<float>({n, shown, k, v}, queries, keys, values, {}, {}, 1).out);
}

/// Offsets of rows that no 32-bit number holds: address space only.
TEST(CudaAttention, FarOffsets) {
  constexpr std::size_t stride = std::size_t{1} << 22, n = 520, t = 1030;
  AttentionShape shape{n, t, 1, 1};
  const auto dense_queries = random_vector<float>(n, 1), dense_keys = random_vector<float>(t, 2), dense_values = random_vector<float>(t, 3);
  const auto expected = attend<float>(shape, dense_queries, dense_keys, dense_values, {}, {}, 1);
  shape.query_stride = shape.key_stride = shape.value_stride = shape.out_stride = stride;
  const kl::Buffer<float> q(n * stride, true), k(t * stride, true), v(t * stride, true), out(n * stride, true),
      scratch(bridge::cuda::attention_scratch<float>(shape));
  const auto spread = [](const kl::Buffer<float>& to, const std::vector<float>& from) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      kl::sim::host_writes(to.data() + i * stride, sizeof(float));
      to.data()[i * stride] = from[i];
    }
  };
  spread(q, dense_queries);
  spread(k, dense_keys);
  spread(v, dense_values);
  bridge::cuda::attention<float>(shape, q.data(), k.data(), v.data(), {}, 1, out.data(), scratch.data(), {});
  for (std::size_t i = 0; i < n; ++i) ASSERT_TRUE(same(out.data()[i * stride], expected.out[i])) << "row " << i;
}

TEST(CudaAttention, RefusesWhatItsNumbersDoNotHold) {
  const kl::Buffer<float> x(1);
  EXPECT_ANY_THROW(
      bridge::cuda::attention<float>({std::size_t{1} << 31, 1, 1, 1}, x.data(), x.data(), x.data(), {}, 1, x.data(), x.data(), {}));
}

}  // namespace
}  // namespace tests
