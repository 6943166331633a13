#include "transformer_bridge/kernels/cuda/runtime.h"

#include <cstring>

namespace bridge::cuda {
namespace {

class SimulatedDevice final : public Device {
 public:
  std::string describe() const override { return "simulated"; }
  kl::Stream stream() const override { return nullptr; }

  void* allocate(std::size_t bytes) override { return kl::sim::allocate(bytes); }
  void release(void* place) noexcept override { kl::sim::release(place); }
  void upload(void* device, const void* host, std::size_t bytes) override {
    kl::sim::host_writes(device, bytes);
    std::memcpy(device, host, bytes);
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    kl::sim::host_reads(device, bytes);
    std::memcpy(host, device, bytes);
  }
};

}  // namespace

DeviceCount count_devices() { return {1, {}}; }

std::unique_ptr<Device> open_device(int) { return std::make_unique<SimulatedDevice>(); }

}  // namespace bridge::cuda
