#include "tests/transformer_bridge/kernels/suite.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "transformer_bridge/kernels/reference_kernels.h"

#include "tests/transformer_bridge/random_matrix.h"

namespace tests {
namespace {

using bridge::Activation;
using bridge::Array;
using bridge::AttentionShape;
using bridge::BlockPair;
using bridge::Kernels;
using bridge::ReferenceKernels;
using bridge::VisibleKeys;

// ---- Tolerances ------------------------------------------------------------------------------------------------------------------

template <class Real>
constexpr double epsilon = static_cast<double>(std::numeric_limits<Real>::epsilon());
/// A row of attention, of values in [-1, 1) and logits of order 1 or exact: logits are off by a few epsilon, and so are the weights.
template <class Real>
constexpr double attention_tolerance = std::is_same_v<Real, float> ? 1e-5 : 1e-13;
/// A normalised row is of order 1, and its errors are those of its mean and deviation.
template <class Real>
constexpr double layer_norm_tolerance = std::is_same_v<Real, float> ? 2e-5 : 1e-13;
/// Of GELU, times |x|: where x is negative, 1 + erf cancels, so that the result has no more digits than x * epsilon.
template <class Real>
constexpr double gelu_tolerance = std::is_same_v<Real, float> ? 1e-6 : 1e-14;

template <class Real>
constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();
template <class Real>
constexpr Real infinity = std::numeric_limits<Real>::infinity();

// ---- Comparing -------------------------------------------------------------------------------------------------------------------

template <class Real>
auto bits(Real number) {
  return std::bit_cast<std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>>(number);
}

/// NaN is near NaN only, and an infinity near itself.
bool is_near(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <= tolerance;
}

/// One report for an array: the first place that is wrong, and how many there are.
template <class Real, class Wrong>
void expect_none(const char* what, std::span<const Real> actual, std::span<const Real> expected, const Wrong& wrong) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  std::size_t count = 0, first = 0;
  for (std::size_t i = actual.size(); i-- > 0;) {
    if (wrong(i)) {
      ++count;
      first = i;
    }
  }
  EXPECT_EQ(count, 0) << what << ": of " << actual.size() << " places so many are wrong; the first, " << first << ", is " << actual[first]
                      << " and not " << expected[first];
}

template <class Real>
void expect_same_bits(const char* what, std::span<const Real> actual, std::span<const Real> expected) {
  expect_none<Real>(what, actual, expected, [&](std::size_t i) { return bits(actual[i]) != bits(expected[i]); });
}

template <class Number>
void expect_same(const char* what, std::span<const Number> actual, std::span<const Number> expected) {
  expect_none<Number>(what, actual, expected, [&](std::size_t i) { return !(actual[i] == expected[i]); });
}

/// `tolerance` of place i; `expected` in float64.
template <class Real, class Tolerance>
void expect_near(const char* what, std::span<const Real> actual, std::span<const double> expected, const Tolerance& tolerance) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  std::vector<double> numbers(actual.begin(), actual.end());
  expect_none<double>(what, numbers, expected, [&](std::size_t i) { return !is_near(numbers[i], expected[i], tolerance(i)); });
}

template <class Real>
std::vector<double> wide(const std::vector<Real>& numbers) {
  return {numbers.begin(), numbers.end()};
}

// ---- Arrays of the device --------------------------------------------------------------------------------------------------------

template <class Real, class T>
Array<T> on(const Kernels<Real>& kernels, const std::vector<T>& host) {
  return Array<T>(kernels.memory(), std::span<const T>(host));
}

/// An output, with what was there before.
template <class T, class Real>
Array<T> poisoned(const Kernels<Real>& kernels, std::size_t size, T poison) {
  return on(kernels, std::vector<T>(size, poison));
}

template <class T>
std::span<const T> in(const Array<T>& array) {
  return array.span();
}

// ---- Rows ------------------------------------------------------------------------------------------------------------------------

struct LinearCase {
  std::size_t n = 0, a = 0, b = 0, first = 0;
  std::optional<Activation> activation;
  bool bias = true, residual = false, in_place = false;
};

template <class Real>
std::vector<Real> linear(const Kernels<Real>& kernels, const LinearCase& c, const std::vector<Real>& x, const std::vector<Real>& W,
                         const std::vector<Real>& bias, const std::vector<Real>& residual) {
  const auto weights = kernels.pack_linear(c.a, c.b, W, c.bias ? std::span<const Real>(bias) : std::span<const Real>());
  const auto device_x = on(kernels, x), device_residual = on(kernels, residual);
  auto out = c.in_place ? on(kernels, residual) : poisoned(kernels, c.n * c.b, nan<Real>);
  const auto added = c.in_place ? in(out) : c.residual ? in(device_residual) : std::span<const Real>();
  kernels.linear(*weights, c.first, c.n, in(device_x), c.activation, added, out.span());
  return out.to_host();
}

template <class Real>
void check_linear_case(const Kernels<Real>& kernels, const LinearCase& c) {
  SCOPED_TRACE(testing::Message() << c.n << " x " << c.a << " x " << c.b << " from " << c.first << ", activation "
                                  << (c.activation ? static_cast<int>(*c.activation) : -1) << ", bias " << c.bias << ", residual "
                                  << c.residual << ", in place " << c.in_place);
  const auto seed = 1 + c.n * 7 + c.a * 1001 + c.b;
  const auto x = random_vector<Real>(c.n * c.a, seed), W = random_vector<Real>(c.a * c.b, seed + 1),
             bias = random_vector<Real>(c.b, seed + 2), residual = random_vector<Real>(c.n * c.b, seed + 3);
  const auto actual = linear(kernels, c, x, W, bias, residual);
  const auto expected = linear<double>(ReferenceKernels<double>(), c, wide(x), wide(W), wide(bias), wide(residual));
  // A sum of a + 2 terms, all below 1, is off by half an epsilon of a partial sum each time; no activation is steeper than 1.13.
  const auto terms = static_cast<double>(c.a + 2);
  const auto rounding = 1.13 * terms * (std::sqrt(terms) + 2) * epsilon<Real>;
  const auto tolerance = rounding + (c.activation ? gelu_tolerance<Real> * terms : 0);
  expect_near<Real>("out", actual, expected, [&](std::size_t) { return tolerance; });
}

template <class Real>
void check_linear(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto n : {std::size_t{1}, std::size_t{7}, std::size_t{128}, sizes.batch}) {
    for (const auto a : sizes.widths) {
      for (const auto b : sizes.widths) check_linear_case(kernels, {n, a, b, 3 * n, {}, a != 3, b == 3, n == 7});
    }
  }
  for (const auto activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
    check_linear_case(kernels, {9, 20, 70, 0, activation, true, false, false});
    check_linear_case(kernels, {9, 20, 70, 121, activation, true, true, false});
    check_linear_case(kernels, {9, 20, 70, 1, activation, false, true, true});
  }
  check_linear_case(kernels, {33, sizes.model, sizes.model, 64, {}, true, true, true});
  check_linear_case(kernels, {3, 4 * sizes.model, 65, 64, {}, true, false, false});
  check_linear_case(kernels, {0, 5, 5, 0, {}, true, false, false});
}

