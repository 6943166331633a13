#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "transformer_bridge/transformer/transformer.h"

#include "tests/transformer_bridge/random_matrix.h"

namespace tests {

using bridge::Activation;
using bridge::Embedding;
using bridge::Layer;
using bridge::LayerNorm;
using bridge::Linear;
using bridge::Mask;
using bridge::Matrix;
using bridge::Mlp;
using bridge::Sequence;
using bridge::StartToken;
using bridge::Transformer;

/// Layers of every kind: LayerNorm before or after, heads that are added or projected, MLPs, a start token.
template <class Real>
Transformer<Real> transformer_of(std::size_t tokens, std::size_t width, std::size_t k, std::size_t v, const Mask& mask) {
  std::uint64_t seed = 100 * tokens + width;
  const auto linear = [&](std::size_t in, std::size_t out) {
    ++seed;
    return Linear<Real>{random_matrix<Real>(in, out, seed), random_vector<Real>(out, seed + 1000)};
  };
  const auto norm = [&] { return LayerNorm<Real>{std::vector<Real>(width, 1), random_vector<Real>(width, ++seed)}; };
  Layer<Real> pre;  // LayerNorm first, and a projection
  pre.before = Embedding<Real>{random_matrix<Real>(7, width, ++seed), random_matrix<Real>(tokens, width, ++seed)};
  pre.heads_in = norm();
  pre.heads = {{linear(width, k), linear(width, k), linear(width, v), mask, Real(0.7)},
               {linear(width, k), linear(width, k), linear(width, v), Mask::causal()}};
  pre.heads_out = linear(2 * v, width);
  pre.after = Sequence<Real>{{norm(), Mlp<Real>{{linear(width, 5), linear(5, width)}, Activation::gelu}}, true};
  Layer<Real> post;  // heads that are added, and LayerNorm last
  post.heads = {{linear(width, k), linear(width, k), linear(width, width), mask},
                {linear(width, 1), linear(width, 1), linear(width, width)}};
  post.heads[0].start = StartToken<Real>{random_vector<Real>(k, ++seed), random_vector<Real>(width, ++seed)};
  post.after = norm();
  Layer<Real> without;  // no head at all
  without.after = linear(width, 2);
  return Transformer<Real>(tokens, width, {pre, post, without});
}

template <class Real>
Matrix<Real> ids(std::size_t tokens) {
  Matrix<Real> x(tokens, 1);
  for (std::size_t i = 0; i < tokens; ++i) x(i, 0) = static_cast<Real>(i * i % 7);
  return x;
}

inline Mask holes(std::size_t tokens) {
  Matrix<std::uint8_t> visible(tokens, tokens);
  for (std::size_t i = 0; i < visible.values().size(); ++i) visible.values()[i] = random_real<double>(77, i) > 0.3;
  std::ranges::fill(visible.row(tokens / 2), std::uint8_t{0});
  return Mask::any(visible);
}

/// max |x - y| / max |y|; infinity if a number on either side is not finite.
template <class Real>
double error_of(std::span<const Real> x, std::span<const double> y) {
  double most = 0, scale = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return std::numeric_limits<double>::infinity();
    most = std::max(most, std::abs(static_cast<double>(x[i]) - y[i]));
    scale = std::max(scale, std::abs(y[i]));
  }
  return most / scale;
}

template <class Real>
bool same_bits(std::span<const Real> x, std::span<const Real> y) {
  return std::ranges::equal(x, y, [](Real a, Real b) { return std::memcmp(&a, &b, sizeof a) == 0; });
}

}  // namespace tests
