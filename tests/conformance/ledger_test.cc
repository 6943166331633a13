#include <gtest/gtest.h>

#include "tests/support/traffic.h"
#include "tests/support/transports.h"

namespace tests {
namespace {

struct Expected {
  const char* label;
  std::uint64_t messages, words, max_sent, max_sent_machine, max_received, max_received_machine, max_kept, kept_sent, kept_received;
};

/// Six machines, s = 16. Who sends, who receives and who keeps most are three different machines, so a ledger that takes one for
/// another shows.
TEST(Ledger, KnownAsymmetricTraffic) {
  for (const auto* name : all_transports) {
    SCOPED_TRACE(name);
    Carrier carrier(name);
    mpc::Model model;
    model.machines = 6;
    model.memory = mpc::Words{16};
    model.word_bits = 20;
    mpc::Cluster cluster(model, *carrier);

    // Keeps: every machine 1 word.
    auto fixed = cluster.make<Word>();
    std::vector<std::uint64_t> watched;
    cluster.on_round([&](const mpc::RoundEntry& entry) { watched.push_back(entry.messages); });
    mpc::Ledger ledger;
    {
      const auto outer = cluster.scope("outer");
      {
        const auto inner = cluster.scope("inner");
        // Machine 4 sends 2 messages of 3 words to machine 1; machine 2 one to machine 1; machine 5 one to itself.
        cluster.round<Plain<3>>(cluster.nothing(), [](const auto& me, auto, auto& out) {
          const auto id = me.id().value;
          if (id == 4) out.send(Word{1}, Plain<3>{{1, 2, 3}}), out.send(mpc::MachineId{1}, Plain<3>{{4, 5, 6}});
          if (id == 2) out.send(Word{1}, Plain<3>{{7, 8, 9}});
          if (id == 5) out.send(Word{5}, Plain<3>{{7, 8, 9}});
        });
      }
      // Ragged: machine m keeps 1 + its items: machine 3 has 6, the others none, so it keeps 8 and the others 2.
      auto items = cluster.make<std::vector<Word>>([](const mpc::Machine& me) { return std::vector<Word>(me.id().value == 3 ? 6 : 0, 9); });
      // Machine 0 sends 1 + 7 words to machine 5; machine 3 sends 1 + 1 words to machine 0, three times; machine 2 one to machine 5.
      cluster.round<std::vector<Word>>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
        const auto id = me.id().value;
        if (id == 0) out.send(Word{5}, std::vector<Word>(7, 1));
        if (id == 3) {
          for (int i = 0; i < 3; ++i) out.send(Word{0}, {Word(i)});
        }
        if (id == 2) out.send(Word{5}, {});
      });
      // A round without messages, in which machine 3 drops its items and machine 1 takes 4.
      cluster.round<Word>(cluster.nothing(), [&](const auto& me, auto, auto&) {
        if (me.id().value == 3) items[me].clear();
        if (me.id().value == 1) items[me].resize(4);
      });
    }
    // Machines 1 and 2 send 2 words each, machines 4 and 5 receive 2 each: the lower one is named. Nothing ragged is kept any more.
    cluster.round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      const auto id = me.id().value;
      if (id == 1 || id == 2) out.send(Word{4}, id), out.send(Word{5}, id);
      fixed[me] = id;
    });
    ledger = cluster.finish();

    const Expected expected[] = {
        {"outer/inner", 4, 12, 6, 4, 9, 1, 1, 7, 10},
        {"outer", 5, 8 + 6 + 1, 8, 0, 9, 5, 8, 14, 11},
        {"outer", 0, 0, 0, 0, 0, 0, 6, 6, 6},
        {"round", 4, 4, 2, 1, 2, 4, 1, 3, 3},
    };
    ASSERT_EQ(ledger.rounds.size(), std::size(expected));
    for (std::size_t r = 0; r < std::size(expected); ++r) {
      SCOPED_TRACE("round " + std::to_string(r + 1));
      const auto& got = ledger.rounds[r];
      EXPECT_EQ(got.label, expected[r].label);
      EXPECT_NE(got.site.find("ledger_test.cc:"), std::string::npos) << got.site;
      EXPECT_EQ(got.messages, expected[r].messages);
      EXPECT_EQ(got.words, expected[r].words);
      EXPECT_EQ(got.max_sent, expected[r].max_sent);
      EXPECT_EQ(got.max_sent_machine, expected[r].max_sent_machine);
      EXPECT_EQ(got.max_received, expected[r].max_received);
      EXPECT_EQ(got.max_received_machine, expected[r].max_received_machine);
      EXPECT_EQ(got.max_kept, expected[r].max_kept);
      EXPECT_EQ(got.max_kept_plus_sent, expected[r].kept_sent);
      EXPECT_EQ(got.max_kept_plus_received, expected[r].kept_received);
    }
    EXPECT_EQ(ledger.final_max_kept, 1U);
    EXPECT_EQ(ledger.messages(), 13U);
    EXPECT_EQ(ledger.words(), 31U);
    EXPECT_EQ(ledger.max_sent(), 8U);
    EXPECT_EQ(ledger.max_received(), 9U);
    EXPECT_EQ(ledger.max_kept(), 8U);
    EXPECT_EQ(ledger.max_kept_plus_sent(), 14U);
    EXPECT_EQ(ledger.max_kept_plus_received(), 11U);
    EXPECT_EQ(watched.size(), 4U);
  }
}

}  // namespace
}  // namespace tests
