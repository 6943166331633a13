#include "transformer_bridge/kernels/cuda/runtime.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

namespace bridge::cuda {
namespace {

constexpr std::size_t half_bytes = std::size_t{4} << 20;

/// Memory that the device copies to and from by itself, in halves: while it works on one, the host fills or empties the other.
class Staging {
 public:
  Staging() {
    for (auto& half : halves_) {
      kl::check(cudaMallocHost(&half.place, half_bytes), "staging memory");
      kl::check(cudaEventCreateWithFlags(&half.copied, cudaEventDisableTiming), "event");
    }
  }
  ~Staging() {
    for (auto& half : halves_) {
      cudaEventDestroy(half.copied);
      cudaFreeHost(half.place);
    }
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void upload(char* device, const char* host, std::size_t bytes, kl::Stream stream) {
    for (std::size_t at = 0; at < bytes; at += half_bytes) {
      auto& half = next();
      const auto count = std::min(half_bytes, bytes - at);
      wait(half);
      std::memcpy(half.place, host + at, count);
      kl::check(cudaMemcpyAsync(device + at, half.place, count, cudaMemcpyHostToDevice, stream), "upload");
      kl::check(cudaEventRecord(half.copied, stream), "event");
    }
  }
  void download(char* host, const char* device, std::size_t bytes, kl::Stream stream) {
    Half* before = nullptr;
    std::size_t before_at = 0;
    const auto empty = [&](std::size_t end) {
      if (before == nullptr) return;
      wait(*before);
      std::memcpy(host + before_at, before->place, end - before_at);
    };
    for (std::size_t at = 0; at < bytes; at += half_bytes) {
      auto& half = next();
      wait(half);
      kl::check(cudaMemcpyAsync(half.place, device + at, std::min(half_bytes, bytes - at), cudaMemcpyDeviceToHost, stream), "download");
      kl::check(cudaEventRecord(half.copied, stream), "event");
      empty(at);
      before = &half;
      before_at = at;
    }
    empty(bytes);
  }

 private:
  struct Half {
    void* place = nullptr;
    cudaEvent_t copied = nullptr;
  };
  /// An event that was never recorded is over.
  static void wait(const Half& half) { kl::check(cudaEventSynchronize(half.copied), "copy"); }
  Half& next() { return halves_[turn_ ^= 1U]; }

  std::array<Half, 2> halves_;
  std::size_t turn_ = 0;
};

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int number) : number_(number) {
    kl::check(cudaSetDevice(number), "device");
    kl::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    staging_ = std::make_unique<Staging>();
  }
  ~CudaDevice() override {
    cudaStreamSynchronize(stream_);
    staging_.reset();
    cudaStreamDestroy(stream_);
  }
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  std::string describe() const override {
    cudaDeviceProp properties{};
    int runtime = 0;
    kl::check(cudaGetDeviceProperties(&properties, number_), "properties");
    kl::check(cudaRuntimeGetVersion(&runtime), "version");
    return std::string(properties.name) + ", sm_" + std::to_string(properties.major) + std::to_string(properties.minor) + ", CUDA " +
           std::to_string(runtime / 1000) + "." + std::to_string(runtime % 1000 / 10);
  }
  kl::Stream stream() const override { return stream_; }

  void* allocate(std::size_t bytes) override {
    void* place = nullptr;
    const auto status = cudaMalloc(&place, bytes);
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      throw std::bad_alloc();
    }
    kl::check(status, "memory");
    return place;
  }
  void release(void* place) noexcept override { static_cast<void>(cudaFree(place)); }  // waits for what still uses it
  void upload(void* device, const void* host, std::size_t bytes) override {
    staging_->upload(static_cast<char*>(device), static_cast<const char*>(host), bytes, stream_);
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    staging_->download(static_cast<char*>(host), static_cast<const char*>(device), bytes, stream_);
  }

 private:
  int number_;
  kl::Stream stream_ = nullptr;
  std::unique_ptr<Staging> staging_;
};

}  // namespace

DeviceCount count_devices() {
  DeviceCount result;
  const auto status = cudaGetDeviceCount(&result.count);
  if (status == cudaSuccess && result.count > 0) return result;
  static_cast<void>(cudaGetLastError());
  result.count = 0;
  result.why_none = status == cudaSuccess ? "no device" : std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
  return result;
}

std::unique_ptr<Device> open_device(int number) { return std::make_unique<CudaDevice>(number); }

}  // namespace bridge::cuda
