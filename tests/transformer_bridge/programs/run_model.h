#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/transformer/forward.h"
#include "transformer_bridge/transformer/program.h"

namespace tests {

/// A model in a number type, ready for many inputs, on dense kernels and one thread.
template <class Real>
class Ready {
 public:
  explicit Ready(const bridge::CompiledModel& model) : Ready(bridge::converted<Real>(model.transformer)) {}
  explicit Ready(bridge::Transformer<Real> transformer)
      : transformer_(std::move(transformer)), kernels_(bridge::cpu_kernels<Real>(1)), program_(transformer_, *kernels_) {}
  Ready(const Ready&) = delete;
  Ready& operator=(const Ready&) = delete;
  bridge::Matrix<Real> operator()(const bridge::Matrix<Real>& x) { return program_.forward(x); }

 private:
  bridge::Transformer<Real> transformer_;
  std::unique_ptr<bridge::Kernels<Real>> kernels_;
  bridge::Program<Real> program_;
};

/// The transformer with other layers.
template <class Real, class Change>
bridge::Transformer<Real> changed(const bridge::Transformer<Real>& transformer, Change&& change) {
  auto layers = transformer.layers();
  change(layers);
  return bridge::Transformer<Real>(transformer.tokens(), transformer.width(), std::move(layers));
}

/// Of the heads of a layer, on one input: what its LayerProof bounds.
struct MeasuredHeads {
  double gap = std::numeric_limits<double>::infinity();
  double largest_logit = 0;
  std::uint64_t most_tied = 1;
};

/// For every layer, from its weights and the rows that stand before it.
inline std::vector<MeasuredHeads> measured_heads(const bridge::Transformer<double>& transformer, bridge::Matrix<double> x) {
  std::vector<MeasuredHeads> result;
  for (const auto& layer : transformer.layers()) {
    auto& measured = result.emplace_back();
    for (const auto& head : layer.heads) {
      const auto queries = head.query.apply(x, 0, "query"), keys = head.key.apply(x, 0, "key");
      for (std::size_t i = 0; i < x.rows(); ++i) {
        std::vector<double> logits;
        const auto meet = [&](std::span<const double> key) {
          double sum = 0, size = 0;
          for (std::size_t c = 0; c < key.size(); ++c) sum += queries(i, c) * key[c], size += std::abs(queries(i, c) * key[c]);
          logits.push_back(sum);
          measured.largest_logit = std::max(measured.largest_logit, size);
        };
        for (std::size_t j = 0; j < x.rows(); ++j) {
          if (head.mask.sees(i, j)) meet(keys.row(j));
        }
        if (head.start) meet(head.start->key);
        const auto largest = *std::ranges::max_element(logits);
        std::uint64_t tied = 0;
        for (const auto logit : logits) {
          if (logit == largest) {
            ++tied;
          } else {
            measured.gap = std::min(measured.gap, head.scale * (largest - logit));
          }
        }
        measured.most_tied = std::max(measured.most_tied, tied);
      }
    }
    x = bridge::apply(layer, x);
  }
  return result;
}

}  // namespace tests
