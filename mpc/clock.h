#pragma once

#include <chrono>

namespace mpc {

/// Seconds on a clock that never goes back.
inline double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Adds the seconds of its lifetime to a sum.
class Timer {
 public:
  explicit Timer(double& seconds) : seconds_(seconds), start_(seconds_now()) {}
  ~Timer() { seconds_ += seconds_now() - start_; }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  double& seconds_;
  double start_;
};

}  // namespace mpc
