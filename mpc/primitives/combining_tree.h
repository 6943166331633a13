#pragma once

#include <cstdint>
#include <vector>

#include "mpc/primitives/key_owners.h"
#include "mpc/word.h"

namespace mpc {

/// Who combines what about a key on its way to the key's owner: the machines form nested blocks of consecutive ids, one machine each at
/// level 0, all machines at the last level; and in every block the keys are dealt out to its machines, as to owners. What a block's
/// machines know of a key meets at the key's combiner in the block; the last combiner is the owner. A key costs a combiner at most
/// fan_in questions, whatever q is.
/// Source: own; an aggregation tree per key, as in Balliu et al. 2022 (Definition A.1), on the machines that are there anyway.
class CombiningTree {
 public:
  /// levels >= 1. Blocks split into r = ceil(q^{1/levels}) blocks, whose sizes differ by at most one.
  CombiningTree(const KeyOwners& owners, std::uint64_t levels);

  std::uint64_t levels() const { return levels_.size(); }
  /// Most keys of one combiner.
  std::uint64_t most_slots() const { return levels_.front().smaller.most_slots(); }

  /// A block as its machines see it.
  class Block {
   public:
    MachineId combiner(std::uint64_t key) const { return MachineId{first_ + owners_.owner(key).value}; }
    /// The key's place on its combiner.
    std::uint64_t slot(std::uint64_t key) const { return owners_.slot(key); }
    std::uint64_t key(MachineId combiner, std::uint64_t slot) const { return owners_.key(MachineId{combiner.value - first_}, slot); }
    std::uint64_t first() const { return first_; }
    std::uint64_t size() const { return owners_.machines(); }

   private:
    friend class CombiningTree;
    Block(const KeyOwners& owners, std::uint64_t first) : owners_(owners), first_(first) {}
    const KeyOwners& owners_;
    std::uint64_t first_;
  };
  /// The machine's block at a level 1..levels().
  Block block(std::uint64_t level, MachineId machine) const;

  /// Most questions about one key that a combiner gets.
  static std::uint64_t fan_in(std::uint64_t machines, std::uint64_t levels);
  /// Whether a note below `notes` fits beside every slot into half_bits bits.
  static bool fits(std::uint64_t keys, std::uint64_t machines, std::uint64_t levels, std::uint64_t notes, unsigned half_bits);

 private:
  struct Level {
    std::uint64_t blocks;
    KeyOwners smaller, larger;  // of blocks of floor(q / blocks) machines, and of one more
  };

  std::uint64_t machines_;
  std::vector<Level> levels_;  // level 1 first
};

}  // namespace mpc
