#include "mpc/primitives/all_reduce.h"

#include <numeric>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/transport/in_process.h"

namespace tests {
namespace {

using mpc::Word;

constexpr Word value(std::uint64_t machine) { return mpc::mix(machine + 11) >> 44; }

/// A fan-out for which q machines take exactly `rounds` rounds; 0 if there is none.
std::uint64_t fan_out_for(std::uint64_t machines, std::uint64_t rounds) {
  for (std::uint64_t f = 2; f <= machines; ++f) {
    if (mpc::ceil_log(f, machines) <= rounds) return mpc::ceil_log(f, machines) == rounds ? f : 0;
  }
  return 0;
}

struct Sum {
  Word operator()(Word a, Word b) const { return a + b; }
};
struct Least {
  Word operator()(Word a, Word b) const { return mpc::min(a, b); }
};

/// Reduces on q machines in T rounds; sums tell whether a value was left out or counted twice, minima whether a zero slipped in.
void check(std::uint64_t machines, std::uint64_t rounds) {
  const auto fan_out = rounds == 1 ? std::max<std::uint64_t>(2, machines) : fan_out_for(machines, rounds);
  if (fan_out == 0) return;
  SCOPED_TRACE(std::to_string(machines) + " machines, " + std::to_string(rounds) + " rounds");
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{4 * fan_out};
  model.word_bits = 40;
  ASSERT_EQ(model.tree_rounds(), rounds);
  const mpc::AllReducePlan plan(machines, rounds);
  const auto radix = plan.words();

  mpc::InProcess transport;
  mpc::Cluster cluster(model, transport);
  auto sum = cluster.make<Word>([](const mpc::Machine& me) { return value(me.id().value); });
  auto least = cluster.make<Word>([](const mpc::Machine& me) { return value(me.id().value) + 1; });
  mpc::all_reduce(cluster, sum, Sum{});
  mpc::all_reduce(cluster, least, Least{});

  Word expected_sum = 0, expected_least = UINT64_MAX;
  for (std::uint64_t m = 0; m < machines; ++m) {
    expected_sum += value(m);
    expected_least = std::min(expected_least, value(m) + 1);
  }
  std::uint64_t wrong = 0;
  cluster.inspect([&](const mpc::Machine& me) { wrong += sum[me] != expected_sum || least[me] != expected_least; });
  EXPECT_EQ(wrong, 0U);
  const auto ledger = cluster.finish();
  EXPECT_EQ(ledger.rounds.size(), machines == 1 ? 0 : 2 * rounds);
  for (const auto& round : ledger.rounds) {
    EXPECT_EQ(round.label, "all-reduce");
    EXPECT_LE(round.max_sent, radix);
    EXPECT_LE(round.max_received, radix);
    EXPECT_LE(round.max_kept, 2U + 2);
  }
  if (machines > 1) {
    EXPECT_LE(radix, fan_out);
    // ceil(q^{1/T}): one less would not reach q.
    mpc::DoubleWord power = 1;
    for (std::uint64_t j = 0; j < rounds; ++j) power *= radix - 1;
    EXPECT_TRUE(power < machines);
  }
}

TEST(AllReduce, EveryNumberOfMachinesUpTo300) {
  for (std::uint64_t machines = 1; machines <= 300; ++machines) {
    for (std::uint64_t rounds = 1; rounds <= 9; ++rounds) check(machines, rounds);
  }
}

TEST(AllReduce, MoreMachinesAndMoreRounds) {
  for (const std::uint64_t machines : {511, 512, 513, 729, 1000, 1023, 1025, 2047, 2048, 2049, 3125, 4096, 4097, 5000}) {
    for (std::uint64_t rounds = 1; rounds <= 13; ++rounds) {
      if (rounds > 1 || machines < 1100) check(machines, rounds);
    }
  }
}

}  // namespace
}  // namespace tests
