#pragma once

/// The CUDA dialect for a host compiler. Every thread of a block is a fibre; blocks run one after the other. Found in every build:
///   a barrier that not all threads of a block reach, or that they reach at different lines of the source
///   a warp function whose mask names a live lane that does not come, or leaves out its caller
///   a shuffle that reads a lane which is not there
///   a bad launch, too much shared memory, a copy that leaves its buffer
/// Shared memory and fresh buffers start as bytes 0xFF: NaN, and -1. With kl_trace.cc besides: see there.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__ __attribute__((noinline))
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define KL_UNROLL

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
#define threadIdx (::kl::sim::thread_index())
#define blockIdx (::kl::sim::block_index())
#define blockDim (::kl::sim::block_extent())
#define gridDim (::kl::sim::grid_extent())

namespace kl {

using Stream = void*;

/// What a simulated kernel did that CUDA forbids; thrown by the launch. The text names the kernel, the threads and the lines.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace sim {

dim3 thread_index();
dim3 block_index();
dim3 block_extent();
dim3 grid_extent();

enum class Warp { shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot, match, sync };
std::uint64_t collective(Warp function, unsigned mask, std::uint64_t value, int argument, int width, int line);
/// Returns how many threads of the block gave a predicate that is not 0.
int barrier(int predicate, int line);
/// Under a random seed, lets another thread run.
void preempt();

/// The order in which threads run between barriers, from now on: 0 ascending, 1 descending, others random, the blocks' too, and with
/// pre-emption at atomics.
void set_seed(std::uint64_t seed);
/// Of all that the host has read of device memory since the last call: must not depend on the seed.
std::uint64_t take_digest();

/// The block's shared array with this key; nullptr: the dynamic one.
void* shared(const void* key, std::size_t bytes, const char* name);
void allow_shared(const void* kernel, std::size_t dynamic_bytes);
void launch(const char* name, const void* kernel, dim3 grid, dim3 block, std::size_t dynamic_bytes, void (*body)(void*), void* arguments);

/// Device memory. Sparse: address space only, for tests of huge strides.
void* allocate(std::size_t bytes, bool sparse = false);
void release(void* place) noexcept;
/// The host, or a library on its behalf, reads or writes these bytes. Throws Violation if they are not all of one allocation.
void host_reads(const void* place, std::size_t bytes);
void host_writes(void* place, std::size_t bytes);

template <class T>
std::uint64_t bits(T value) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t result = 0;
  std::memcpy(&result, &value, sizeof value);
  return result;
}
template <class T>
T shuffle(Warp function, unsigned mask, T value, int argument, int width, int line) {
  const auto result = collective(function, mask, bits(value), argument, width, line);
  std::memcpy(&value, &result, sizeof value);
  return value;
}

template <class Body>
__attribute__((no_sanitize_thread)) void call(void* body) {
  (*static_cast<Body*>(body))();
}
/// Arguments are evaluated before the launch, as in CUDA. The tracer does not look at how they are passed on.
template <class Kernel, class... Arguments>
void run(const char* name, dim3 grid, dim3 block, std::size_t dynamic_bytes, Kernel kernel, Arguments... arguments) {
  auto body = [&]() __attribute__((no_sanitize_thread)) { kernel(arguments...); };
  launch(name, reinterpret_cast<const void*>(kernel), grid, block, dynamic_bytes, call<decltype(body)>, &body);
}

}  // namespace sim

template <class Kernel>
void allow_shared(Kernel kernel, std::size_t dynamic_bytes) {
  sim::allow_shared(reinterpret_cast<const void*>(kernel), dynamic_bytes);
}

