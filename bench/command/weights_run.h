#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/compile/lockstep.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/routed_program.h"

namespace roundtrip {

/// A forward pass of a transformer in weights.
struct WeightsRun {
  bridge::Matrix<double> y;  ///< [N, m], of numbers of the type that it ran in
  double wall_s = 0;         ///< of the layers alone
  std::string device;        ///< "cpu, avx512, 2 threads"
  std::optional<bridge::RoutedStatistics> routed{};
};

/// Runs the model on x [N, m] in its number type with this kernel.
WeightsRun run_weights(const bridge::CompiledModel& model, const bridge::Matrix<double>& x, bridge::Kernel kernel, std::size_t threads);

/// The rows after every layer, by the reference kernels: visit(l, rows [N, m]) in the order of the layers.
void for_each_layer(
    const bridge::CompiledModel& model, const bridge::Matrix<double>& x,
    const std::function<void(std::size_t layer, const bridge::Matrix<double>& before, const bridge::Matrix<double>& after)>& visit);

}  // namespace roundtrip
