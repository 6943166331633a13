#pragma once

#include <memory>
#include <string>

#include "mpc/ranks.h"

#include "transformer_bridge/kernels/kernels.h"

/// Which device the ranks of a run compute on. CUDA is in a module that is loaded when it is asked for: a program that links this library
/// starts, and runs on the processor, where there is neither a GPU nor a part of CUDA.
namespace bridge {

enum class DeviceChoice {
  automatic,  ///< cuda if all ranks can use it
  cpu,
  cuda,
};

/// Why this process cannot use CUDA: "no CUDA driver: ...". Empty if it can. Asks the driver once.
const std::string& why_no_cuda();

/// What all ranks compute on.
struct DeviceDecision {
  bool cuda = false;
  std::string why_no_cuda;  ///< of the lowest rank that cannot use it, the same text on all ranks; empty if that was not asked
};
/// Collective, so that all ranks take the same kind of device. Throws mpc::UsageError on all ranks, with the reason, if cuda is chosen and
/// a rank cannot use it.
DeviceDecision choose_device(mpc::Ranks& ranks, DeviceChoice choice);
/// The same with what a rank has found out about itself; not looked at if the choice is cpu.
DeviceDecision choose_device(mpc::Ranks& ranks, DeviceChoice choice, const std::string& why_no_cuda);

/// On the device number node_rank (mpc::Ranks::node_rank) modulo their count. Throws mpc::UsageError if there is none. To be used by the
/// thread that calls this.
template <class Real>
std::unique_ptr<Kernels<Real>> make_cuda_kernels(int node_rank);

}  // namespace bridge
