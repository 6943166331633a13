#pragma once

#include <cstdint>
#include <optional>

#include "transformer_bridge/compile/routing.h"

namespace bridge {

/// What stands where in a residual row: [asleep | s words of memory, l limbs each | heads x slots x fields, written by the attention].
/// A machine's memory is the words of its variables, one variable after the other in the order of their creation.
class ResidualColumns {
 public:
  ResidualColumns(std::uint64_t memory, Limbs limbs) : memory_(memory), limbs_(limbs) {}

  static constexpr std::uint64_t asleep = 0;
  std::uint64_t memory(std::uint64_t word, unsigned limb) const { return 1 + word * limbs_.count() + limb; }
  std::uint64_t attention() const { return 1 + memory_ * limbs_.count(); }
  std::uint64_t attention(const RoutingShape& shape, std::uint64_t head, std::uint64_t slot, std::uint64_t field) const {
    return attention() + (head * shape.slots + slot) * shape.slot_columns + field;
  }
  /// m = 1 + s l + H slots fields.
  std::uint64_t width(const RoutingShape& shape) const { return attention() + shape.width(); }
  const Limbs& limbs() const { return limbs_; }

  /// A memory column, taken apart; nothing for any other column.
  struct MemoryColumn {
    std::uint64_t word;
    std::uint64_t limb;
  };
  std::optional<MemoryColumn> memory_column(std::uint64_t column) const {
    if (column == asleep || column >= attention()) return {};
    return MemoryColumn{(column - 1) / limbs_.count(), (column - 1) % limbs_.count()};
  }

 private:
  std::uint64_t memory_;
  Limbs limbs_;
};

}  // namespace bridge
