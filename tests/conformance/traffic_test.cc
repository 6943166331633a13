#include "tests/support/traffic.h"

#include <gtest/gtest.h>

#include "tests/support/transports.h"

namespace tests {
namespace {

/// Every transport delivers the same random traffic, and charges for it what the generator says.
template <class T>
class Conformance : public testing::Test {};

using Messages = testing::Types<Word, Plain<2>, Plain<3>, Plain<5>, Mixed, Ragged, Ping>;
TYPED_TEST_SUITE(Conformance, Messages);

TYPED_TEST(Conformance, EveryInboxAndTheLedgerAreAsPlanned) {
  using T = TypeParam;
  for (const std::uint64_t machines : {1, 2, 3, 5, 8, 64, 1000}) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      const auto traffic = make_traffic<T>(machines, seed);
      std::uint64_t digest = 0;
      for (const auto* name : all_transports) {
        SCOPED_TRACE(std::string(name) + ", " + std::to_string(machines) + " machines, seed " + std::to_string(seed));
        Carrier carrier(name);
        mpc::Cluster cluster(traffic.model(), *carrier);
        Surprises surprises;
        const auto ledger = execute(traffic, cluster, surprises);
        EXPECT_EQ(surprises.count, 0U) << surprises.first;
        ASSERT_EQ(ledger.rounds.size(), traffic.rounds.size());
        for (std::size_t r = 0; r < ledger.rounds.size(); ++r) {
          SCOPED_TRACE("round " + std::to_string(r + 1));
          const auto& got = ledger.rounds[r];
          const auto& expected = traffic.rounds[r].expected;
          EXPECT_EQ(got.messages, expected.messages);
          EXPECT_EQ(got.words, expected.words);
          EXPECT_EQ(got.max_sent, expected.max_sent);
          EXPECT_EQ(got.max_sent_machine, expected.max_sent_machine);
          EXPECT_EQ(got.max_received, expected.max_received);
          EXPECT_EQ(got.max_received_machine, expected.max_received_machine);
          EXPECT_EQ(got.max_kept, expected.max_kept);
          EXPECT_EQ(got.max_kept_plus_sent, expected.max_kept_plus_sent);
          EXPECT_EQ(got.max_kept_plus_received, expected.max_kept_plus_received);
        }
        EXPECT_EQ(ledger.final_max_kept, traffic.rounds.back().expected.max_kept);
        // in_process comes first, and knows nothing of the ranks.
        if (digest == 0) digest = ledger.digest();
        EXPECT_EQ(ledger.digest(), digest);
        EXPECT_EQ(world().minimum(ledger.digest()), digest);
        EXPECT_EQ(world().maximum(ledger.digest()), digest);
      }
    }
  }
}

/// A generator that made nothing would be matched by an engine that does nothing.
TYPED_TEST(Conformance, TheTrafficIsHard) {
  const auto traffic = make_traffic<TypeParam>(64, 3);
  std::uint64_t asleep = 0, woken = 0, empty = 0, in_a_row = 0, to_itself = 0;
  for (const auto& round : traffic.rounds) {
    empty += round.expected.messages == 0;
    for (std::uint64_t m = 0; m < 64; ++m) {
      asleep += !round.awake[m];
      woken += (!round.awake[m] || round.sleeps[m]) && round.awake_in_local[m];
      for (std::size_t i = 0; i < round.inbox[m].size(); ++i) {
        to_itself += round.inbox[m][i].first == m;
        in_a_row += i > 0 && round.inbox[m][i].first == round.inbox[m][i - 1].first;
      }
    }
  }
  EXPECT_GT(asleep, 20U);
  EXPECT_GT(woken, 20U);
  EXPECT_GT(empty, 0U);
  EXPECT_GT(in_a_row, 20U);
  EXPECT_GT(to_itself, 5U);
}

TEST(ConformanceDigest, OneOtherBitIsAnotherDigest) {
  for (const auto* name : all_transports) {
    SCOPED_TRACE(name);
    Carrier carrier(name);
    mpc::Model model;
    model.machines = 8;
    model.memory = mpc::Words{8};
    model.word_bits = 40;
    const auto digest = [&](auto&& send) {
      mpc::Cluster cluster(model, *carrier);
      cluster.round<Plain<2>>(cluster.nothing(), send);
      return cluster.finish().digest();
    };
    const auto one = digest([](const auto& me, auto, auto& out) {
      if (me.id().value == 6) out.send(Word{1}, Plain<2>{{4, 9}}), out.send(Word{1}, Plain<2>{{5, 9}});
    });
    EXPECT_EQ(one, digest([](const auto& me, auto, auto& out) {
                if (me.id().value == 6) out.send(Word{1}, Plain<2>{{4, 9}}), out.send(Word{1}, Plain<2>{{5, 9}});
              }));
    // The counts and their machines are the same in all that follow.
    EXPECT_NE(one, digest([](const auto& me, auto, auto& out) {  // content
                if (me.id().value == 6) out.send(Word{1}, Plain<2>{{4, 8}}), out.send(Word{1}, Plain<2>{{5, 9}});
              }));
    EXPECT_NE(one, digest([](const auto& me, auto, auto& out) {  // order of sending
                if (me.id().value == 6) out.send(Word{1}, Plain<2>{{5, 9}}), out.send(Word{1}, Plain<2>{{4, 9}});
              }));
    EXPECT_NE(one, digest([](const auto& me, auto, auto& out) {  // order of words
                if (me.id().value == 6) out.send(Word{1}, Plain<2>{{9, 4}}), out.send(Word{1}, Plain<2>{{5, 9}});
              }));
  }
}

}  // namespace
}  // namespace tests
