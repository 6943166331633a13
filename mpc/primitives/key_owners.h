#pragma once

#include <cstdint>
#include <optional>

#include "mpc/hash.h"
#include "mpc/word.h"

namespace mpc {

/// Who owns the keys 0..keys-1: key x lies on machine x mod q, as its slot x div q. A public permutation of the keys cut into blocks that
/// differ by at most one; consecutive keys lie on different machines, so the smallest ones, which every minimum ends at, never meet.
/// Keys that follow a pattern of their own are first put through another public permutation.
class KeyOwners {
 public:
  KeyOwners(std::uint64_t keys, std::uint64_t machines) : keys_(keys), machines_(machines), reciprocal_(UINT64_MAX / machines) {}

  KeyOwners(std::uint64_t keys, std::uint64_t machines, const PublicPermutation& order) : KeyOwners(keys, machines) { order_ = order; }

  /// The same keys in the same order, dealt out to another number of machines.
  KeyOwners among(std::uint64_t machines) const {
    KeyOwners others(keys_, machines);
    others.order_ = order_;
    return others;
  }

  std::uint64_t keys() const { return keys_; }
  std::uint64_t machines() const { return machines_; }
  /// Slots of this machine.
  std::uint64_t slots(MachineId owner) const { return keys_ / machines_ + (owner.value < keys_ % machines_ ? 1 : 0); }
  /// Most slots of any machine: ceil(keys / q).
  std::uint64_t most_slots() const { return (keys_ + machines_ - 1) / machines_; }

  MachineId owner(std::uint64_t key) const {
    const auto place = order_ ? (*order_)(key) : key;
    return MachineId{place - quotient(place) * machines_};
  }
  std::uint64_t slot(std::uint64_t key) const { return quotient(order_ ? (*order_)(key) : key); }
  /// Where the key lies among all, owner by owner and slot by slot: below machines() * most_slots().
  std::uint64_t position(std::uint64_t key) const {
    const auto place = order_ ? (*order_)(key) : key;
    const auto slot = quotient(place);
    return (place - slot * machines_) * most_slots() + slot;
  }
  std::uint64_t key_at(std::uint64_t position) const {
    const auto owner = position / most_slots();
    return key(MachineId{owner}, position - owner * most_slots());
  }
  std::uint64_t key(MachineId owner, std::uint64_t slot) const {
    const auto place = slot * machines_ + owner.value;
    return order_ ? order_->inverse(place) : place;
  }

 private:
  // key / machines by a multiplication; the estimate is at most one too small while both are below 2^32.
  std::uint64_t quotient(std::uint64_t key) const {
    const auto estimate = static_cast<std::uint64_t>((static_cast<DoubleWord>(key) * reciprocal_) >> 64);
    return estimate + (key - estimate * machines_ >= machines_ ? 1 : 0);
  }

  std::uint64_t keys_, machines_, reciprocal_;
  std::optional<PublicPermutation> order_;
};

}  // namespace mpc
