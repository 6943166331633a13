#pragma once

#include <cstddef>
#include <memory>

#include "mpc/word.h"

namespace mpc {

/// Uninitialised words that are kept from round to round. Large buffers are mapped by themselves, so that their memory goes back to the
/// system with them, and ask for huge pages: the exchange between ranks of one node is up to twice as fast on them.
class Buffer {
 public:
  /// Room for at least `words` words; what was in the buffer is lost if it has to grow.
  void reserve(std::size_t words);

  Word* data() { return data_.get(); }
  const Word* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }

  friend void swap(Buffer& a, Buffer& b) noexcept {
    std::swap(a.data_, b.data_);
    std::swap(a.capacity_, b.capacity_);
  }

 private:
  struct Release {
    std::size_t mapped_bytes;  ///< 0: from the heap
    void operator()(Word* words) const;
  };
  std::unique_ptr<Word[], Release> data_;
  std::size_t capacity_ = 0;
};

/// Gives the memory of words that are no longer needed back to the system, but for what shares a huge page with others; the words may be
/// written again, and are lost.
void discard(const Word* from, std::size_t words);

}  // namespace mpc
