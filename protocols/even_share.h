#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "mpc/machine.h"
#include "mpc/word.h"

namespace protocols {

/// Where a machine's part of `items` items begins that are dealt evenly, in order: floor(machine items / machines). A machine gets at most
/// ceil(items / machines).
constexpr std::uint64_t first_item(std::uint64_t machine, std::uint64_t items, std::uint64_t machines) {
  return static_cast<std::uint64_t>(static_cast<mpc::DoubleWord>(machine) * items / machines);
}

/// The machine that an item is dealt to, for at least one item: the last one whose part begins at this item or before.
constexpr std::uint64_t holder(std::uint64_t item, std::uint64_t items, std::uint64_t machines) {
  return static_cast<std::uint64_t>(((static_cast<mpc::DoubleWord>(item) + 1) * machines - 1) / items);
}

/// The items that are dealt to the machines of one rank.
template <class Item>
class EvenShare {
 public:
  /// `share`: the items of this rank's machines, in order.
  EvenShare(std::uint64_t items, std::uint64_t machines, mpc::MachineBlock here, std::vector<Item> share)
      : items_(items), machines_(machines), first_(first_item(here.first, items, machines)), share_(std::move(share)) {}

  /// Index of the first item of this machine, among all.
  std::uint64_t first(mpc::MachineId machine) const { return first_item(machine.value, items_, machines_); }
  /// The items of a machine of this rank.
  std::span<const Item> of(mpc::MachineId machine) const {
    return std::span(share_).subspan(first(machine) - first_, first(mpc::MachineId{machine.value + 1}) - first(machine));
  }

 private:
  std::uint64_t items_, machines_, first_;
  std::vector<Item> share_;
};

}  // namespace protocols
