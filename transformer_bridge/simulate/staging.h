#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"

namespace bridge {

/// Numbers that the program writes and a device reads, or the other way round; in the program's own memory there is only one copy.
template <class Real>
class Staging {
 public:
  explicit Staging(Memory& memory) : memory_(&memory) {}

  /// Room for so many numbers, with any contents.
  void resize(std::size_t size) {
    size_ = size;
    if (size <= array_.size()) return;
    array_ = Array<Real>(*memory_, size);
    if (!memory_->is_host()) host_.resize(size);
  }

  std::span<Real> host() { return memory_->is_host() ? device() : std::span(host_).first(size_); }
  std::span<Real> device() { return array_.span().first(size_); }
  /// What the program wrote is there for the device: numbers first..first + count - 1.
  void to_device(std::size_t first, std::size_t count) {
    if (!memory_->is_host() && count != 0) memory_->upload(array_.span().data() + first, host_.data() + first, count * sizeof(Real));
  }
  /// And the other way round.
  void to_host(std::size_t first, std::size_t count) {
    if (!memory_->is_host() && count != 0) memory_->download(host_.data() + first, array_.span().data() + first, count * sizeof(Real));
  }

 private:
  Memory* memory_;
  Array<Real> array_;
  std::vector<Real> host_;
  std::size_t size_ = 0;
};

}  // namespace bridge
