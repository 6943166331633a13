#include "transformer_bridge/trace/tracing_cluster.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/word.h"

#include "tests/transformer_bridge/refusal.h"
#include "tests/transformer_bridge/trace/compiled_run.h"
#include "tests/transformer_bridge/trace/small_protocols.h"

namespace bridge {
namespace {

using tests::model_of;
using tests::refusal;

/// What a message must not be: a vector inside a struct.
struct Nested {
  TracedWord head;
  std::vector<TracedWord> tail;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& head& tail;
  }
};

TracedInboxes<TracedWord> send_own(TracingCluster& cluster) {
  return cluster.round<TracedWord>(cluster.nothing(), [](const auto& me, const auto&, auto& out) { out.send(me.id(), me.id().value); });
}

TEST(TracingClusters, AnInboxIsReadUntilTheNextRound) {
  TracingCluster cluster(model_of(4, 4), 1, 1);
  auto word = cluster.make<TracedWord>();
  const auto first = send_own(cluster);
  const auto take = [&](const auto& me, const auto& inbox) {
    for (const auto& [source, message] : inbox) word[me] = message;
  };
  cluster.local(first, take);
  cluster.local(first, take);  // as often as one likes
  const auto second = cluster.round<TracedWord>(first, [](const auto&, const auto&, auto&) {});
  const std::string text = "an exception: an inbox can be read until the next round has run, and no longer";
  EXPECT_EQ(refusal([&] { cluster.local(first, take); }), text);
  EXPECT_EQ(refusal([&] { cluster.round<TracedWord>(first, [](const auto&, const auto&, auto&) {}); }), text);
  EXPECT_EQ(refusal([&] { cluster.local(second, take); }), "not refused");
}

/// What a loop over an inbox does to a vector of the machine's memory.
template <class Change>
std::string loop_that(Change&& change) {
  TracingCluster cluster(model_of(4, 4), 1, 1);
  auto list = cluster.make<std::vector<TracedWord>>([](const auto& me) { return std::vector<TracedWord>{me.id().value, TracedWord(3)}; });
  const auto mail = send_own(cluster);
  return refusal([&] {
    cluster.local(mail, [&](const auto& me, const auto& inbox) {
      for (const auto& [source, message] : inbox) change(list[me], message);
    });
  });
}
TEST(TracingClusters, ALoopOverAnInboxAssignsWordsOneByOne) {
  const std::string replaced = "' as a whole, and that cannot be undone where nothing came: assign its words one by one";
  EXPECT_EQ(loop_that([](auto& list, const auto& message) {
              list = std::vector<TracedWord>{message, message};
            }),
            "an exception: the loop over an inbox replaced 'variable 1.0" + replaced);
  EXPECT_EQ(loop_that([](auto& list, const auto& message) {
              list.reserve(10);
              list.push_back(message);
            }).substr(0, 49),
            "an exception: the loop over an inbox replaced 'va");
  EXPECT_EQ(loop_that([](auto& list, const auto& message) { list[0] = list[1] + message; }), "not refused");
  EXPECT_EQ(loop_that([](auto& list, const auto& message) {
              const std::vector<TracedWord> other{message, message};
              list = other;  // copied word by word
            }),
            "not refused");
}

/// Changes that make no new word, loops that are left early, loops inside loops.
TEST(TracingClusters, ALoopOverAnInboxLeavesTheWordsWhereTheyAre) {
  const auto refused = [](const auto& text) {
    return text.starts_with("an exception: the loop over an inbox replaced 'variable 1.") && text.ends_with("assign its words one by one");
  };
  EXPECT_TRUE(refused(loop_that([](auto& list, const auto&) { list.pop_back(); })));
  EXPECT_TRUE(refused(loop_that([](auto& list, const auto&) { list.clear(); })));
  EXPECT_TRUE(refused(loop_that([](auto& list, const auto&) { list.resize(4); })));
  EXPECT_EQ(loop_that([](auto& list, const auto&) { std::swap(list[0], list[1]); }), "not refused");  // two assignments

  const auto with = [](auto&& work) {
    TracingCluster cluster(model_of(4, 4), 1, 1);
    auto list = cluster.make<std::vector<TracedWord>>([](const auto& me) { return std::vector<TracedWord>{me.id().value, TracedWord(3)}; });
    auto other = cluster.make<std::vector<TracedWord>>([](const auto& me) {
      return std::vector<TracedWord>{TracedWord(1), me.id().value};
    });
    const auto mail = send_own(cluster);
    return refusal([&] { cluster.local(mail, [&](const auto& me, const auto& inbox) { work(list[me], other[me], inbox); }); });
  };
  EXPECT_TRUE(refused(with([](auto& list, auto& other, const auto& inbox) {
    for ([[maybe_unused]] const auto& letter : inbox) std::swap(list, other);
  })));
  EXPECT_TRUE(refused(with([](auto& list, auto& other, const auto& inbox) {
    for ([[maybe_unused]] const auto& letter : inbox) list = std::move(other);
  })));
  EXPECT_TRUE(refused(with([](auto& list, auto&, const auto& inbox) {
    for (const auto& [source, message] : inbox) {
      list = std::vector<TracedWord>{message, message};
      break;
    }
  })));
  EXPECT_TRUE(refused(with([](auto& list, auto&, const auto& inbox) {
    for (const auto& [source, message] : inbox) {
      list = std::vector<TracedWord>{message, message};
      for (const auto& [again, same] : inbox) list[0] = same;
    }
  })));
  EXPECT_EQ(with([](auto& list, auto& other, const auto& inbox) {
              for (const auto& [source, message] : inbox) {
                for (const auto& [again, same] : inbox) list[0] = same + other[1];
                list[1] = message;
              }
              list = other;  // outside
            }),
            "not refused");
}

TEST(TracingClusters, TheAnswerIsMemoryAsItIs) {
  const auto with = [](auto&& read) {
    TracingCluster cluster(model_of(4, 4), 1, 1);
    auto word = cluster.make<TracedWord>([](const auto& me) -> TracedWord { return me.id().value + 1; });
    return refusal([&] { cluster.finish([&](const auto& me) { return read(word[me], me); }); });
  };
  const std::string text =
      "an exception: the answer of a trace is words of a machine's memory as they are; compute it before the protocol ends";
  EXPECT_EQ(with([](const TracedWord& word, const auto&) { return word; }), "not refused");
  EXPECT_EQ(with([](const TracedWord& word, const auto&) {
              return std::vector<TracedWord>{word, word >> 1, TracedWord(6)};
            }),
            "not refused");
  EXPECT_EQ(with([](const TracedWord&, const auto& me) { return me.id().value; }), "not refused");
  EXPECT_EQ(with([](const TracedWord& word, const auto&) { return word + 1; }), text);
  EXPECT_EQ(with([](const TracedWord& word, const auto&) { return TracedWord(BitWord{bit_not(word.bits()[0])}); }), text);
}

TEST(TracingClusters, MessagesAreWordsStructsOfWordsOrVectors) {
  TracingCluster cluster(model_of(4, 4), 1, 1);
  EXPECT_EQ(refusal([&] {
              cluster.round<Nested>(cluster.nothing(), [](const auto& me, const auto&, auto& out) {
                out.send(me.id(), Nested{me.id().value, {me.id().value}});
              });
            }),
            "an exception: a message that is to be compiled into weights is a word, a struct of words or a vector of words");
}

TEST(TracingClusters, NeedMachinesAndItems) {
  EXPECT_TRUE(refusal([] { TracingCluster(model_of(0, 4), 1, 1); }).starts_with("usage: a trace needs a machine"));
  EXPECT_TRUE(refusal([] { TracingCluster(model_of(4, 4), 0, 1); }).starts_with("usage: a trace needs a machine"));
}

TEST(Traces, SayHowTheInputLies) {
  const auto input = tests::trace_of(tests::Gossip<8>(), model_of(5, 8), 3).input;
  EXPECT_EQ(input.machines, 5U);
  EXPECT_EQ(input.per_machine, 3U);
  EXPECT_EQ(input.items, 15U);
  EXPECT_EQ(input.words, 2U);
  EXPECT_EQ(input.word_bits, 8U);
  EXPECT_EQ(input.id_bits, 3U);
  EXPECT_EQ(input.tokens(), 15U);
  for (const auto& [machines, bits] :
       {std::pair{1U, 1U}, std::pair{2U, 1U}, std::pair{4U, 2U}, std::pair{5U, 3U}, std::pair{64U, 6U}, std::pair{65U, 7U}}) {
    EXPECT_EQ(tests::trace_of(tests::Silence(), model_of(machines, 6), 2).input.id_bits, bits);
  }
}

TEST(Traces, NameRoundsAndVariables) {
  const auto trace = tests::trace_of(tests::Gossip<8>(), model_of(5, 8), 3);
  ASSERT_EQ(trace.rounds.size(), 3U);
  EXPECT_EQ(trace.rounds[0].label, "tell");
  EXPECT_EQ(trace.rounds[1].label, "answer");
  EXPECT_EQ(trace.rounds[0].sends.size(), 2U);
  EXPECT_EQ(trace.rounds[1].sends.size(), 2U);  // one for each letter that may have come
  EXPECT_EQ(trace.rounds[2].sends.size(), 1U);
  ASSERT_EQ(trace.memory.size(), 4U);
  for (const auto& words : trace.memory) {
    std::vector<std::string> names;
    for (const auto& word : words) names.push_back(word.variable);
    EXPECT_EQ(names, (std::vector<std::string>{"notes.0.length", "notes.0.0", "notes.0.1", "notes.0.2", "notes.1", "notes.2", "notes.3",
                                               "notes.4", "notes.5", "notes.6"}));
  }
  TracingCluster cluster(model_of(2, 4), 1, 1);
  {
    const auto outer = cluster.scope("a");
    const auto inner = cluster.scope("b");
    send_own(cluster);
  }
  send_own(cluster);
  const auto labelled = cluster.finish([](const auto& me) { return me.id().value; });
  EXPECT_EQ(labelled.rounds[0].label, "a/b");
  EXPECT_EQ(labelled.rounds[1].label, "round");  // as a ledger says it
}

/// A bit is stored where it has changed, and where two are the same, once.
TEST(Traces, StoreWhatHasChanged) {
  TracingCluster cluster(model_of(4, 4), 1, 1);
  auto first = cluster.make<TracedWord>([&](const auto&) -> TracedWord { return cluster.dealt(0, 0); });
  auto second = cluster.make<TracedWord>([&](const auto&) -> TracedWord { return cluster.dealt(0, 0); });
  auto known = cluster.make<TracedWord>([&](const auto&) { return TracedWord(5); });
  send_own(cluster);
  cluster.local([&](const auto& me) { second[me] = second[me] ^ 1; });
  send_own(cluster);
  send_own(cluster);
  const auto trace = cluster.finish([&](const auto& me) { return std::vector<TracedWord>{first[me], second[me], known[me]}; });
  ASSERT_EQ(trace.rounds.size(), 3U);
  EXPECT_EQ(trace.rounds[0].stored.size(), 4U);
  EXPECT_EQ(trace.rounds[1].stored.size(), 1U);
  EXPECT_EQ(trace.rounds[1].stored[0].variable, "variable 2");
  EXPECT_EQ(trace.rounds[1].stored[0].bit, 0U);
  EXPECT_EQ(trace.rounds[2].stored.size(), 0U);
  EXPECT_EQ(trace.last.size(), 0U);
  EXPECT_EQ(trace.memory[3][2].bits, (BitWord{1, 0, 1}));
  EXPECT_EQ(trace.memory[3][0].bits, trace.memory[0][0].bits);
  EXPECT_NE(trace.memory[3][1].bits, trace.memory[0][1].bits);
  EXPECT_EQ(trace.answer.size(), 3U);
}

/// Words that come back have word_bits bits at most, and what every sender knows is not sent.
TEST(Traces, SendWhatIsNotKnown) {
  TracingCluster cluster(model_of(4, 4), 1, 1);
  auto word = cluster.make<TracedWord>([&](const auto&) -> TracedWord { return cluster.dealt(0, 0); });
  cluster.round<tests::TwoWords<TracedWord>>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
    out.send(me.id(), tests::TwoWords<TracedWord>{TracedWord(9), word[me] << 2});
  });
  const auto trace = cluster.finish([&](const auto& me) { return word[me]; });
  const auto& send = trace.rounds[0].sends.at(0);
  ASSERT_EQ(send.words.size(), 2U);
  EXPECT_EQ(send.words[0], (BitWord{1, 0, 0, 1}));
  EXPECT_EQ(send.words[1].size(), 4U);
  EXPECT_EQ(send.words[1][0], Bit(0));
  // Whether it came, two bits of the second word, and two of the source.
  std::vector<std::string> names;
  for (const auto& column : send.columns) names.push_back(column.name + "/" + std::to_string(column.bit));
  EXPECT_EQ(names, (std::vector<std::string>{"letter 0 came/0", "letter 0.b/2", "letter 0.b/3", "letter 0 source/0", "letter 0 source/1"}));
  EXPECT_EQ(send.present, Bit(1));
  EXPECT_EQ(send.destination.size(), 2U);
}

