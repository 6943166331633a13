#pragma once

#include "mpc/hash.h"
#include "mpc/word.h"

namespace tests {

/// x -> a x + b modulo a prime: a monoid that does not commute, in which no element absorbs another. Two words of 20 bits.
struct Map {
  static constexpr mpc::Word prime = 1'000'003;
  mpc::Word a = 1, b = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b;
  }
  friend bool operator==(const Map&, const Map&) = default;
};

inline Map then(const Map& first, const Map& second) {
  return {first.a * second.a % Map::prime, (first.b * second.a + second.b) % Map::prime};
}

inline Map map_of(std::uint64_t key) { return {1 + mpc::mix(key) % (Map::prime - 1), mpc::mix(key + 77) % Map::prime}; }

}  // namespace tests
