#include <cstdint>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/transport/mpi.h"

#include "tests/support/world.h"

namespace tests {
namespace {

/// The tests' ranks all run on one computer: each has a number of its own there, and in a part of them again.
TEST(NodeRank, CountsTheRanksOfAComputer) {
  std::vector<std::uint64_t> expected(static_cast<std::size_t>(world().size()));
  std::iota(expected.begin(), expected.end(), std::uint64_t{0});
  const auto mine = static_cast<std::uint64_t>(world().node_rank());
  EXPECT_EQ(world().gather({&mine, 1}), expected);

  const auto part = mpc::split(world(), world().rank() % 2);
  EXPECT_EQ(part->node_rank(), world().rank() / 2);
}

}  // namespace
}  // namespace tests