/// What attention brings may be off by a quarter: whatever is stored, sent or counted of it is the same.
TEST(Traces, TakeWhatAttentionBringsPastAThreshold) {
  const auto trace = tests::trace_of(tests::Gossip<4>(), model_of(5, 4), 3);
  std::set<Atom> brought;
  for (const auto& slot : trace.dealt) {
    for (const auto& word : slot) brought.insert(word.begin(), word.end());
  }
  for (const auto& round : trace.rounds) {
    for (const auto& send : round.sends) {
      for (const auto& column : send.columns) brought.insert(column.atom);
    }
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::map<Atom, double> exact, off;
    for (Atom atom = 0; atom < trace.circuit.size(); ++atom) {
      if (!trace.circuit.unit(atom).is_column()) continue;
      const auto drawn = mpc::mix(mpc::mix(seed) + atom);
      const double bit = (drawn & 1) != 0 ? 1 : 0, quarter = static_cast<double>((drawn >> 8) % 3) / 4 - 0.25;
      exact[atom] = bit;
      off[atom] = bit + (brought.contains(atom) ? quarter : 0);
    }
    const auto expect_same = [&](const Expression& e) { ASSERT_EQ(trace.circuit.evaluate(e, off), trace.circuit.evaluate(e, exact)); };
    for (const auto& round : trace.rounds) {
      for (const auto& bit : round.stored) expect_same(bit.value);
      for (const auto& send : round.sends) {
        expect_same(send.present);
        for (const auto& bit : send.destination) expect_same(bit);
        for (const auto& column : send.columns) expect_same(column.sent);
      }
    }
    for (const auto& bit : trace.last) expect_same(bit.value);
  }
}

/// Rows that are no machines send nothing.
TEST(Traces, TokensBeyondTheMachinesAreSilent) {
  const auto trace = tests::trace_of(tests::Gossip<8>(), model_of(5, 8), 3);
  for (const auto& round : trace.rounds) {
    for (const auto& send : round.sends) {
      std::map<Atom, double> values;
      for (Atom atom = 0; atom < trace.circuit.size(); ++atom) {
        if (trace.circuit.unit(atom).is_column()) values[atom] = 1;
      }
      values[trace.machine] = 0;
      EXPECT_EQ(trace.circuit.evaluate(send.present, values), 0);
    }
  }
}

TEST(Traces, AreTheSameTextForTheSameProtocol) {
  const auto text = [](std::uint64_t machines) { return tests::trace_of(tests::Gossip<8>(), model_of(machines, 8), 3).text(); };
  EXPECT_EQ(text(5), text(5));
  EXPECT_NE(text(5), text(6));
  EXPECT_NE(text(5), tests::trace_of(tests::Gossip<7>(), model_of(5, 7), 3).text());
  EXPECT_TRUE(text(5).starts_with("machines 5 items 15 of 2 words of 8 bits\n"));
}

}  // namespace
}  // namespace bridge