template <class Real>
void check_linear_rows_alone(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto& [a, b] : {std::pair<std::size_t, std::size_t>{sizes.model, 70}, {5, sizes.model}, {100, 1}}) {
    const auto x = random_vector<Real>(sizes.batch * a, a), W = random_vector<Real>(a * b, b), bias = random_vector<Real>(b, 3),
               residual = random_vector<Real>(sizes.batch * b, 4);
    const LinearCase whole{sizes.batch, a, b, 0, Activation::gelu, true, true, false};
    const auto expected = linear(kernels, whole, x, W, bias, residual);
    const auto rows = [](const std::vector<Real>& all, std::size_t first, std::size_t n, std::size_t columns) {
      return std::vector<Real>(all.begin() + static_cast<std::ptrdiff_t>(first * columns),
                               all.begin() + static_cast<std::ptrdiff_t>((first + n) * columns));
    };
    for (const std::size_t n : {1, 7, 128}) {
      for (const std::size_t first : {std::size_t{0}, std::size_t{1}, std::size_t{11}, sizes.batch - 140, sizes.batch - n}) {
        SCOPED_TRACE(testing::Message() << n << " rows from " << first << " of " << sizes.batch << ", " << a << " x " << b);
        auto part = whole;
        part.n = n;
        part.first = first;
        expect_same_bits<Real>("out", linear(kernels, part, rows(x, first, n, a), W, bias, rows(residual, first, n, b)),
                               rows(expected, first, n, b));
      }
    }
  }
}

template <class Real>
void check_linear_keeps_nan(const Kernels<Real>& kernels, const KernelSizes&) {
  constexpr std::size_t n = 20, a = 40, b = 70, bad_row = 11;
  auto x = random_vector<Real>(n * a, 1);
  const auto W = random_vector<Real>(a * b, 2), bias = random_vector<Real>(b, 3), residual = random_vector<Real>(n * b, 4);
  for (const auto activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
    const LinearCase c{n, a, b, 0, activation, true, true, false};
    auto with_nan = x;
    with_nan[bad_row * a + 17] = nan<Real>;
    const auto clean = linear(kernels, c, x, W, bias, residual), actual = linear(kernels, c, with_nan, W, bias, residual);
    expect_none<Real>("out", actual, clean,
                      [&](std::size_t i) { return i / b == bad_row ? !std::isnan(actual[i]) : bits(actual[i]) != bits(clean[i]); });
  }
}

template <class Real>
void check_activations(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  std::vector<Real> x{0,
                      Real(-0.0),
                      std::numeric_limits<Real>::min(),
                      -std::numeric_limits<Real>::min(),
                      Real(1e-20),
                      Real(-1e-20),
                      Real(1e10),
                      Real(-1e10),
                      infinity<Real>};
  const auto steps = static_cast<int>(sizes.batch) * 4;
  for (int i = -steps; i <= steps; ++i) x.push_back(Real(12) * static_cast<Real>(i) / static_cast<Real>(steps));
  const auto numbers = x.size();
  x.push_back(nan<Real>);
  for (const auto activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
    SCOPED_TRACE(testing::Message() << "activation " << static_cast<int>(activation));
    std::vector<double> expected(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto y = static_cast<double>(x[i]);
      const auto inner = activation == Activation::gelu
                             ? std::erfc(-y / std::numbers::sqrt2)
                             : 2 / (1 + std::exp(-2 * std::sqrt(2 / std::numbers::pi) * (y + 0.044715 * y * y * y)));
      expected[i] = activation == Activation::relu ? (y < 0 ? 0 : y) : y / 2 * inner;
    }
    // Every number is a first, a last and a middle one.
    for (std::size_t begin = 0; begin < 17; ++begin) {
      const auto y = std::vector<Real>(x.begin() + static_cast<std::ptrdiff_t>(begin), x.end());
      auto array = on(kernels, y);
      kernels.activate(activation, array.span());
      expect_near<Real>("out", array.to_host(), std::span<const double>(expected).subspan(begin), [&](std::size_t i) {
        return activation == Activation::relu ? 0 : gelu_tolerance<Real> * std::abs(static_cast<double>(y[i]));
      });
    }
    ASSERT_TRUE(std::isnan(expected[numbers]));
  }
}

template <class Real>
void check_add(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{33}, sizes.batch * 100 + 3}) {
    const auto x = random_vector<Real>(size, 1);
    auto expected = random_vector<Real>(size, 2);
    const auto device_x = on(kernels, x);
    auto into = on(kernels, expected);
    kernels.add(in(device_x), into.span());
    for (std::size_t i = 0; i < size; ++i) expected[i] += x[i];
    expect_same_bits<Real>("sum", into.to_host(), expected);
  }
}

template <class Real>
std::vector<Real> layer_norm(const Kernels<Real>& kernels, std::size_t n, std::size_t a, const std::vector<Real>& x,
                             const std::vector<Real>& gain, const std::vector<Real>& bias, Real added, bool in_place) {
  const auto device_x = on(kernels, x), device_gain = on(kernels, gain), device_bias = on(kernels, bias);
  auto out = in_place ? on(kernels, x) : poisoned(kernels, n * a, nan<Real>);
  kernels.layer_norm(n, a, in_place ? in(out) : in(device_x), in(device_gain), in(device_bias), added, out.span());
  return out.to_host();
}