/// Device memory for n values of T, for tests: the simulated program may look into it.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::size_t n, bool sparse = false) : data_(static_cast<T*>(sim::allocate(n * sizeof(T), sparse))), size_(n) {}
  explicit Buffer(const std::vector<T>& host) : Buffer(host.size()) { write(0, host); }
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { sim::release(data_); }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  void write(std::size_t at, const std::vector<T>& host) {
    if (host.empty()) return;
    sim::host_writes(data_ + at, host.size() * sizeof(T));
    std::memcpy(data_ + at, host.data(), host.size() * sizeof(T));
  }
  std::vector<T> to_host() const {
    if (size_ > 0) sim::host_reads(data_, size_ * sizeof(T));
    return std::vector<T>(data_, data_ + size_);
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace kl

#define KL_SHARED(type, name, extents) \
  static const char kl_key_##name = 0; \
  using kl_type_##name = type extents; \
  auto& name = *static_cast<kl_type_##name*>(::kl::sim::shared(&kl_key_##name, sizeof(kl_type_##name), #name))
#define KL_DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(::kl::sim::shared(nullptr, 0, #name))
#define KL_LAUNCH(kernel, grid, block, dynamic_bytes, stream, ...) \
  (static_cast<void>(stream), ::kl::sim::run(#kernel, grid, block, dynamic_bytes, kernel __VA_OPT__(, ) __VA_ARGS__))

// A warp function, or a barrier, is known by the line it is called from.
#define KL_LINE int line = __builtin_LINE()
inline void __syncthreads(KL_LINE) { kl::sim::barrier(0, line); }
inline int __syncthreads_count(int predicate, KL_LINE) { return kl::sim::barrier(predicate, line); }
inline int __syncthreads_or(int predicate, KL_LINE) { return kl::sim::barrier(predicate, line) != 0; }
inline void __syncwarp(unsigned mask = ~0U, KL_LINE) { kl::sim::collective(kl::sim::Warp::sync, mask, 0, 0, 32, line); }
inline unsigned __ballot_sync(unsigned mask, int predicate, KL_LINE) {
  return static_cast<unsigned>(kl::sim::collective(kl::sim::Warp::ballot, mask, predicate != 0, 0, 32, line));
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value, KL_LINE) {
  return static_cast<unsigned>(kl::sim::collective(kl::sim::Warp::match, mask, kl::sim::bits(value), 0, 32, line));
}
template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, KL_LINE) {
  return kl::sim::shuffle(kl::sim::Warp::shuffle, mask, value, lane, width, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32, KL_LINE) {
  return kl::sim::shuffle(kl::sim::Warp::shuffle_up, mask, value, static_cast<int>(lanes), width, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32, KL_LINE) {
  return kl::sim::shuffle(kl::sim::Warp::shuffle_down, mask, value, static_cast<int>(lanes), width, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, KL_LINE) {
  return kl::sim::shuffle(kl::sim::Warp::shuffle_xor, mask, value, lanes, width, line);
}
#undef KL_LINE

// Integers only: a sum of floating point would depend on the order of threads, so it does not compile here.
#define KL_ATOMIC(expression) \
  ::kl::sim::preempt();       \
  const T old = (expression); \
  ::kl::sim::preempt();       \
  return old
template <class T>
T atomicAdd(T* place, T value) {
  KL_ATOMIC(__atomic_fetch_add(place, value, __ATOMIC_RELAXED));
}
template <class T>
T atomicExch(T* place, T value) {
  static_assert(std::is_integral_v<T>);
  KL_ATOMIC(__atomic_exchange_n(place, value, __ATOMIC_RELAXED));
}
template <class T>
T atomicCAS(T* place, T expected, T value) {
  static_assert(std::is_integral_v<T>);
  KL_ATOMIC((__atomic_compare_exchange_n(place, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED), expected));
}
template <class T>
T atomicMin(T* place, T value) {
  static_assert(std::is_integral_v<T>);
  auto old = atomicAdd(place, T{0});  // an atomic read
  while (value < old) {
    const auto seen = atomicCAS(place, old, value);
    if (seen == old) break;
    old = seen;
  }
  return old;
}
#undef KL_ATOMIC

inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline int __ffs(unsigned value) { return __builtin_ffs(static_cast<int>(value)); }

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }
