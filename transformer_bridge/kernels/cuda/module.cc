#include "transformer_bridge/kernels/cuda/module.h"

#include "mpc/error.h"

#include "transformer_bridge/kernels/cuda/backend.h"
#include "transformer_bridge/kernels/cuda/runtime.h"

namespace bridge::cuda {
namespace {

template <class Real>
std::unique_ptr<Kernels<Real>> kernels_of(int node_rank) {
  const auto [count, why_none] = count_devices();
  if (count == 0) throw mpc::Fault("cuda: " + why_none);
  return make_kernels<Real>(open_device(node_rank % count));
}

constexpr Module module{module_version, count_devices, kernels_of<float>, kernels_of<double>};

}  // namespace
}  // namespace bridge::cuda

extern "C" const bridge::cuda::Module* roundtrip_cuda_module();
extern "C" const bridge::cuda::Module* roundtrip_cuda_module() { return &bridge::cuda::module; }
