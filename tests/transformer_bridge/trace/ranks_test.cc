#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/transports.h"
#include "tests/support/world.h"
#include "tests/transformer_bridge/trace/compiled_run.h"
#include "tests/transformer_bridge/trace/small_protocols.h"

namespace bridge {
namespace {

using roundtrip::TracedProblem;

/// Transformers in weights beside machines on messages between ranks: every rank compares the memory of its own machines.
class CompiledProtocolsOnRanks : public testing::TestWithParam<const char*> {
 protected:
  void check(const TracedProblem& problem) {
    tests::Carrier carrier(GetParam());
    const auto run = problem.run(*carrier, problem.model.memory);
    ASSERT_FALSE(run.memory.empty());
    const auto counts = (*carrier).ranks().gather(std::vector<mpc::Word>{run.memory.front().size()});
    std::size_t first = 0, all = 0;
    for (std::size_t r = 0; r < counts.size(); ++r) {
      first += static_cast<int>(r) < (*carrier).ranks().rank() ? counts[r] : 0;
      all += counts[r];
    }
    EXPECT_EQ(all, problem.model.machines);
    const auto compiled = problem.compile(NumberType::f32);
    EXPECT_TRUE(certify(compiled.model, NumberType::f32).exact);
    tests::expect_same(problem, compiled, converted<float>(compiled.model.transformer), run, first);
  }
};

TEST_P(CompiledProtocolsOnRanks, HoldWhatTheMachinesKeep) {
  for (const std::uint64_t q : {1U, 2U, 5U, 8U, 13U}) {
    check(roundtrip::traced_cycles(tests::random_cycles(q, 7), q, "random"));
    check(roundtrip::traced_broadcast(q, 8, 7));
    check(roundtrip::traced_reduce("min", q, 8, 7));
    check(roundtrip::traced_reduce("max", q, 8, 7));
    check(roundtrip::traced_sort(q, 8, 7));
    check(roundtrip::traced_compose(3, q, 7));
    check(tests::problem_of<tests::Gossip<4>>("gossip", q, 7));
    check(tests::problem_of<tests::Reverse>("reverse", q, 7));
  }
}

INSTANTIATE_TEST_SUITE_P(Transports, CompiledProtocolsOnRanks, testing::ValuesIn(tests::all_transports));

}  // namespace
}  // namespace bridge
