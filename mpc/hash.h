#pragma once

#include <bit>
#include <cstdint>

#include "mpc/word.h"

namespace mpc {

/// A full-avalanche mix of 64 bits (SplitMix64's finaliser).
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// The public, counter-based randomness of a run: everyone who knows a key knows its value, so it costs no round.
class PublicHash {
 public:
  constexpr explicit PublicHash(std::uint64_t seed) : seed_(mix(seed)) {}
  /// 64 uniform bits for this key; `stream` keeps uses apart.
  constexpr std::uint64_t operator()(std::uint64_t key, std::uint64_t stream = 0) const { return this->stream(stream)(key); }
  /// The bits of one stream, for many keys.
  class Stream {
   public:
    constexpr std::uint64_t operator()(std::uint64_t key) const { return mix(mix(key ^ seed_) + mixed_); }

   private:
    friend class PublicHash;
    constexpr Stream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), mixed_(mix(stream)) {}
    std::uint64_t seed_, mixed_;
  };
  constexpr Stream stream(std::uint64_t stream) const { return {seed_, stream}; }
  /// A number in [0, bound), bound >= 1.
  constexpr std::uint64_t below(std::uint64_t bound, std::uint64_t key, std::uint64_t stream = 0) const {
    return static_cast<std::uint64_t>((static_cast<DoubleWord>((*this)(key, stream)) * bound) >> 64);
  }

 private:
  std::uint64_t seed_;
};

/// A public permutation of [0, size): a keyed bijection of the next power of two, walked until it lands inside. No table, no round.
class PublicPermutation {
 public:
  constexpr PublicPermutation(std::uint64_t size, std::uint64_t seed)
      : size_(size), bits_(size <= 2 ? 1 : static_cast<int>(std::bit_width(size - 1))) {
    mask_ = bits_ == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits_) - 1;
    shift_ = (bits_ + 1) / 2;
    for (int i = 0; i < rounds; ++i) {
      const PublicHash hash(seed);
      add_[i] = hash(static_cast<std::uint64_t>(i), 1);
      multiply_[i] = hash(static_cast<std::uint64_t>(i), 2) | 1;
      inverse_[i] = multiply_[i];
      for (int k = 0; k < 5; ++k) inverse_[i] *= 2 - multiply_[i] * inverse_[i];  // Newton: doubles the right bits
    }
  }

  constexpr std::uint64_t size() const { return size_; }

  /// Where x in [0, size) goes.
  constexpr std::uint64_t operator()(std::uint64_t x) const {
    do x = forward(x);
    while (x >= size_);
    return x;
  }

  /// Who goes to y in [0, size).
  constexpr std::uint64_t inverse(std::uint64_t y) const {
    do y = backward(y);
    while (y >= size_);
    return y;
  }

 private:
  static constexpr int rounds = 3;

  // shift >= bits / 2, so x ^= x >> shift is its own inverse.
  constexpr std::uint64_t forward(std::uint64_t x) const {
    for (int i = 0; i < rounds; ++i) {
      x = ((x + add_[i]) * multiply_[i]) & mask_;
      x ^= x >> shift_;
    }
    return x;
  }
  constexpr std::uint64_t backward(std::uint64_t x) const {
    for (int i = rounds; i-- > 0;) {
      x ^= x >> shift_;
      x = (x * inverse_[i] - add_[i]) & mask_;
    }
    return x;
  }

  std::uint64_t size_;
  int bits_;
  int shift_ = 0;
  std::uint64_t mask_ = 0;
  std::uint64_t add_[rounds] = {}, multiply_[rounds] = {}, inverse_[rounds] = {};
};

}  // namespace mpc
