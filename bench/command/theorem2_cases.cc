#include "bench/command/theorem2_cases.h"

#include <cmath>

#include <fmt/core.h>

#include "mpc/hash.h"

namespace roundtrip {
namespace {

constexpr std::size_t vocabulary = 50;

/// Numbers from a seed, one after the other.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(mpc::mix(seed)) {}
  std::uint64_t bits() { return state_ = mpc::mix(state_ + 0x9e3779b97f4a7c15U); }
  /// Even in [-1, 1), as a float, so that float and double transformers have the same weights.
  double even() { return static_cast<double>(bits() >> 40) * 0x1p-23 - 1; }

 private:
  std::uint64_t state_;
};

template <class Real>
class Maker {
 public:
  Maker(const Theorem2Case& one, std::uint64_t seed) : one_(one), draw_(seed) {}

  bridge::Transformer<Real> make() {
    using namespace bridge;
    const auto m = one_.width, k = m / one_.heads;
    const auto mask = make_mask();
    std::vector<Layer<Real>> layers;
    for (std::uint64_t l = 0; l < one_.layers; ++l) {
      auto& layer = layers.emplace_back();
      if (l == 0) layer.before = Embedding<Real>{matrix(vocabulary, m, 1), matrix(one_.tokens, m, 1)};
      const auto kind = l % 3;  // pre-LN, post-LN, none
      if (kind == 0) layer.heads_in = norm();
      for (std::uint64_t h = 0; h < one_.heads; ++h) {
        layer.heads.push_back({linear(m, k), linear(m, k), linear(m, k), mask, static_cast<Real>(1 / std::sqrt(static_cast<double>(k)))});
      }
      layer.heads_out = linear(m, m);
      const auto activation = kind == 0 ? Activation::gelu_tanh : kind == 1 ? Activation::gelu : Activation::relu;
      const Mlp<Real> mlp{{linear(m, 2 * m), linear(2 * m, m)}, activation};
      if (kind == 0) {
        layer.after = Sequence<Real>{{norm(), mlp}, true};
      } else if (kind == 1) {
        layer.after = Sequence<Real>{{norm(), Sequence<Real>{{mlp}, true}, norm()}};
      } else {
        layer.after = Sequence<Real>{{mlp}, true};
      }
    }
    return Transformer<Real>(one_.tokens, m, std::move(layers));
  }

 private:
  bridge::Matrix<Real> matrix(std::size_t rows, std::size_t columns, double scale) {
    bridge::Matrix<Real> result(rows, columns);
    for (auto& x : result.values()) x = static_cast<Real>(static_cast<float>(draw_.even() * scale));
    return result;
  }
  std::vector<Real> vector(std::size_t size, double around) {
    std::vector<Real> result(size);
    for (auto& x : result) x = static_cast<Real>(static_cast<float>(around + draw_.even() / 4));
    return result;
  }
  bridge::Linear<Real> linear(std::size_t in, std::size_t out) {
    return {matrix(in, out, 1.7 / std::sqrt(static_cast<double>(in))), vector(out, 0)};
  }
  bridge::LayerNorm<Real> norm() { return {vector(one_.width, 1), vector(one_.width, 0), Real(1e-5)}; }
  bridge::Mask make_mask() {
    if (one_.mask == "causal") return bridge::Mask::causal();
    if (one_.mask != "any") return {};
    bridge::Matrix<std::uint8_t> visible(one_.tokens, one_.tokens, 1);
    for (auto& byte : visible.values()) byte = draw_.bits() % 3 == 0 ? std::uint8_t{0} : std::uint8_t{1};
    std::ranges::fill(visible.row(one_.tokens / 2), std::uint8_t{0});
    return bridge::Mask::any(std::move(visible));
  }

  const Theorem2Case& one_;
  Draw draw_;
};

}  // namespace

std::string Theorem2Case::name() const { return fmt::format("N {}, m {}, H {}, L {}, {}", tokens, width, heads, layers, mask); }

std::size_t Theorem2Case::shown() const { return mask == "padding" ? tokens - tokens / 4 : tokens; }

std::vector<Theorem2Case> theorem2_grid() {
  std::vector<Theorem2Case> grid;
  for (const auto multiple : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{32}}) {
    grid.push_back({1, 8, 2, 2, "none", multiple});
    grid.push_back({7, 12, 3, 3, "causal", multiple});
    grid.push_back({16, 8, 1, 2, "none", multiple});
    grid.push_back({16, 16, 4, 2, "padding", multiple});
    grid.push_back({33, 8, 4, 3, "any", multiple});
    grid.push_back({64, 16, 4, 2, "causal", multiple});
  }
  grid.push_back({128, 32, 8, 2, "padding", 4});
  return grid;
}

template <class Real>
bridge::Transformer<Real> random_transformer(const Theorem2Case& one, std::uint64_t seed) {
  return Maker<Real>(one, seed).make();
}

template <class Real>
bridge::Matrix<Real> random_ids(const Theorem2Case& one, std::uint64_t seed) {
  Draw draw(seed + 1);
  bridge::Matrix<Real> x(one.tokens, 1);
  for (auto& id : x.values()) id = static_cast<Real>(draw.bits() % vocabulary);
  return x;
}

template bridge::Transformer<float> random_transformer(const Theorem2Case&, std::uint64_t);
template bridge::Transformer<double> random_transformer(const Theorem2Case&, std::uint64_t);
template bridge::Matrix<float> random_ids(const Theorem2Case&, std::uint64_t);
template bridge::Matrix<double> random_ids(const Theorem2Case&, std::uint64_t);

}  // namespace roundtrip
