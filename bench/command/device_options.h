#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "mpc/ranks.h"

#include "transformer_bridge/kernels/kernels.h"

namespace CLI {
class App;
}

namespace roundtrip {

/// What the kernels of a rank run on.
struct DeviceOptions {
  std::string device = "auto";
  std::optional<std::uint64_t> threads;  ///< of a rank; default: the processors there are, shared by the ranks
};

void declare(CLI::App& command, DeviceOptions& options);

/// The kernels of this rank. All ranks have the same kind of device, or all the processor. Throws UsageError, with the reason, for a device
/// that was asked for and is not there. Collective.
template <class Real>
std::unique_ptr<bridge::Kernels<Real>> make_kernels(const DeviceOptions& options, mpc::Ranks& ranks);

/// "cpu, avx512, 1 thread", and that there is no GPU if one would have been taken.
template <class Real>
std::string described(const DeviceOptions& options, const bridge::Kernels<Real>& kernels);

}  // namespace roundtrip
