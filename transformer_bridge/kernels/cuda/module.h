#pragma once

#include <memory>
#include <string>

#include "transformer_bridge/kernels/kernels.h"

/// What libroundtrip_cuda.so offers to the program that loads it (kernels/device.cc), which links nothing of it.
namespace bridge::cuda {

struct DeviceCount {
  int count = 0;
  std::string why_none;  ///< empty if there is one
};

struct Module {
  const char* version;  ///< module_version of its build
  /// An error is no device: nothing is thrown, and nothing left for a later check to find.
  DeviceCount (*count_devices)();
  /// On the device number node_rank modulo their count. Throw mpc::Fault.
  std::unique_ptr<Kernels<float>> (*float_kernels)(int node_rank);
  std::unique_ptr<Kernels<double>> (*double_kernels)(int node_rank);
};

/// To be changed when Module, Kernels or what they use changes in memory.
inline constexpr const char* module_version = "1";
using GetModule = const Module* (*)();
inline constexpr const char* get_module_name = "roundtrip_cuda_module";

}  // namespace bridge::cuda
