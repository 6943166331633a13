#include "transformer_bridge/transformer/sparse_rows.h"

#include <algorithm>
#include <variant>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/kernels/token_tiles.h"

namespace bridge {
namespace {

/// The compiler makes registers of the loops over a tile's tokens, as wide as the function that this becomes part of may use.
template <class Real>
[[gnu::always_inline]] inline void multiply_loops(const SparseLinear<Real>& linear, bool relu, const Real* __restrict x,
                                                  Real* __restrict out) {
  std::size_t at = 0;
  for (std::size_t c = 0; c < linear.out; ++c) {
    Real sums[tile_tokens];
    for (std::size_t i = 0; i < tile_tokens; ++i) sums[i] = linear.bias[c];
    const auto end = linear.ends[c];
    for (; at + 1 < end; at += 2) {
      const auto *one = x + linear.inputs[at] * tile_tokens, *two = x + linear.inputs[at + 1] * tile_tokens;
      const auto first = linear.weights[at], second = linear.weights[at + 1];
      for (std::size_t i = 0; i < tile_tokens; ++i) sums[i] = sums[i] + first * one[i] + second * two[i];
    }
    for (; at < end; ++at) {
      const auto* one = x + linear.inputs[at] * tile_tokens;
      const auto first = linear.weights[at];
      for (std::size_t i = 0; i < tile_tokens; ++i) sums[i] += first * one[i];
    }
    auto* to = out + c * tile_tokens;
    if (relu) {
      for (std::size_t i = 0; i < tile_tokens; ++i) to[i] = sums[i] < 0 ? 0 : sums[i];  // NaN stays
    } else {
      for (std::size_t i = 0; i < tile_tokens; ++i) to[i] = sums[i];
    }
  }
}

template <class Real>
using Multiply = void (*)(const SparseLinear<Real>&, bool, const Real*, Real*);

template <class Real>
void multiply_portable(const SparseLinear<Real>& linear, bool relu, const Real* x, Real* out) {
  multiply_loops(linear, relu, x, out);
}
#if defined(__x86_64__)
template <class Real>
[[gnu::target("avx2,fma")]] void multiply_avx2(const SparseLinear<Real>& linear, bool relu, const Real* x, Real* out) {
  multiply_loops(linear, relu, x, out);
}
template <class Real>
[[gnu::target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")]] void multiply_avx512(const SparseLinear<Real>& linear, bool relu,
                                                                                    const Real* x, Real* out) {
  multiply_loops(linear, relu, x, out);
}
#endif

template <class Real>
Multiply<Real> multiply_here() {
#if defined(__x86_64__)
  const auto best = instruction_sets().back();
  if (best == InstructionSet::avx512) return multiply_avx512<Real>;
  if (best == InstructionSet::avx2) return multiply_avx2<Real>;
#endif
  return multiply_portable<Real>;
}

template <class Real>
void multiply(const SparseLinear<Real>& linear, bool relu, const Real* x, Real* out) {
  static const auto function = multiply_here<Real>();
  function(linear, relu, x, out);
}

}  // namespace

template <class Real>
SparseLinear<Real>::SparseLinear(const Linear<Real>& linear) : in(linear.weights.rows()), out(linear.weights.columns()), bias(linear.bias) {
  bias.resize(out, 0);
  for (std::size_t c = 0; c < out; ++c) {
    for (std::size_t i = 0; i < in; ++i) {
      if (linear.weights(i, c) == 0) continue;
      inputs.push_back(static_cast<std::uint32_t>(i));
      weights.push_back(linear.weights(i, c));
    }
    ends.push_back(weights.size());
  }
}

template <class Real>
SparseRows<Real>::SparseRows(const RowFunction<Real>& function, const std::string& place) : in_(function.in()), out_(function.out()) {
  if (const auto* linear = std::get_if<Linear<Real>>(&function)) {
    layers_.emplace_back(*linear);
    return;
  }
  if (const auto* mlp = std::get_if<Mlp<Real>>(&function); mlp != nullptr && mlp->activation == Activation::relu) {
    for (const auto& layer : mlp->layers) layers_.emplace_back(layer);
    return;
  }
  if (const auto* sequence = std::get_if<Sequence<Real>>(&function)) {
    for (const auto& step : sequence->steps) steps_.emplace_back(step, place);
    residual_ = sequence->residual;
    return;
  }
  throw mpc::UsageError(fmt::format("{}: the routed kernel runs linear maps and ReLU MLPs, not '{}'; expected the dense kernel to be used",
                                    place, function.describe()));
}

template <class Real>
std::size_t SparseRows<Real>::nonzeros() const {
  std::size_t count = 0;
  for (const auto& layer : layers_) {
    count += layer.weights.size() + static_cast<std::size_t>(std::ranges::count_if(layer.bias, [](Real b) { return b != 0; }));
  }
  for (const auto& step : steps_) count += step.nonzeros();
  return count;
}

template <class Real>
std::size_t SparseRows<Real>::scratch_columns() const {
  std::size_t widest = 0, most = 0;
  for (const auto& layer : layers_) widest = std::max(widest, layer.out);
  for (const auto& step : steps_) {
    widest = std::max(widest, step.out());
    most = std::max(most, step.scratch_columns());
  }
  return (layers_.size() + steps_.size() > 1 ? 2 * widest : 0) + most;
}

template <class Real>
void SparseRows<Real>::apply(const Real* x, Real* out, Real* scratch) const {
  // Steps write to two places in turn, the last one to `out`.
  const auto steps = layers_.size() + steps_.size();
  std::size_t widest = 0;
  for (const auto& layer : layers_) widest = std::max(widest, layer.out);
  for (const auto& step : steps_) widest = std::max(widest, step.out());
  auto* places = steps > 1 ? scratch + 2 * widest * tile_tokens : scratch;
  const auto* from = x;
  for (std::size_t s = 0; s < steps; ++s) {
    auto* to = s + 1 == steps ? out : scratch + (s % 2) * widest * tile_tokens;
    if (steps_.empty()) {
      multiply(layers_[s], s + 1 != steps, from, to);
    } else {
      steps_[s].apply(from, to, places);
    }
    from = to;
  }
  if (!residual_) return;
  for (std::size_t i = 0; i < out_ * tile_tokens; ++i) out[i] += x[i];
}

template struct SparseLinear<float>;
template struct SparseLinear<double>;
template class SparseRows<float>;
template class SparseRows<double>;

}  // namespace bridge
