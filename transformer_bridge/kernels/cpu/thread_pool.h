#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bridge::cpu {

/// Threads that wait for work, and take its units one by one. One that waits looks for a while, and then sleeps. For one caller at a time.
class ThreadPool {
 public:
  /// The caller of `run` is one of them.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return workers_.size() + 1; }

  /// work(unit) for each unit below `units`, in any order; returns when all are done. The first exception of a unit is thrown on.
  template <class Work>
  void run(std::size_t units, const Work& work) {
    if (workers_.empty() || units <= 1) {
      for (std::size_t unit = 0; unit < units; ++unit) work(unit);
      return;
    }
    run(
        units, [](const void* what, std::size_t unit) { (*static_cast<const Work*>(what))(unit); }, &work);
  }

 private:
  using Call = void (*)(const void*, std::size_t);
  void run(std::size_t units, Call call, const void* work);
  void take_units() noexcept;
  void wait_for_work();

  // Of the work at hand; written before `round_` rises, and read after.
  Call call_ = nullptr;
  const void* work_ = nullptr;
  std::size_t units_ = 0;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint32_t> round_{0}, busy_{0};
  std::atomic<bool> ends_{false};
  std::mutex failing_;
  std::exception_ptr failure_;
  std::vector<std::jthread> workers_;
};

}  // namespace bridge::cpu
