#pragma once

#include <memory>

#include "transformer_bridge/kernels/cuda/runtime.h"
#include "transformer_bridge/kernels/kernels.h"

namespace bridge::cuda {

/// Kernels on a CUDA device, all on its one stream, so that a call may use what the calls before it left; to be called from the thread
/// that opened the device. Matrix products are cuBLAS's, the rest is this folder's.
template <class Real>
std::unique_ptr<Kernels<Real>> make_kernels(std::unique_ptr<Device> device);

}  // namespace bridge::cuda
