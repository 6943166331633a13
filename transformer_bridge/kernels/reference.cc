#include "transformer_bridge/kernels/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace bridge::reference {
namespace {

template <class Real>
Real dot(const Real* x, const Real* y, std::size_t count) {
  Real sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += x[i] * y[i];
  return sum;
}

}  // namespace

template <class Real>
void attention(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys, std::span<const Real> values,
               std::span<const std::uint8_t> mask, Real scale, const StartToken<Real>* start, std::span<Real> out,
               std::span<Real> weights) {
  constexpr auto minus_infinity = -std::numeric_limits<Real>::infinity();
  const auto n = shape.n, t = shape.t, k = shape.k, v = shape.v;
  std::vector<Real> row(start == nullptr ? t : t + 1);  // logits, then weights
  for (std::size_t i = 0; i < n; ++i) {
    const auto* query = queries.data() + i * k;
    auto* result = out.data() + i * v;
    const auto visible = [&](std::size_t j) { return mask.empty() || mask[i * t + j] != 0; };

    Real largest = minus_infinity;
    bool sees = start != nullptr;
    for (std::size_t j = 0; j < t; ++j) {
      row[j] = visible(j) ? scale * dot(query, keys.data() + j * k, k) : minus_infinity;
      largest = std::max(largest, row[j]);  // a NaN does not become the largest, and stays in its place
      sees = sees || visible(j);
    }
    if (start != nullptr) {
      row[t] = scale * dot(query, start->key.data(), k);
      largest = std::max(largest, row[t]);
    }

    // Minus infinity minus itself would make NaN of the empty row.
    Real sum = 0;
    for (auto& weight : row) {
      weight = sees ? std::exp(weight - largest) : 0;
      sum += weight;
    }
    if (sees) {
      for (auto& weight : row) weight /= sum;
    }

    std::fill_n(result, v, Real{0});
    for (std::size_t j = 0; j < t; ++j) {
      if (!visible(j)) continue;  // zero times an infinite value would be NaN
      for (std::size_t c = 0; c < v; ++c) result[c] += row[j] * values[j * v + c];
    }
    if (start != nullptr) {
      for (std::size_t c = 0; c < v; ++c) result[c] += row[t] * start->value[c];
    }
    if (!weights.empty()) std::ranges::copy(row, weights.begin() + static_cast<std::ptrdiff_t>(i * row.size()));
  }
}

template <class Real>
void linear(std::size_t n, std::size_t a, std::size_t b, std::span<const Real> x, std::span<const Real> W, std::span<const Real> bias,
            std::span<Real> out) {
  for (std::size_t i = 0; i < n; ++i) {
    auto* result = out.data() + i * b;
    for (std::size_t j = 0; j < b; ++j) result[j] = bias.empty() ? Real{0} : bias[j];
    for (std::size_t c = 0; c < a; ++c) {
      const auto factor = x[i * a + c];
      const auto* weights = W.data() + c * b;
      for (std::size_t j = 0; j < b; ++j) result[j] += factor * weights[j];
    }
  }
}

template <class Real>
void activate(Activation activation, std::span<Real> x) {
  constexpr Real half = 0.5;
  switch (activation) {
    case Activation::relu:
      for (auto& y : x) y = y < 0 ? 0 : y;  // not max(y, 0): NaN stays
      return;
    case Activation::gelu:
      for (auto& y : x) y = half * y * (1 + std::erf(y / std::numbers::sqrt2_v<Real>));
      return;
    case Activation::gelu_tanh:
      constexpr auto slope = std::numbers::sqrt2_v<Real> * std::numbers::inv_sqrtpi_v<Real>;  // sqrt(2/pi)
      for (auto& y : x) y = half * y * (1 + std::tanh(slope * (y + Real(0.044715) * y * y * y)));
      return;
  }
}

template <class Real>
void layer_norm(std::size_t n, std::size_t a, std::span<const Real> x, std::span<const Real> gain, std::span<const Real> bias, Real epsilon,
                std::span<Real> out) {
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = x.subspan(i * a, a);
    Real sum = 0;
    for (const auto y : row) sum += y;
    const auto mean = sum / static_cast<Real>(a);
    Real squares = 0;
    for (const auto y : row) squares += (y - mean) * (y - mean);
    const auto deviation = std::sqrt(squares / static_cast<Real>(a) + epsilon);
    for (std::size_t c = 0; c < a; ++c) out[i * a + c] = (row[c] - mean) / deviation * gain[c] + bias[c];
  }
}

template <class Real>
void embedding(std::size_t n, std::size_t b, std::span<const std::size_t> ids, std::span<const Real> table, std::span<Real> out) {
  for (std::size_t i = 0; i < n; ++i) std::copy_n(table.data() + ids[i] * b, b, out.data() + i * b);
}

