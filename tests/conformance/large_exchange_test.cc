#include <gtest/gtest.h>

#include "mpc/cluster.h"
#include "mpc/transport/mpi.h"

#include "tests/support/traffic.h"
#include "tests/support/world.h"

namespace tests {
namespace {

/// More than 2^31 bytes from one rank to another in one round: counts of bytes no longer fit an int, here or in MPI.
TEST(LargeExchange, MoreThanTwoGibibytes) {
  using Block = Plain<4096>;
  constexpr std::uint64_t messages = (std::uint64_t{1} << 31) / sizeof(Block) + 3;
  static_assert(messages * sizeof(Block) > std::uint64_t{1} << 31);
  mpc::MpiTransport transport(world());
  mpc::Model model;
  model.machines = static_cast<std::uint64_t>(world().size());
  model.memory = mpc::Words{messages * 4096};
  model.word_bits = 64;
  mpc::Cluster cluster(model, transport);
  const auto last = model.machines - 1;
  Block block;
  auto mail = cluster.round<Block>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    if (me.id().value != 0) return;
    for (Word i = 0; i < messages; ++i) {
      block.words.front() = i;
      block.words.back() = ~i;
      out.send(last, block);
    }
  });
  std::uint64_t letters = 0, wrong = 0;
  cluster.local(mail, [&](const auto&, auto inbox) {
    for (const auto& [source, message] : inbox) {
      wrong += source.value != 0 || message.words.front() != letters || message.words.back() != ~letters;
      ++letters;
    }
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(letters, world().rank() + 1 == world().size() ? messages : 0);
  EXPECT_EQ(cluster.finish().words(), messages * 4096);
}

}  // namespace
}  // namespace tests