template <class Real>
void check_layer_norm(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  auto widths = sizes.widths;
  widths.push_back(sizes.model);
  for (const auto n : {std::size_t{1}, std::size_t{7}, sizes.batch}) {
    for (const auto a : widths) {
      SCOPED_TRACE(testing::Message() << n << " rows of " << a);
      const auto x = random_vector<Real>(n * a, n + a), gain = random_vector<Real>(a, a), bias = random_vector<Real>(a, a + 1);
      const auto added = Real(1e-5);
      const auto expected =
          layer_norm<double>(ReferenceKernels<double>(), n, a, wide(x), wide(gain), wide(bias), static_cast<double>(added), false);
      const auto actual = layer_norm(kernels, n, a, x, gain, bias, added, false);
      expect_near<Real>("out", actual, expected, [&](std::size_t) { return layer_norm_tolerance<Real>; });
      expect_same_bits<Real>("in place", layer_norm(kernels, n, a, x, gain, bias, added, true), actual);
      const auto last = std::vector<Real>(x.end() - static_cast<std::ptrdiff_t>(a), x.end());
      expect_same_bits<Real>("the last row alone", layer_norm(kernels, 1, a, last, gain, bias, added, false),
                             std::span<const Real>(actual).last(a));
      // What the other rows hold does not matter.
      if (n > 1) {
        auto bad = x;
        bad[a / 2] = nan<Real>;
        const auto beside_nan = layer_norm(kernels, n, a, bad, gain, bias, added, false);
        expect_none<Real>("beside NaN", beside_nan, actual,
                          [&](std::size_t i) { return i < a ? !std::isnan(beside_nan[i]) : bits(beside_nan[i]) != bits(actual[i]); });
      }
    }
  }
  // A mean far above the deviation: the difference of two squares would have lost it. x holds the rounding of 1000, about 1000 epsilon.
  auto far = random_vector<Real>(3 * sizes.model, 5);
  for (auto& number : far) number += 1000;
  const std::vector<Real> ones(sizes.model, 1), zeros(sizes.model, 0);
  const auto expected = layer_norm<double>(ReferenceKernels<double>(), 3, sizes.model, wide(far), wide(ones), wide(zeros), 0, false);
  expect_near<Real>("far from zero", layer_norm<Real>(kernels, 3, sizes.model, far, ones, zeros, 0, false), expected,
                    [&](std::size_t) { return 1e4 * epsilon<Real>; });
  // No deviation at all.
  const std::vector<Real> flat(sizes.model, 3);
  expect_same<Real>("a flat row", layer_norm<Real>(kernels, 1, sizes.model, flat, ones, ones, Real(1e-12), false), ones);
}

template <class Real>
void check_embedding(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto b : sizes.widths) {
    constexpr std::size_t u = 50;
    const auto n = sizes.batch;
    const auto table = random_vector<Real>(u * b, 1), positions = random_vector<Real>(n * b, 2);
    std::vector<std::uint32_t> ids(n);
    for (std::size_t i = 0; i < n; ++i) ids[i] = static_cast<std::uint32_t>(mpc::mix(i) % u);
    ids.front() = u - 1;
    std::vector<Real> gathered, added;
    for (std::size_t i = 0; i < n * b; ++i) {
      gathered.push_back(table[ids[i / b] * b + i % b]);
      added.push_back(gathered.back() + positions[i]);
    }
    const auto device_ids = on(kernels, ids);
    const auto device_table = on(kernels, table), device_positions = on(kernels, positions);
    auto out = poisoned(kernels, n * b, nan<Real>);
    kernels.embedding(n, b, in(device_ids), in(device_table), {}, out.span());
    expect_same_bits<Real>("rows", out.to_host(), gathered);
    kernels.embedding(n, b, in(device_ids), in(device_table), in(device_positions), out.span());
    expect_same_bits<Real>("rows and positions", out.to_host(), added);
  }
}

template <class Real>
void check_copy_columns(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  constexpr std::size_t from_stride = 77, to_stride = 130;
  const auto n = sizes.batch;
  const auto from = random_vector<Real>(n * from_stride, 1);
  for (const std::size_t columns : {0, 1, 64, 77}) {
    const auto before = random_vector<Real>(n * to_stride, 2);
    auto expected = before;
    for (std::size_t i = 0; i < n; ++i)
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(i * from_stride), columns,
                  expected.begin() + static_cast<std::ptrdiff_t>(i * to_stride));
    const auto device_from = on(kernels, from);
    auto to = on(kernels, before);
    kernels.copy_columns(n, columns, in(device_from), from_stride, to.span(), to_stride);
    expect_same_bits<Real>("columns", to.to_host(), expected);
  }
}

template <class Real>
void check_first_nan(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  const std::size_t n = sizes.batch;
  for (const auto a : sizes.widths) {
    auto x = random_vector<Real>(n * a, 1);
    x[3 * a] = infinity<Real>;
    EXPECT_EQ(kernels.first_nan(n, a, in(on(kernels, x))), n) << "no NaN, width " << a;
    for (const auto row : {n - 1, n / 2 + 1, std::size_t{0}}) {
      x[row * a + a - 1] = nan<Real>;
      const auto array = on(kernels, x);
      EXPECT_EQ(kernels.first_nan(n, a, in(array)), row) << "width " << a;
      EXPECT_EQ(kernels.first_nan(row, a, in(array)), row) << "only the rows before it, width " << a;
    }
  }
}

// ---- Messages --------------------------------------------------------------------------------------------------------------------

template <class Real>
void check_pack(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto a : sizes.widths) {
    for (const std::size_t destinations : {1, 3, 40}) {
      for (const auto n : {std::size_t{0}, std::size_t{1}, sizes.batch}) {
        SCOPED_TRACE(testing::Message() << n << " rows of " << a << " to " << destinations);
        const auto rows = random_vector<Real>(n * a, a);
        std::vector<std::uint32_t> destination(n);
        for (std::size_t i = 0; i < n; ++i)
          destination[i] = static_cast<std::uint32_t>(mpc::mix(i) % destinations) / 2 * 2;  // half of them get none
        std::vector<std::size_t> order(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, {}, [&](std::size_t i) { return destination[i]; });
        std::vector<Real> expected;
        std::vector<std::uint32_t> expected_starts(destinations + 1, 0);
        for (std::size_t d = 0; d <= destinations; ++d) {
          expected_starts[d] = static_cast<std::uint32_t>(std::ranges::count_if(destination, [&](auto to) { return to < d; }));
        }
        for (const auto i : order) {
          for (std::size_t c = 0; c < a; ++c) expected.push_back(rows[i * a + c]);
        }
        const auto device_rows = on(kernels, rows);
        const auto device_destination = on(kernels, destination);
        auto out = poisoned(kernels, n * a, nan<Real>);
        auto starts = poisoned<std::uint32_t>(kernels, destinations + 1, 999999);
        kernels.pack(n, a, in(device_rows), in(device_destination), destinations, out.span(), starts.span());
        expect_same_bits<Real>("rows", out.to_host(), expected);
        expect_same<std::uint32_t>("starts", starts.to_host(), expected_starts);
      }
    }
  }
}

template <class Real>
void check_unpack(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto a : sizes.widths) {
    const auto n = sizes.batch, places = 2 * n + 1;
    const auto rows = random_vector<Real>(n * a, a);
    auto expected = random_vector<Real>(places * a, a + 1);
    auto out = on(kernels, expected);
    std::vector<std::uint32_t> place(n);
    for (std::size_t i = 0; i < n; ++i) place[i] = static_cast<std::uint32_t>(2 * ((i * 7 + 3) % n) + i % 2);
    std::ranges::sort(place);
    place.erase(std::unique(place.begin(), place.end()), place.end());
    std::ranges::sort(place, {}, [](auto p) { return mpc::mix(p); });
    for (std::size_t i = 0; i < place.size() * a; ++i) expected[place[i / a] * a + i % a] = rows[i];
    const auto device_rows = on(kernels, rows);
    const auto device_place = on(kernels, place);
    kernels.unpack(place.size(), a, in(device_rows), in(device_place), out.span());
    expect_same_bits<Real>("places", out.to_host(), expected);
  }
}

