#include "bench/command/weights_run.h"

#include <utility>

#include <fmt/core.h>

#include "mpc/clock.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/transformer/forward.h"
#include "transformer_bridge/transformer/program.h"

namespace roundtrip {
namespace {

/// The forward pass by the reference kernels, on any number of tokens: visit(l, rows before, rows after) for every layer.
template <class Real, class Visit>
bridge::Matrix<Real> layer_by_layer(const bridge::Transformer<Real>& transformer, bridge::Matrix<Real> rows, const Visit& visit) {
  for (std::size_t l = 0; l < transformer.layers().size(); ++l) {
    auto after = bridge::apply(transformer.layers()[l], rows, l);
    visit(l, rows, after);
    rows = std::move(after);
  }
  return rows;
}

template <class Real>
WeightsRun run(const bridge::CompiledModel& model, const bridge::Matrix<double>& x, bridge::Kernel kernel, std::size_t threads) {
  const auto transformer = bridge::converted<Real>(model.transformer);
  const auto input = bridge::converted<Real>(x);
  WeightsRun result;
  const auto timed = [&](const auto& forward) {
    const auto start = mpc::seconds_now();
    const bridge::Matrix<Real> y = forward();
    result.wall_s = mpc::seconds_now() - start;
    result.y = bridge::converted<double>(y);
  };
  if (kernel == bridge::Kernel::reference) {
    result.device = "reference";
    timed([&] { return layer_by_layer(transformer, input, [](std::size_t, const auto&, const auto&) {}); });
  } else if (kernel == bridge::Kernel::dense) {
    const auto kernels = bridge::cpu_kernels<Real>(threads);
    result.device = kernels->describe();
    bridge::Program<Real> program(transformer, *kernels);
    timed([&] { return program.forward(input); });
  } else {
    result.device = fmt::format("cpu, {} thread{}", threads, threads == 1 ? "" : "s");
    bridge::RoutedProgram<Real> program(transformer, threads);
    timed([&] { return program.forward(input); });
    result.routed = program.statistics();
  }
  return result;
}

template <class Real>
void layers(const bridge::CompiledModel& model, const bridge::Matrix<double>& x,
            const std::function<void(std::size_t, const bridge::Matrix<double>&, const bridge::Matrix<double>&)>& visit) {
  layer_by_layer(bridge::converted<Real>(model.transformer), bridge::converted<Real>(x),
                 [&](std::size_t l, const auto& before, const auto& after) {
                   visit(l, bridge::converted<double>(before), bridge::converted<double>(after));
                 });
}

}  // namespace

WeightsRun run_weights(const bridge::CompiledModel& model, const bridge::Matrix<double>& x, bridge::Kernel kernel, std::size_t threads) {
  return model.type == bridge::NumberType::f32 ? run<float>(model, x, kernel, threads) : run<double>(model, x, kernel, threads);
}

void for_each_layer(const bridge::CompiledModel& model, const bridge::Matrix<double>& x,
                    const std::function<void(std::size_t, const bridge::Matrix<double>&, const bridge::Matrix<double>&)>& visit) {
  model.type == bridge::NumberType::f32 ? layers<float>(model, x, visit) : layers<double>(model, x, visit);
}

}  // namespace roundtrip
