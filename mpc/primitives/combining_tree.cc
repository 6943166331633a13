#include "mpc/primitives/combining_tree.h"

#include <algorithm>

#include "mpc/model.h"

namespace mpc {
namespace {

/// Blocks of the level below the last one, and so on down to level 1: r, r^2, ..., r^{levels-1}, but no more than machines.
std::uint64_t blocks_at(std::uint64_t level, std::uint64_t levels, std::uint64_t machines) {
  const auto radix = ceil_root(machines, levels);
  std::uint64_t blocks = 1;
  for (auto above = levels; above > level; --above) blocks = std::min(machines, blocks * radix);
  return blocks;
}

}  // namespace

CombiningTree::CombiningTree(const KeyOwners& owners, std::uint64_t levels) : machines_(owners.machines()) {
  for (std::uint64_t level = 1; level <= levels; ++level) {
    const auto blocks = blocks_at(level, levels, machines_);
    const auto size = machines_ / blocks;
    levels_.push_back({blocks, owners.among(size), owners.among(size + 1)});
  }
}

CombiningTree::Block CombiningTree::block(std::uint64_t level, MachineId machine) const {
  const auto& at = levels_[level - 1];
  const auto start = [&](std::uint64_t index) {
    return static_cast<std::uint64_t>(static_cast<DoubleWord>(index) * machines_ / at.blocks);
  };
  const auto index = static_cast<std::uint64_t>((static_cast<DoubleWord>(machine.value + 1) * at.blocks - 1) / machines_);
  const auto first = start(index);
  return {start(index + 1) - first == at.smaller.machines() ? at.smaller : at.larger, first};
}

std::uint64_t CombiningTree::fan_in(std::uint64_t machines, std::uint64_t levels) {
  const auto blocks = blocks_at(1, levels, machines);
  const auto largest = (machines + blocks - 1) / blocks;
  return levels == 1 ? largest : std::max(largest, ceil_root(machines, levels));
}

bool CombiningTree::fits(std::uint64_t keys, std::uint64_t machines, std::uint64_t levels, std::uint64_t notes, unsigned half_bits) {
  const auto smallest = machines / blocks_at(1, levels, machines);
  return static_cast<DoubleWord>(notes) * ((keys + smallest - 1) / smallest) <= DoubleWord{1} << half_bits;
}

}  // namespace mpc
