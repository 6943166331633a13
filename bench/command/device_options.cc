#include "bench/command/device_options.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/kernels/reference_kernels.h"

#include "bench/command/cores.h"
#include "bench/command/run_options.h"

namespace roundtrip {

void declare(CLI::App& command, DeviceOptions& options) {
  command
      .add_option("--device", options.device,
                  "auto: a GPU if every rank has one (default); cpu; cuda; reference: plain loops on one thread, to compare with")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "reference"}).description(""))
      ->option_text("auto|cpu|cuda|reference")
      ->group("Device");
  whole_option(
      command, "--threads", [&](std::uint64_t threads) { options.threads = threads; },
      "of each rank (default: the processors there are, shared by the ranks); no bit depends on it")
      .option_text("T")
      ->group("Device");
}

template <class Real>
std::unique_ptr<bridge::Kernels<Real>> make_kernels(const DeviceOptions& options, mpc::Ranks& ranks) {
  constexpr std::uint64_t most_threads = 1024;
  if (options.threads && (*options.threads == 0 || *options.threads > most_threads)) {
    throw mpc::UsageError(fmt::format("--threads is {}; expected 1 to {}", *options.threads, most_threads));
  }
  if (options.device == "reference") return std::make_unique<bridge::ReferenceKernels<Real>>();
  const auto each = cores_of(ranks).all / ranks.size();
  return bridge::cpu_kernels<Real>(options.threads ? static_cast<std::size_t>(*options.threads)
                                                   : static_cast<std::size_t>(std::max(each, 1)));
}

template std::unique_ptr<bridge::Kernels<float>> make_kernels<float>(const DeviceOptions&, mpc::Ranks&);
template std::unique_ptr<bridge::Kernels<double>> make_kernels<double>(const DeviceOptions&, mpc::Ranks&);

}  // namespace roundtrip
