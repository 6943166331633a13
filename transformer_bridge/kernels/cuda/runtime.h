#pragma once

#include <memory>
#include <string>

#include "transformer_bridge/kernels/cuda/kl.h"
#include "transformer_bridge/kernels/cuda/module.h"
#include "transformer_bridge/kernels/kernels.h"

/// What the CUDA kernels ask of a device beside running them: on a GPU runtime.cc, on the simulator simulator/runtime.cc.
namespace bridge::cuda {

/// A device of this computer: its memory, and the one stream on which everything follows in order. For the thread that opened it.
class Device : public Memory {
 public:
  /// "NVIDIA H100, sm_90, CUDA 13.0"
  virtual std::string describe() const = 0;
  virtual kl::Stream stream() const = 0;
  bool is_host() const override { return false; }
};

/// An error is no device: nothing is thrown, and nothing left for a later check to find.
DeviceCount count_devices();

/// Of `number` below the count. Throws mpc::Fault.
std::unique_ptr<Device> open_device(int number);

}  // namespace bridge::cuda
