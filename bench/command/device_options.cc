#include "bench/command/device_options.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/kernels/device.h"
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
  const auto choice = options.device == "cuda"  ? bridge::DeviceChoice::cuda
                      : options.device == "cpu" ? bridge::DeviceChoice::cpu
                                                : bridge::DeviceChoice::automatic;
  if (bridge::choose_device(ranks, choice).cuda) {
    const auto node_rank = ranks.node_rank();
    std::unique_ptr<bridge::Kernels<Real>> kernels;
    mpc::together(ranks, [&] { kernels = bridge::make_cuda_kernels<Real>(node_rank); });
    return kernels;
  }
  const auto each = std::max(cores_of(ranks).all / ranks.size(), 1);
  return bridge::cpu_kernels<Real>(static_cast<std::size_t>(options.threads.value_or(static_cast<std::uint64_t>(each))));
}

template <class Real>
std::string described(const DeviceOptions& options, const bridge::Kernels<Real>& kernels) {
  if (options.device != "auto" || bridge::why_no_cuda().empty()) return kernels.describe();
  return kernels.describe() + " (no GPU: --version says why)";
}

template std::string described(const DeviceOptions&, const bridge::Kernels<float>&);
template std::string described(const DeviceOptions&, const bridge::Kernels<double>&);
template std::unique_ptr<bridge::Kernels<float>> make_kernels<float>(const DeviceOptions&, mpc::Ranks&);
template std::unique_ptr<bridge::Kernels<double>> make_kernels<double>(const DeviceOptions&, mpc::Ranks&);

}  // namespace roundtrip
