#include "transformer_bridge/kernels/cpu/thread_pool.h"

#include <utility>

namespace bridge::cpu {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Returns when `number` is no longer `old`.
void wait_while(const std::atomic<std::uint32_t>& number, std::uint32_t old) {
  constexpr int looks = 4000;  // some 50 microseconds: longer than a layer's serial parts, shorter than a time slice
  for (int look = 0; look < looks; ++look) {
    if (number.load(std::memory_order_acquire) != old) return;
    pause();
  }
  number.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) workers_.emplace_back([this] { wait_for_work(); });
}

ThreadPool::~ThreadPool() {
  ends_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

void ThreadPool::run(std::size_t units, Call call, const void* work) {
  call_ = call;
  work_ = work;
  units_ = units;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  take_units();
  for (auto busy = busy_.load(std::memory_order_acquire); busy != 0; busy = busy_.load(std::memory_order_acquire)) wait_while(busy_, busy);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::take_units() noexcept {
  for (auto unit = next_.fetch_add(1, std::memory_order_relaxed); unit < units_; unit = next_.fetch_add(1, std::memory_order_relaxed)) {
    try {
      call_(work_, unit);
    } catch (...) {
      const std::lock_guard lock(failing_);
      if (!failure_) failure_ = std::current_exception();
    }
  }
}

void ThreadPool::wait_for_work() {
  for (std::uint32_t round = 0;; ++round) {
    wait_while(round_, round);
    if (ends_.load(std::memory_order_relaxed)) return;
    take_units();
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

}  // namespace bridge::cpu
