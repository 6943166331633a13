#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "mpc/divisor.h"
#include "mpc/hash.h"
#include "mpc/word.h"

namespace mpc {

/// Who owns the keys 0..keys-1: key x lies on machine x mod q, as its slot x div q. A public permutation of the keys cut into blocks that
/// differ by at most one; consecutive keys lie on different machines, so the smallest ones, which every minimum ends at, never meet.
/// Keys that follow a pattern of their own are first put through another public permutation.
class KeyOwners {
 public:
  KeyOwners(std::uint64_t keys, std::uint64_t machines)
      : keys_(keys), machines_(machines), most_slots_(std::max<std::uint64_t>(1, (keys + machines - 1) / machines)) {}

  KeyOwners(std::uint64_t keys, std::uint64_t machines, const PublicPermutation& order) : KeyOwners(keys, machines) { order_ = order; }

  /// The same keys in the same order, dealt out to another number of machines.
  KeyOwners among(std::uint64_t machines) const {
    KeyOwners others(keys_, machines);
    others.order_ = order_;
    return others;
  }

  std::uint64_t keys() const { return keys_; }
  std::uint64_t machines() const { return machines_.value(); }
  /// Slots of this machine.
  std::uint64_t slots(MachineId owner) const { return keys_ / machines() + (owner.value < keys_ % machines() ? 1 : 0); }
  /// Most slots of any machine: ceil(keys / q).
  std::uint64_t most_slots() const { return keys_ == 0 ? 0 : most_slots_.value(); }

  MachineId owner(std::uint64_t key) const {
    const auto place = order_ ? (*order_)(key) : key;
    return MachineId{machines_.remainder(place)};
  }
  std::uint64_t slot(std::uint64_t key) const { return machines_.quotient(order_ ? (*order_)(key) : key); }
  /// Where the key lies among all, owner by owner and slot by slot: below machines() * most_slots().
  std::uint64_t position(std::uint64_t key) const {
    const auto place = order_ ? (*order_)(key) : key;
    const auto slot = machines_.quotient(place);
    return (place - slot * machines()) * most_slots_.value() + slot;
  }
  std::uint64_t key_at(std::uint64_t position) const {
    const auto owner = most_slots_.quotient(position);
    return key(MachineId{owner}, position - owner * most_slots_.value());
  }
  std::uint64_t key(MachineId owner, std::uint64_t slot) const {
    const auto place = slot * machines() + owner.value;
    return order_ ? order_->inverse(place) : place;
  }

 private:
  std::uint64_t keys_;
  Divisor machines_, most_slots_;
  std::optional<PublicPermutation> order_;
};

}  // namespace mpc