template <class Real>
void attention_partial(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys, std::span<const Real> values,
                       std::span<const std::uint8_t> mask, Real scale, std::span<Real> largest, std::span<Real> sum,
                       std::span<Real> value) {
  constexpr auto minus_infinity = -std::numeric_limits<Real>::infinity();
  const auto n = shape.n, t = shape.t, k = shape.k, v = shape.v;
  std::vector<Real> logits(t);
  for (std::size_t i = 0; i < n; ++i) {
    const auto visible = [&](std::size_t j) { return mask.empty() || mask[i * t + j] != 0; };
    largest[i] = minus_infinity;
    for (std::size_t j = 0; j < t; ++j) {
      logits[j] = visible(j) ? scale * dot(queries.data() + i * k, keys.data() + j * k, k) : minus_infinity;
      largest[i] = std::max(largest[i], logits[j]);  // a NaN does not become the largest, and stays in its place
    }
    const auto base = largest[i] == minus_infinity ? Real{0} : largest[i];
    auto* result = value.data() + i * v;
    sum[i] = 0;
    std::fill_n(result, v, Real{0});
    for (std::size_t j = 0; j < t; ++j) {
      if (!visible(j)) continue;  // zero times an infinite value would be NaN
      const auto weight = std::exp(logits[j] - base);
      sum[i] += weight;
      for (std::size_t c = 0; c < v; ++c) result[c] += weight * values[j * v + c];
    }
  }
}

template <class Real>
void merge(std::size_t n, std::size_t v, std::span<Real> into_largest, std::span<Real> into_sum, std::span<Real> into_value,
           std::span<const Real> from_largest, std::span<const Real> from_sum, std::span<const Real> from_value) {
  constexpr auto minus_infinity = -std::numeric_limits<Real>::infinity();
  for (std::size_t i = 0; i < n; ++i) {
    auto* into = into_value.data() + i * v;
    const auto* from = from_value.data() + i * v;
    // Apart, so that an empty row keeps the other's bits: adding 0 makes 0 of -0. With a NaN as its sum a row is not empty.
    if (from_largest[i] == minus_infinity && from_sum[i] == 0) continue;
    if (into_largest[i] == minus_infinity && into_sum[i] == 0) {
      into_largest[i] = from_largest[i];
      into_sum[i] = from_sum[i];
      std::copy_n(from, v, into);
      continue;
    }
    const auto largest = std::max(into_largest[i], from_largest[i]);
    const auto base = largest == minus_infinity ? Real{0} : largest;  // both NaN: no infinity less itself, though it would be NaN too
    const auto mine = std::exp(into_largest[i] - base), other = std::exp(from_largest[i] - base);
    into_largest[i] = largest;
    into_sum[i] = into_sum[i] * mine + from_sum[i] * other;
    for (std::size_t c = 0; c < v; ++c) into[c] = into[c] * mine + from[c] * other;
  }
}

template <class Real>
void finish(std::size_t n, std::size_t v, std::span<const Real> sum, std::span<const Real> value, std::span<Real> out) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < v; ++c) out[i * v + c] = sum[i] == 0 ? Real{0} : value[i * v + c] / sum[i];
  }
}

#define ROUNDTRIP_KERNELS(Real)                                                                                                    \
  template void attention(const AttentionShape&, std::span<const Real>, std::span<const Real>, std::span<const Real>,              \
                          std::span<const std::uint8_t>, Real, const StartToken<Real>*, std::span<Real>, std::span<Real>);         \
  template void linear(std::size_t, std::size_t, std::size_t, std::span<const Real>, std::span<const Real>, std::span<const Real>, \
                       std::span<Real>);                                                                                           \
  template void activate(Activation, std::span<Real>);                                                                             \
  template void layer_norm(std::size_t, std::size_t, std::span<const Real>, std::span<const Real>, std::span<const Real>, Real,    \
                           std::span<Real>);                                                                                       \
  template void embedding(std::size_t, std::size_t, std::span<const std::size_t>, std::span<const Real>, std::span<Real>);         \
  template void attention_partial(const AttentionShape&, std::span<const Real>, std::span<const Real>, std::span<const Real>,      \
                                  std::span<const std::uint8_t>, Real, std::span<Real>, std::span<Real>, std::span<Real>);         \
  template void merge(std::size_t, std::size_t, std::span<Real>, std::span<Real>, std::span<Real>, std::span<const Real>,          \
                      std::span<const Real>, std::span<const Real>);                                                               \
  template void finish(std::size_t, std::size_t, std::span<const Real>, std::span<const Real>, std::span<Real>);
ROUNDTRIP_KERNELS(float)
ROUNDTRIP_KERNELS(double)
#undef ROUNDTRIP_KERNELS

}  // namespace bridge::reference
