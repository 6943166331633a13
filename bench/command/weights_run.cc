#include "bench/command/weights_run.h"

#include <fmt/core.h>

#include "mpc/clock.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/transformer/forward.h"
#include "transformer_bridge/transformer/program.h"

namespace roundtrip {
namespace {

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
    timed([&] {  // layer by layer: any number of tokens will do
      auto rows = input;
      for (std::size_t l = 0; l < transformer.layers().size(); ++l) rows = bridge::apply(transformer.layers()[l], rows, l);
      return rows;
    });
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
  const auto transformer = bridge::converted<Real>(model.transformer);
  auto rows = bridge::converted<Real>(x);
  for (std::size_t l = 0; l < transformer.layers().size(); ++l) {
    const auto before = bridge::converted<double>(rows);
    rows = bridge::apply(transformer.layers()[l], rows, l);
    visit(l, before, bridge::converted<double>(rows));
  }
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
