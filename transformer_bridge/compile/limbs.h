#pragma once

#include <cstdint>

#include "mpc/word.h"

namespace bridge {

/// How a word of some bits is written as integers that a number type holds exactly: `count` limbs of `bits` bits, lowest first.
class Limbs {
 public:
  /// As few limbs of at most `most_bits` bits as word_bits need, all alike.
  Limbs(unsigned word_bits, unsigned most_bits)
      : count_((word_bits + most_bits - 1) / most_bits), bits_((word_bits + count_ - 1) / count_) {}

  unsigned count() const { return count_; }
  unsigned bits() const { return bits_; }
  std::uint64_t largest() const { return bits_ >= 64 ? UINT64_MAX : (std::uint64_t{1} << bits_) - 1; }
  /// Whether a word has limbs enough.
  bool hold(mpc::Word word) const { return count_ * bits_ >= 64 || word >> (count_ * bits_) == 0; }

  /// limb(i, word): the i-th limb.
  std::uint64_t limb(unsigned i, mpc::Word word) const { return i * bits_ >= 64 ? 0 : (word >> (i * bits_)) & largest(); }
  mpc::Word joined(unsigned i, std::uint64_t limb) const { return i * bits_ >= 64 ? 0 : limb << (i * bits_); }

 private:
  unsigned count_, bits_;
};

}  // namespace bridge