// ---- Attention -------------------------------------------------------------------------------------------------------------------

template <class Real>
struct AttentionCase {
  AttentionShape shape;  // with strides
  VisibleKeys visible;   // without a mask
  std::vector<std::uint8_t> mask{};
  Real scale = 1;
  std::vector<Real> queries{}, keys{}, values{};

  VisibleKeys seen() const {
    auto result = visible;
    result.visible = mask;
    return result;
  }
  AttentionCase<double> in_double() const {
    return {shape, visible, mask, static_cast<double>(scale), wide(queries), wide(keys), wide(values)};
  }
};

/// NaN between the rows, number(row, column) in them.
template <class Real, class Number>
std::vector<Real> spread_rows(std::size_t rows, std::size_t columns, std::size_t stride, const Number& number) {
  std::vector<Real> result(rows * stride, nan<Real>);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t c = 0; c < columns; ++c) result[i * stride + c] = static_cast<Real>(number(i, c));
  }
  return result;
}

/// Strides that are larger than the rows, each by another number.
AttentionShape loosely(AttentionShape shape) {
  shape.query_stride = shape.heads * shape.k + 3;
  shape.key_stride = shape.heads * shape.k + 1;
  shape.value_stride = shape.heads * shape.v + 6;
  shape.part_stride = shape.heads + 2;
  shape.out_stride = shape.heads * shape.v + 5;
  return shape;
}

/// Everything in [-1, 1), logits of order 1.
template <class Real>
AttentionCase<Real> random_case(const AttentionShape& given, const VisibleKeys& visible = {}, std::uint64_t seed = 1) {
  const auto shape = given.strided();
  const auto random = [&](std::uint64_t which, std::size_t columns) {
    return [=](std::size_t i, std::size_t c) { return random_real<Real>(4 * seed + which, i * columns + c); };
  };
  const auto scale = static_cast<Real>(1 / std::sqrt(static_cast<double>(shape.k)));
  return {shape,
          visible,
          {},
          scale,
          spread_rows<Real>(shape.n, shape.heads * shape.k, shape.query_stride, random(0, shape.heads * shape.k)),
          spread_rows<Real>(shape.t, shape.heads * shape.k, shape.key_stride, random(1, shape.heads * shape.k)),
          spread_rows<Real>(shape.t, shape.heads * shape.v, shape.value_stride, random(2, shape.heads * shape.v))};
}

/// Logits that are integers up to 1e4 in size, exact in float, and many of them equal: queries are signs, and keys small integers or,
/// once a head, large ones.
template <class Real>
AttentionCase<Real> hard_case(const AttentionShape& given, const VisibleKeys& visible = {}) {
  auto result = random_case<Real>(given, visible);
  const auto& shape = result.shape;
  result.scale = 1;
  const auto coin = [](std::uint64_t seed, std::size_t at) { return mpc::mix(mpc::mix(seed) + at); };
  result.queries = spread_rows<Real>(shape.n, shape.heads * shape.k, shape.query_stride,
                                     [&](std::size_t i, std::size_t c) { return coin(10, i * 1000 + c) % 2 == 0 ? -1 : 1; });
  result.keys = spread_rows<Real>(shape.t, shape.heads * shape.k, shape.key_stride, [&](std::size_t j, std::size_t c) {
    const auto row = coin(11, j) % (shape.t / 2 + 1);  // some are the same row
    if (c % shape.k == 0) return row % 3 == 0 ? 10000 : row % 3 == 1 ? -10000 : 0;
    return static_cast<int>(coin(12, row * 1000 + c) % 5) - 2;
  });
  return result;
}

template <class Real>
struct Attended {
  std::vector<Real> out, largest, sum, value;
};

template <class Real>
Attended<Real> attend(const Kernels<Real>& kernels, const AttentionCase<Real>& c, Real poison) {
  const auto& s = c.shape;
  const auto queries = on(kernels, c.queries), keys = on(kernels, c.keys), values = on(kernels, c.values);
  const auto mask = on(kernels, c.mask);
  auto visible = c.visible;
  visible.visible = in(mask);
  auto out = poisoned(kernels, s.n * s.out_stride, poison), value = poisoned(kernels, s.n * s.out_stride, poison),
       largest = poisoned(kernels, s.n * s.part_stride, poison), sum = poisoned(kernels, s.n * s.part_stride, poison);
  kernels.attention(s, in(queries), in(keys), in(values), visible, c.scale, out.span());
  kernels.attention_partial(s, in(queries), in(keys), in(values), visible, c.scale, largest.span(), sum.span(), value.span());
  return {out.to_host(), largest.to_host(), sum.to_host(), value.to_host()};
}

/// The entries of the heads, without what lies between rows; there the poison must stand.
template <class Real>
std::vector<Real> entries(const char* what, const std::vector<Real>& all, std::size_t rows, std::size_t columns, std::size_t stride,
                          Real poison) {
  std::vector<Real> result;
  std::size_t overwritten = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t c = 0; c < stride; ++c) {
      if (c < columns) {
        result.push_back(all[i * stride + c]);
      } else if (bits(all[i * stride + c]) != bits(poison)) {
        ++overwritten;
      }
    }
  }
  EXPECT_EQ(overwritten, 0) << what << ": places between the rows were written to";
  return result;
}

template <class Real>
Attended<Real> without_gaps(const Attended<Real>& all, const AttentionShape& s, Real poison) {
  return {entries("out", all.out, s.n, s.heads * s.v, s.out_stride, poison),
          entries("largest", all.largest, s.n, s.heads, s.part_stride, poison),
          entries("sum", all.sum, s.n, s.heads, s.part_stride, poison),
          entries("value", all.value, s.n, s.heads * s.v, s.out_stride, poison)};
}

/// A part is compared as what it says about the row: its sum and value weigh exp(largest), and a difference there is one of them. They
/// are sums of t terms, and taken one after the other each is off by half an epsilon more.
template <class Real>
void expect_near_parts(const Attended<Real>& actual, const Attended<double>& expected, const AttentionShape& shape) {
  const auto tolerance = attention_tolerance<Real> + epsilon<Real> * static_cast<double>(shape.t) / 2;
  expect_near<Real>("largest", actual.largest, expected.largest,
                    [&](std::size_t i) { return attention_tolerance<Real> * std::max(1.0, std::abs(expected.largest[i])) / 4; });
  expect_near<Real>("sum", actual.sum, expected.sum, [&](std::size_t i) { return tolerance * expected.sum[i]; });
  expect_near<Real>("value", actual.value, expected.value, [&](std::size_t i) { return tolerance * expected.sum[i / shape.v]; });
}

