#pragma once

#include <cstddef>
#include <span>

#include "transformer_bridge/kernels/kernels.h"

namespace bridge {

/// Numbers of the program, as a device sees them: themselves, if it shares the program's memory, and a copy otherwise.
template <class Real>
class Mirror {
 public:
  Mirror(Memory& memory, std::span<Real> host) : host_(host) {
    if (memory.is_host()) return;
    copy_ = Array<Real>(memory, std::span<const Real>(host));
    copied_ = true;
  }
  std::span<Real> device() { return copied_ ? copy_.span() : host_; }
  /// What the device wrote is there for the program.
  void fetch() {
    if (copied_) copy_.download(host_);
  }

 private:
  std::span<Real> host_;
  Array<Real> copy_;
  bool copied_ = false;
};

}  // namespace bridge
