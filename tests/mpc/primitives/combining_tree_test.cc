#include "mpc/primitives/combining_tree.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace tests {
namespace {

using mpc::CombiningTree;
using mpc::KeyOwners;
using mpc::MachineId;

/// Every level of the way from every machine to a key's owner, for every q and number of levels.
TEST(CombiningTree, LeadsFromEveryMachineToTheOwnerWithBoundedFanIn) {
  for (const std::uint64_t machines : {1, 2, 3, 4, 5, 7, 16, 31, 64, 100, 1000}) {
    for (const std::uint64_t levels : {1, 2, 3, 4}) {
      for (const std::uint64_t keys : {1, 5, 100}) {
        SCOPED_TRACE(testing::Message() << machines << " machines, " << levels << " levels, " << keys << " keys");
        const KeyOwners owners(keys, machines, mpc::PublicPermutation(keys, 7));
        const CombiningTree tree(owners, levels);
        ASSERT_EQ(tree.levels(), levels);
        for (std::uint64_t key = 0; key < keys; key += 1 + keys / 5) {
          std::set<std::uint64_t> asking;
          for (std::uint64_t machine = 0; machine < machines; ++machine) asking.insert(machine);
          for (std::uint64_t level = 1; level <= levels; ++level) {
            std::map<std::uint64_t, std::uint64_t> asked;
            for (const auto machine : asking) {
              const auto block = tree.block(level, MachineId{machine});
              ASSERT_GE(machine, block.first());
              ASSERT_LT(machine, block.first() + block.size());
              const auto combiner = block.combiner(key);
              ASSERT_GE(combiner.value, block.first());
              ASSERT_LT(combiner.value, block.first() + block.size());
              ASSERT_LT(block.slot(key), tree.most_slots());
              ASSERT_EQ(block.key(combiner, block.slot(key)), key);
              ++asked[combiner.value];
            }
            asking.clear();
            for (const auto& [combiner, questions] : asked) {
              EXPECT_LE(questions, CombiningTree::fan_in(machines, levels)) << "level " << level;
              asking.insert(combiner);
            }
          }
          EXPECT_EQ(asking, std::set<std::uint64_t>{owners.owner(key).value});
        }
      }
    }
  }
}

TEST(CombiningTree, FanInByHand) {
  EXPECT_EQ(CombiningTree::fan_in(1000, 1), 1000U);
  EXPECT_EQ(CombiningTree::fan_in(1000, 2), 32U);
  EXPECT_EQ(CombiningTree::fan_in(1000, 3), 10U);
  EXPECT_EQ(CombiningTree::fan_in(1024, 2), 32U);
  EXPECT_EQ(CombiningTree::fan_in(5, 2), 3U);
  EXPECT_EQ(CombiningTree::fan_in(1, 3), 1U);
}

TEST(CombiningTree, ANoteFitsOrNot) {
  // 1000 machines, 2 levels: 32 blocks of 31 or 32; 1000 keys are at most 33 to a machine.
  EXPECT_TRUE(CombiningTree::fits(1000, 1000, 2, 3, 7));
  EXPECT_FALSE(CombiningTree::fits(1000, 1000, 2, 3, 6));
  // Blocks of one machine hold all keys.
  EXPECT_FALSE(CombiningTree::fits(8, 2, 2, 2, 3));
  EXPECT_TRUE(CombiningTree::fits(8, 2, 2, 1, 3));
}

}  // namespace
}  // namespace tests