template <class Real>
void check_case(const Kernels<Real>& kernels, const AttentionCase<Real>& c, Real poison = nan<Real>) {
  const auto& s = c.shape;
  SCOPED_TRACE(testing::Message() << s.n << " queries from " << c.visible.first_query << ", " << s.t << " keys from " << c.visible.first_key
                                  << ", k " << s.k << ", v " << s.v << ", heads " << s.heads << ", causal " << c.visible.causal
                                  << ", shown " << c.visible.shown << ", mask " << !c.mask.empty());
  const auto actual = without_gaps(attend(kernels, c, poison), s, poison);
  const auto expected = without_gaps(attend<double>(ReferenceKernels<double>(), c.in_double(), 0), s, 0.0);
  expect_near<Real>("out", actual.out, expected.out, [](std::size_t) { return attention_tolerance<Real>; });
  expect_near_parts(actual, expected, s);

  // A part of all keys is the whole, once divided.
  if (s.heads == 1) {
    const auto sum = on(kernels, actual.sum), value = on(kernels, actual.value);
    auto out = poisoned(kernels, s.n * s.v, nan<Real>);
    kernels.finish(s.n, s.v, in(sum), in(value), out.span());
    // But for rows of minus infinity, which are NaN as a whole and nothing as a part.
    auto finished = expected.out;
    for (std::size_t i = 0; i < finished.size(); ++i) finished[i] = expected.sum[i / s.v] == 0 ? 0 : finished[i];
    expect_near<Real>("finished", out.to_host(), finished, [](std::size_t) { return attention_tolerance<Real>; });
  }
}

template <class Real>
void check_attention(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto tokens : sizes.tokens) {
    for (const auto width : sizes.widths) {
      if (tokens > 1000 && width > 3) {
        check_case(kernels, random_case<Real>({5, tokens, width, width}));
        check_case(kernels, random_case<Real>({tokens, 5, width, width}));
        continue;
      }
      check_case(kernels, random_case<Real>({tokens, tokens, width, width}));
      if (tokens >= 1000) continue;
      check_case(kernels, random_case<Real>({tokens, tokens + 70, width, 5, 3}));
      check_case(kernels, random_case<Real>(loosely({tokens + 66, tokens, 6, width, 2})));
    }
  }
  check_case(kernels, random_case<Real>(loosely({65, 129, 32, 32, 12})));
  check_case(kernels, random_case<Real>({3, 0, 4, 5, 2}));
  check_case(kernels, random_case<Real>({0, 3, 4, 5, 2}));
  auto negative = random_case<Real>({20, 80, 8, 8});
  negative.scale = -negative.scale;
  check_case(kernels, negative);
}

template <class Real>
void check_hard_logits(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto tokens : sizes.tokens) {
    for (const auto width : sizes.widths) {
      if (tokens > 1000 && width > 1) continue;
      if (tokens >= 1000 && width > 64) continue;
      check_case(kernels, hard_case<Real>({tokens, tokens, width, width}));
      check_case(kernels, hard_case<Real>({tokens, tokens, width, width}, {0, 0, tokens - tokens / 3, true, {}}));
    }
  }
  // The last key of many is the largest by far, then the first: what was summed before must vanish, or all that comes.
  for (const bool last : {false, true}) {
    auto c = random_case<Real>({9, 300, 3, 7});
    c.scale = 1;
    c.queries = spread_rows<Real>(9, 3, 3, [](std::size_t, std::size_t) { return 1; });
    c.keys = spread_rows<Real>(
        300, 3, 3, [&](std::size_t j, std::size_t) { return 4000 * (last ? static_cast<int>(j) - 299 : -static_cast<int>(j)); });
    const auto actual = attend(kernels, c, nan<Real>);
    for (std::size_t i = 0; i < 9; ++i) {
      expect_same<Real>("only one key weighs", std::span(actual.out).subspan(i * 7, 7),
                        std::span(c.values).subspan((last ? 299 : 0) * 7, 7));
    }
    check_case(kernels, c);
  }
  // All the same: a mean.
  auto ties = random_case<Real>({33, 257, 64, 4});
  std::ranges::fill(ties.keys, Real(12.5));
  check_case(kernels, ties);
}

template <class Real>
void check_masks(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto tokens : sizes.tokens) {
    if (tokens > 1000) continue;
    const std::size_t width = tokens == 1000 ? 3 : 17, heads = tokens == 1000 ? 1 : 2;
    const AttentionShape square{tokens, tokens, width, width, heads};
    check_case(kernels, random_case<Real>(square, {0, 0, VisibleKeys{}.shown, true, {}}));
    for (const auto shown : {std::size_t{0}, std::size_t{1}, tokens / 2, tokens + 5})
      check_case(kernels, random_case<Real>(square, {0, 0, shown, false, {}}));
    // Queries and keys that begin elsewhere: all keys visible, some, and none.
    for (const std::size_t first_query : {0, 3, 64, 5000}) {
      for (const std::size_t first_key : {0, 2, 70, 1100}) {
        if (tokens == 1000 && (first_query == 3 || first_key == 2)) continue;
        check_case(kernels, random_case<Real>(square, {first_query, first_key, VisibleKeys{}.shown, true, {}}));
        check_case(kernels, random_case<Real>(square, {first_query, first_key, first_key + tokens / 2, true, {}}));
      }
    }
    for (const bool causal : {false, true}) {
      auto c = random_case<Real>(loosely(square), {2, 0, tokens - tokens / 4, causal, {}});
      for (std::size_t i = 0; i < tokens * tokens; ++i) {
        const auto row = i / tokens;
        c.mask.push_back(
            row % 5 == 4 ? 0 : static_cast<std::uint8_t>((mpc::mix(i) % 3 == 0 ? 1 : 0) * (1 + row % 255)));  // any number but 0 shows
      }
      check_case(kernels, c);
    }
  }
}

template <class Real>
void check_one_live_entry(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto tokens : sizes.tokens) {
    if (tokens > 1000) continue;
    constexpr std::size_t width = 5;
    auto c = random_case<Real>({tokens, tokens, width, width});
    c.mask.assign(tokens * tokens, 0);
    const auto live = [&](std::size_t i) { return (i * 31 + 7) % tokens; };
    for (std::size_t i = 0; i < tokens; ++i) c.mask[i * tokens + live(i)] = 1;
    const auto actual = attend(kernels, c, nan<Real>);
    for (std::size_t i = 0; i < tokens; ++i) {
      // Its weight is exp(0) = 1, and every other is 0.
      const auto value = std::span(c.values).subspan(live(i) * width, width);
      expect_same<Real>("out", std::span(actual.out).subspan(i * width, width), value);
      expect_same<Real>("value", std::span(actual.value).subspan(i * width, width), value);
      EXPECT_EQ(actual.sum[i], 1) << "row " << i;
    }
  }
}

template <class Real>
void check_empty_rows(const Kernels<Real>& kernels, const KernelSizes&) {
  const std::vector<Real> zeros(40 * 2 * 5, 0), no_sum(40 * 2, 0), none(40 * 2, -infinity<Real>);
  const auto expect_empty = [&](const AttentionCase<Real>& c) {
    const auto actual = attend(kernels, c, nan<Real>);
    expect_same<Real>("out", actual.out, zeros);
    expect_same<Real>("largest", actual.largest, none);
    expect_same<Real>("sum", actual.sum, no_sum);
    expect_same<Real>("value", actual.value, zeros);
  };
  const AttentionShape shape{40, 90, 3, 5, 2};
  auto masked = random_case<Real>(shape);
  masked.mask.assign(40 * 90, 0);
  expect_empty(masked);
  expect_empty(random_case<Real>(shape, {0, 0, 0, false, {}}));
  expect_empty(random_case<Real>(shape, {0, 10, 10, false, {}}));
  expect_empty(random_case<Real>(shape, {0, 40, VisibleKeys{}.shown, true, {}}));
  expect_empty(random_case<Real>({40, 0, 3, 5, 2}));
}

template <class Real>
void check_attention_keeps_nan(const Kernels<Real>& kernels, const KernelSizes&) {
  constexpr Real poison = 12345;
  for (const std::size_t t : {1, 3, 100}) {
    const AttentionShape shape{70, t, 4, 6};
    const auto clean = random_case<Real>(shape, {0, 0, VisibleKeys{}.shown, false, {}});
    const auto before = attend(kernels, clean, poison);
    const auto all_nan = [&](const char* what, const std::vector<Real>& actual) {
      EXPECT_TRUE(std::ranges::all_of(actual, [](Real x) { return std::isnan(x); })) << what << ", " << t << " keys";
    };
    // In a query: its row alone.
    auto query = clean;
    query.queries[9 * 4 + 2] = nan<Real>;
    const auto rows = attend(kernels, query, poison);
    const auto only_row_9 = [&](const char* what, const std::vector<Real>& actual, const std::vector<Real>& expected, std::size_t columns) {
      expect_none<Real>(what, actual, expected,
                        [&](std::size_t i) { return i / columns == 9 ? !std::isnan(actual[i]) : bits(actual[i]) != bits(expected[i]); });
    };
    only_row_9("out", rows.out, before.out, 6);
    only_row_9("sum", rows.sum, before.sum, 1);
    only_row_9("value", rows.value, before.value, 6);
    for (const std::size_t place : {std::size_t{0}, t - 1}) {
      auto key = clean;
      key.keys[place * 4] = nan<Real>;
      all_nan("NaN in a key: out", attend(kernels, key, poison).out);
      all_nan("NaN in a key: sum", attend(kernels, key, poison).sum);
      all_nan("NaN in a key: value", attend(kernels, key, poison).value);
      // Plus infinity, for all queries.
      key.keys[place * 4] = infinity<Real>;
      for (std::size_t i = 0; i < 70; ++i) key.queries[i * 4] = 1;
      all_nan("an infinite logit: out", attend(kernels, key, poison).out);
      all_nan("an infinite logit: sum", attend(kernels, key, poison).sum);
      all_nan("an infinite logit: value", attend(kernels, key, poison).value);
      auto value = clean;
      value.values[place * 6 + 5] = nan<Real>;
      const auto actual = attend(kernels, value, poison);
      for (std::size_t i = 0; i < 70; ++i) {
        EXPECT_TRUE(std::isnan(actual.out[i * 6 + 5])) << "NaN in a value, row " << i;
        EXPECT_TRUE(std::isnan(actual.value[i * 6 + 5])) << "NaN in a value, row " << i;
      }
    }
    // Minus infinity: one is a key that weighs nothing, all are a row that is NaN, or no part.
    auto low = clean;
    for (std::size_t i = 0; i < 70; ++i) low.queries[i * 4] = 1;
    low.keys[0] = -infinity<Real>;
    if (t > 1) check_case<Real>(kernels, low, poison);
    for (std::size_t j = 0; j < t; ++j) low.keys[j * 4] = -infinity<Real>;
    check_case<Real>(kernels, low, poison);
    all_nan("all logits minus infinity", attend(kernels, low, poison).out);
  }
}

template <class Real>
void check_attention_rows_alone(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  const auto n = sizes.batch;
  for (const std::size_t t : {std::size_t{1}, std::size_t{5}, std::size_t{100}, n}) {
    for (const bool causal : {false, true}) {
      for (const bool masked : {false, true}) {
        auto c = random_case<Real>({n, t, 20, 24, 2}, {2, 0, t - t / 8, causal, {}});
        for (std::size_t i = 0; masked && i < n * t; ++i) c.mask.push_back(mpc::mix(i) % 4 == 0 ? 0 : 1);
        const auto whole = attend(kernels, c, nan<Real>);
        for (const std::size_t rows : {1, 7, 128}) {
          for (const std::size_t first : {std::size_t{0}, std::size_t{3}, n - 140, n - rows}) {
            SCOPED_TRACE(testing::Message() << rows << " rows from " << first << " of " << n << ", " << t << " keys, causal " << causal
                                            << ", masked " << masked);
            auto part = c;
            part.shape.n = rows;
            part.visible.first_query += first;
            const auto cut = [&]<class T>(const std::vector<T>& all, std::size_t columns) {
              return all.empty() ? all
                                 : std::vector<T>(all.begin() + static_cast<std::ptrdiff_t>(first * columns),
                                                  all.begin() + static_cast<std::ptrdiff_t>((first + rows) * columns));
            };
            part.queries = cut(c.queries, c.shape.query_stride);
            part.mask = cut(c.mask, t);
            const auto actual = attend(kernels, part, nan<Real>);
            expect_same_bits<Real>("out", actual.out, cut(whole.out, c.shape.out_stride));
            expect_same_bits<Real>("largest", actual.largest, cut(whole.largest, c.shape.part_stride));
            expect_same_bits<Real>("sum", actual.sum, cut(whole.sum, c.shape.part_stride));
            expect_same_bits<Real>("value", actual.value, cut(whole.value, c.shape.out_stride));
          }
        }
      }
    }
  }
}

// ---- Many blocks, and parts ------------------------------------------------------------------------------------------------------

/// Pairs of blocks; the rows that a pair does not use are NaN.
template <class Real>
void check_blocks_case(const Kernels<Real>& kernels, const AttentionShape& given, std::size_t count, bool whole, bool causal, bool masked) {
  const auto s = given.strided();
  SCOPED_TRACE(testing::Message() << count << " pairs of " << s.n << " and " << s.t << " tokens, k " << s.k << ", v " << s.v << ", heads "
                                  << s.heads << ", whole " << whole << ", causal " << causal << ", masked " << masked);
  std::vector<BlockPair> pairs;
  for (std::size_t p = 0; p < count; ++p) {
    const auto used = [&](std::size_t most, std::uint64_t seed) {
      return static_cast<std::uint32_t>(whole || mpc::mix(p + seed) % 3 == 0 ? most : mpc::mix(p + seed) % (most + 1));
    };
    pairs.push_back({used(s.n, 100), used(s.t, 200), mpc::mix(p) % 8 * s.n, mpc::mix(p + 50) % 8 * s.t});
  }
  auto all = s;
  all.n = count * s.n;
  all.t = count * s.t;
  auto c = random_case<Real>(all, {0, 0, causal ? 6 * s.t + s.t / 2 : VisibleKeys{}.shown, causal, {}});
  for (std::size_t i = 0; masked && i < all.n * s.t; ++i) c.mask.push_back(mpc::mix(i) % 4 == 0 ? 0 : 1);
  for (std::size_t p = 0; p < count; ++p) {
    const auto hide = [&](std::vector<Real>& rows, std::size_t used, std::size_t most, std::size_t stride) {
      std::fill(rows.begin() + static_cast<std::ptrdiff_t>((p * most + used) * stride),
                rows.begin() + static_cast<std::ptrdiff_t>((p + 1) * most * stride), nan<Real>);
    };
    hide(c.queries, pairs[p].queries, s.n, s.query_stride);
    hide(c.keys, pairs[p].keys, s.t, s.key_stride);
    hide(c.values, pairs[p].keys, s.t, s.value_stride);
  }

  const auto queries = on(kernels, c.queries), keys = on(kernels, c.keys), values = on(kernels, c.values);
  const auto mask = on(kernels, c.mask);
  auto visible = c.visible;
  visible.visible = in(mask);
  constexpr Real poison = 12345;
  auto largest = poisoned(kernels, all.n * s.part_stride, poison), sum = poisoned(kernels, all.n * s.part_stride, poison),
       value = poisoned(kernels, all.n * s.out_stride, poison);
  kernels.attention_blocks(s, pairs, in(queries), in(keys), in(values), visible, c.scale, largest.span(), sum.span(), value.span());
  const auto actual_largest = largest.to_host(), actual_sum = sum.to_host(), actual_value = value.to_host();

  // Pair by pair: the same bits from the same kernels, and near those of the plain loops. What a pair does not use stays as it was.
  for (std::size_t p = 0; p < count; ++p) {
    SCOPED_TRACE(testing::Message() << "pair " << p << ": " << pairs[p].queries << " and " << pairs[p].keys << " tokens");
    const auto rows = [&](const std::vector<Real>& from, std::size_t first, std::size_t used, std::size_t stride) {
      return std::vector<Real>(from.begin() + static_cast<std::ptrdiff_t>(first * stride),
                               from.begin() + static_cast<std::ptrdiff_t>((first + used) * stride));
    };
    AttentionCase<Real> one{s,
                            c.visible,
                            {},
                            c.scale,
                            rows(c.queries, p * s.n, pairs[p].queries, s.query_stride),
                            rows(c.keys, p * s.t, pairs[p].keys, s.key_stride),
                            rows(c.values, p * s.t, pairs[p].keys, s.value_stride)};
    one.shape.n = pairs[p].queries;
    one.shape.t = pairs[p].keys;
    one.visible.first_query = pairs[p].first_query;
    one.visible.first_key = pairs[p].first_key;
    for (std::size_t i = 0; masked && i < one.shape.n; ++i) {
      for (std::size_t j = 0; j < one.shape.t; ++j) one.mask.push_back(c.mask[(p * s.n + i) * s.t + j]);
    }
    const auto alone = attend(kernels, one, poison);
    const auto expect = [&](const char* what, const std::vector<Real>& actual, const std::vector<Real>& expected, std::size_t stride) {
      auto padded = expected;
      padded.resize(s.n * stride, poison);
      expect_same_bits<Real>(what, rows(actual, p * s.n, s.n, stride), padded);
    };
    expect("largest", actual_largest, alone.largest, s.part_stride);
    expect("sum", actual_sum, alone.sum, s.part_stride);
    expect("value", actual_value, alone.value, s.out_stride);
    expect_near_parts(without_gaps(alone, one.shape, poison),
                      without_gaps(attend<double>(ReferenceKernels<double>(), one.in_double(), 0), one.shape, 0.0), one.shape);
  }
}

template <class Real>
void check_blocks(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  const auto heads = sizes.model / 32;
  check_blocks_case(kernels, {1, 1, 32, 32, heads}, sizes.pairs, true, false, false);
  check_blocks_case(kernels, {1, 1, 32, 32, heads}, sizes.pairs, true, true, true);
  check_blocks_case(kernels, loosely({1, 1, 3, 5, 2}), 20, false, true, false);
  for (const std::size_t tile : {4, 16, 64}) {
    check_blocks_case(kernels, {tile, tile, 32, 32, 2}, 6, true, true, false);
    check_blocks_case(kernels, loosely({tile, tile, 8, 20, 3}), 9, false, true, true);
  }
  check_blocks_case(kernels, {5, 3, 7, 1, 1}, 9, false, false, false);
  check_blocks_case(kernels, {1, 70, 7, 1, 2}, 9, false, false, false);
  check_blocks_case(kernels, {70, 1, 7, 1, 2}, 9, false, false, false);
  check_blocks_case(kernels, {4, 4, 7, 1, 2}, 0, true, false, false);
}

template <class Real>
void check_merge(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  struct Parts {
    std::vector<Real> largest, sum, value;
  };
  const auto n = sizes.batch;
  const auto merged = [&](const Parts& into, const Parts& from, std::size_t v) {
    auto largest = on(kernels, into.largest), sum = on(kernels, into.sum), value = on(kernels, into.value);
    const auto from_largest = on(kernels, from.largest), from_sum = on(kernels, from.sum), from_value = on(kernels, from.value);
    kernels.merge(n, v, largest.span(), sum.span(), value.span(), in(from_largest), in(from_sum), in(from_value));
    return Parts{largest.to_host(), sum.to_host(), value.to_host()};
  };
  for (const auto v : sizes.widths) {
    SCOPED_TRACE(testing::Message() << n << " rows of " << v);
    const auto parts = [&](std::uint64_t seed) {
      Parts result{random_vector<Real>(n, seed), random_vector<Real>(n, seed + 1), random_vector<Real>(n * v, seed + 2)};
      for (std::size_t i = 0; i < n; ++i) {
        result.largest[i] *= static_cast<Real>(i % 7 == 3 ? 10000 : 8);
        result.sum[i] = 2 + result.sum[i];
      }
      return result;
    };
    auto one = parts(10), other = parts(20);
    constexpr std::size_t no_one = 5, no_other = 6, neither = 7, bad = 8, both_bad = 9;
    const auto empty = [&](Parts& part, std::size_t i) {
      part.largest[i] = -infinity<Real>;
      part.sum[i] = 0;
      for (std::size_t c = 0; c < v; ++c) part.value[i * v + c] = Real(-0.0);
    };
    empty(one, no_one);
    empty(other, no_other);
    empty(one, neither);
    empty(other, neither);
    for (std::size_t c = 0; c < v; ++c) one.value[no_other * v + c] = other.value[no_one * v + c] = Real(-0.0);
    one.sum[bad] = nan<Real>;  // from a NaN in a key, with a largest of its own
    one.sum[both_bad] = nan<Real>;
    one.largest[both_bad] = -infinity<Real>;  // from NaN in all keys
    other.sum[both_bad] = nan<Real>;
    other.largest[both_bad] = -infinity<Real>;
    for (std::size_t c = 0; c < v; ++c) one.value[bad * v + c] = one.value[both_bad * v + c] = other.value[both_bad * v + c] = nan<Real>;

    const auto actual = merged(one, other, v), swapped = merged(other, one, v);
    std::vector<Real> expected_largest;
    std::vector<double> expected_sum, expected_value, size;
    for (std::size_t i = 0; i < n; ++i) {
      const auto mine = static_cast<double>(one.largest[i]), theirs = static_cast<double>(other.largest[i]);
      const auto largest = std::max(mine, theirs);
      const auto weight = [&](double x) { return x == -infinity<double> ? 0 : std::exp(x - largest); };
      const auto sum_of = [&](Real x, Real y) { return static_cast<double>(x) * weight(mine) + static_cast<double>(y) * weight(theirs); };
      expected_largest.push_back(static_cast<Real>(largest));
      expected_sum.push_back(sum_of(one.sum[i], other.sum[i]));
      for (std::size_t c = 0; c < v; ++c) expected_value.push_back(sum_of(one.value[i * v + c], other.value[i * v + c]));
    }
    expect_same<Real>("largest", actual.largest, expected_largest);
    // Sums below 3, values below 1, largest exact to half an epsilon of 20000 at most where the weight is not 0.
    expect_near<Real>("sum", actual.sum, expected_sum, [](std::size_t) { return 64 * epsilon<Real>; });
    expect_near<Real>("value", actual.value, expected_value, [](std::size_t) { return 64 * epsilon<Real>; });
    for (const auto i : {no_one, no_other, neither}) {
      const auto& part = i == no_one ? other : one;
      EXPECT_EQ(bits(actual.sum[i]), bits(part.sum[i])) << "row " << i;
      expect_same_bits<Real>("beside nothing", std::span(actual.value).subspan(i * v, v), std::span(part.value).subspan(i * v, v));
    }
    const auto same_but_nan = [](const char* what, std::span<const Real> x, std::span<const Real> y) {
      expect_none<Real>(what, x, y, [&](std::size_t i) { return std::isnan(y[i]) ? !std::isnan(x[i]) : bits(x[i]) != bits(y[i]); });
    };
    same_but_nan("largest, the other way round", swapped.largest, actual.largest);
    same_but_nan("sum, the other way round", swapped.sum, actual.sum);
    same_but_nan("value, the other way round", swapped.value, actual.value);
  }
}

template <class Real>
void check_finish(const Kernels<Real>& kernels, const KernelSizes& sizes) {
  for (const auto v : sizes.widths) {
    const auto n = sizes.batch;
    auto sum = random_vector<Real>(n, 1);
    auto value = random_vector<Real>(n * v, 2);
    for (auto& x : sum) x = Real(1.5) + x;
    sum[3] = 0;
    value[3 * v] = nan<Real>;  // what a row without a sum holds is not looked at
    sum[4] = nan<Real>;
    std::vector<Real> expected;
    for (std::size_t i = 0; i < n * v; ++i) expected.push_back(sum[i / v] == 0 ? 0 : value[i] / sum[i / v]);
    const auto device_sum = on(kernels, sum), device_value = on(kernels, value);
    auto out = poisoned<Real>(kernels, n * v, 12345), in_place = on(kernels, value);
    kernels.finish(n, v, in(device_sum), in(device_value), out.span());
    kernels.finish(n, v, in(device_sum), in(in_place), in_place.span());
    const auto actual = out.to_host(), alone = in_place.to_host();
    expect_near<Real>("out", actual, wide(expected),
                      [&](std::size_t i) { return 2 * epsilon<Real> * std::abs(static_cast<double>(expected[i])); });
    expect_near<Real>("in place", alone, wide(actual), [](std::size_t) { return 0; });
  }
}

template <class Real>
constexpr KernelCheck<Real> checks[] = {
    {"Linear", check_linear<Real>},
    {"LinearRowsAlone", check_linear_rows_alone<Real>},
    {"LinearKeepsNan", check_linear_keeps_nan<Real>},
    {"Activations", check_activations<Real>},
    {"Add", check_add<Real>},
    {"LayerNorm", check_layer_norm<Real>},
    {"Embedding", check_embedding<Real>},
    {"CopyColumns", check_copy_columns<Real>},
    {"FirstNan", check_first_nan<Real>},
    {"Pack", check_pack<Real>},
    {"Unpack", check_unpack<Real>},
    {"Attention", check_attention<Real>},
    {"HardLogits", check_hard_logits<Real>},
    {"Masks", check_masks<Real>},
    {"OneLiveEntry", check_one_live_entry<Real>},
    {"EmptyRows", check_empty_rows<Real>},
    {"AttentionKeepsNan", check_attention_keeps_nan<Real>},
    {"AttentionRowsAlone", check_attention_rows_alone<Real>},
    {"Blocks", check_blocks<Real>},
    {"Merge", check_merge<Real>},
    {"Finish", check_finish<Real>},
};

}  // namespace

template <class Real>
std::span<const KernelCheck<Real>> kernel_checks() {
  return checks<Real>;
}

template std::span<const KernelCheck<float>> kernel_checks();
template std::span<const KernelCheck<double>> kernel_checks();

}  // namespace tests
