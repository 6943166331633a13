#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/traffic.h"
#include "tests/violations/attempt.h"

namespace tests {
namespace {

using mpc::Resource;

/// A protocol that asks for `asked` words or bits of something, on 12 machines of 10 words of 20 bits.
struct Case {
  const char* name;
  Program<Word> protocol;
  Word most;  ///< is let through; one more is refused
  // Of the refusal:
  std::uint64_t machine, round;
  Resource resource;
  std::uint64_t kept, wanted, allowed;
  const char* text;  ///< what follows the place
};

void PrintTo(const Case& given, std::ostream* out) { *out << given.name; }

constexpr std::uint64_t machines = 12, memory = 10;
constexpr unsigned bits = 20;
constexpr Word widest = (Word{1} << bits) - 1;

mpc::Model model() {
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{memory};
  model.word_bits = bits;
  return model;
}

template <class Cluster>
void idle(Cluster& cluster) {
  cluster.template round<Word>(cluster.nothing(), [](const auto&, auto, auto&) {});
}

template <class T, class Cluster, class Step>
void send(Cluster& cluster, Step step) {
  cluster.template round<T>(cluster.nothing(), [&](const auto& me, auto, auto& out) { step(me.id().value, out); });
}

constexpr Case cases[] = {
    {"Sent",
     [](auto& cluster, Word asked) {
       send<Word>(cluster, [&](auto id, auto& out) {
         for (Word i = 0; id == 7 && i < asked; ++i) out.send(i % machines, i);
       });
     },
     10, 7, 1, Resource::sent, 0, 11, 10, "sends 11 words; allowed are 10"},
    {"SentInOneMessage",
     [](auto& cluster, Word asked) {
       send<std::vector<Word>>(cluster, [&](auto id, auto& out) {
         if (id == 11) out.send(Word{0}, std::vector<Word>(asked - 1));
       });
     },
     10, 11, 1, Resource::sent, 0, 11, 10, "sends 11 words; allowed are 10"},
    {"SentToItself",
     [](auto& cluster, Word asked) {
       send<Ping>(cluster, [&](auto id, auto& out) {
         for (Word i = 0; id == 0 && i < asked; ++i) out.send(Word{0}, {});
       });
     },
     10, 0, 1, Resource::sent, 0, 11, 10, "sends 11 words; allowed are 10"},
    {"Received",
     [](auto& cluster, Word asked) {
       send<Plain<2>>(cluster, [&](auto id, auto& out) {
         if (id < (asked + 1) / 2) out.send(Word{9}, {});
       });
     },
     10, 9, 1, Resource::received, 0, 12, 10, "receives 12 words; allowed are 10"},
    {"ReceivedWithLengths",
     [](auto& cluster, Word asked) {
       send<std::vector<Word>>(cluster, [&](auto id, auto& out) {
         if (id < 2) out.send(Word{10}, std::vector<Word>(id == 0 ? 3 : asked - 5));
       });
     },
     10, 10, 1, Resource::received, 0, 11, 10, "receives 11 words; allowed are 10"},
    {"KeptFixed",
     [](auto& cluster, Word asked) {
       auto nine = cluster.template make<Plain<9>>();
       idle(cluster);
       auto one = cluster.template make<Word>();
       if (asked == 10) return idle(cluster);
       auto more = cluster.template make<Word>();
       idle(cluster);
     },
     10, 0, 2, Resource::kept, 0, 11, 10, "keeps 11 words; allowed are 10"},
    {"KeptRagged",
     [](auto& cluster, Word asked) {
       auto items = cluster.template make<std::vector<Word>>();
       idle(cluster);
       idle(cluster);
       cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto&) {
         if (me.id().value == 8) items[me].resize(asked - 1);
       });
     },
     10, 8, 3, Resource::kept, 0, 11, 10, "keeps 11 words; allowed are 10"},
    {"KeptByASleeper",  // it runs no step any more, so nothing looks at it again
     [](auto& cluster, Word asked) {
       auto items = cluster.template make<std::vector<Word>>();
       idle(cluster);
       cluster.local([&](const mpc::Machine& me) {
         if (me.id().value == 5) items[me].resize(asked - 1), me.sleep();
       });
       idle(cluster);
       cluster.inspect([](const mpc::Machine&) {});
     },
     10, 5, 2, Resource::kept, 0, 11, 10, "keeps 11 words; allowed are 10"},
    {"KeptByAllAsleep",
     [](auto& cluster, Word asked) {
       auto nine = cluster.template make<Plain<9>>();
       send<Word>(cluster, [&](auto, auto&) {});
       cluster.local([](const mpc::Machine& me) { me.sleep(); });
       if (asked == 10) return idle(cluster);
       auto two = cluster.template make<Plain<2>>();
       idle(cluster);
     },
     10, 0, 2, Resource::kept, 0, 11, 10, "keeps 11 words; allowed are 10"},
    {"KeptInANewVariableOfASleeper",
     [](auto& cluster, Word asked) {
       cluster.local([](const mpc::Machine& me) {
         if (me.id().value == 6) me.sleep();
       });
       {
         auto items = cluster.template make<std::vector<Word>>(
             [&](const mpc::Machine& me) { return std::vector<Word>(me.id().value == 6 ? asked - 1 : 0); });
         idle(cluster);
       }
     },
     10, 6, 1, Resource::kept, 0, 11, 10, "keeps 11 words; allowed are 10"},
    {"KeptAtTheEnd",
     [](auto& cluster, Word asked) {
       auto items = cluster.template make<std::vector<Word>>();
       idle(cluster);
       cluster.local([&](const mpc::Machine& me) {
         if (me.id().value == 4) items[me].resize(asked - 1);
       });
       cluster.finish();
     },
     10, 4, 2, Resource::kept, 0, 11, 10, "keeps 11 words; allowed are 10"},
    {"KeptAndSentFixed",
     [](auto& cluster, Word asked) {
       auto four = cluster.template make<Plain<4>>();
       send<Word>(cluster, [&](auto id, auto& out) {
         for (Word i = 0; id == 3 && i < asked; ++i) out.send(i % machines, i);
       });
     },
     6, 3, 1, Resource::sent, 4, 11, 10, "sends 7 words and keeps 4, 11 in all; allowed are 10"},
    {"KeptAndSentRagged",
     [](auto& cluster, Word asked) {
       auto one = cluster.template make<Word>();
       auto items = cluster.template make<std::vector<Word>>();
       cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
         if (me.id().value != 6) return;
         for (Word i = 0; i < asked; ++i) out.send(i, i);
         items[me].resize(3);  // after the sending: what counts is what is kept when the step ends
       });
     },
     5, 6, 1, Resource::sent, 5, 11, 10, "sends 6 words and keeps 5, 11 in all; allowed are 10"},
    {"KeptAndReceivedFixed",
     [](auto& cluster, Word asked) {
       auto four = cluster.template make<Plain<4>>();
       send<Word>(cluster, [&](auto id, auto& out) {
         if (id < asked) out.send(Word{2}, id);
       });
     },
     6, 2, 1, Resource::received, 4, 11, 10, "receives 7 words and keeps 4, 11 in all; allowed are 10"},
    {"KeptAndReceivedRagged",  // machine 1 receives as much and keeps less
     [](auto& cluster, Word asked) {
       auto items =
           cluster.template make<std::vector<Word>>([](const mpc::Machine& me) { return std::vector<Word>(me.id().value == 10 ? 4 : 0); });
       send<Word>(cluster, [&](auto id, auto& out) {
         if (id < asked) out.send(Word{10}, id), out.send(Word{1}, id);
       });
     },
     5, 10, 1, Resource::received, 5, 11, 10, "receives 6 words and keeps 5, 11 in all; allowed are 10"},
    {"KeptAndReceivedByASleeper",
     [](auto& cluster, Word asked) {
       auto items =
           cluster.template make<std::vector<Word>>([](const mpc::Machine& me) { return std::vector<Word>(me.id().value == 10 ? 4 : 0); });
       cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto&) {
         if (me.id().value == 10) me.sleep();
       });
       send<Word>(cluster, [&](auto id, auto& out) {
         if (id < asked) out.send(Word{10}, id);
       });
     },
     5, 10, 2, Resource::received, 5, 11, 10, "receives 6 words and keeps 5, 11 in all; allowed are 10"},
    {"Destination",
     [](auto& cluster, Word asked) {
       send<Word>(cluster, [&](auto id, auto& out) {
         if (id == 9) out.send(asked, 0);
       });
     },
     11, 9, 1, Resource::destination, 0, 12, 11, "sends to machine 12; there are machines 0 to 11"},
    {"WideMessage",
     [](auto& cluster, Word asked) {
       send<Word>(cluster, [&](auto id, auto& out) {
         if (id == 2) out.send(Word{0}, asked);
       });
     },
     widest, 2, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideMessageOfSeveralWords",
     [](auto& cluster, Word asked) {
       send<Plain<5>>(cluster, [&](auto id, auto& out) {
         if (id == 5) out.send(Word{11}, {{0, 1, asked, 3, 4}});
       });
     },
     widest, 5, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideMessageWithLengths",
     [](auto& cluster, Word asked) {
       send<Ragged>(cluster, [&](auto id, auto& out) {
         if (id == 5) out.send(Word{11}, {{1, 2}, "", asked});
       });
     },
     widest, 5, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideFixedVariable",
     [](auto& cluster, Word asked) {
       auto pair = cluster.template make<Plain<2>>();
       idle(cluster);
       cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto&) {
         if (me.id().value >= 6) pair[me].words[1] = asked;
       });
     },
     widest, 6, 2, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideRaggedVariable",
     [](auto& cluster, Word asked) {
       auto items = cluster.template make<std::vector<Word>>();
       cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto&) {
         if (me.id().value >= 7) items[me] = {0, asked};
       });
     },
     widest, 7, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideInLocal",
     [](auto& cluster, Word asked) {
       auto word = cluster.template make<Word>();
       idle(cluster);
       cluster.local([&](const mpc::Machine& me) { word[me] = me.id().value == 11 ? asked : 0; });
       idle(cluster);
     },
     widest, 11, 2, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideRaggedInLocal",
     [](auto& cluster, Word asked) {
       auto items = cluster.template make<std::vector<Word>>();
       cluster.local([&](const mpc::Machine& me) { items[me].assign(1, me.id().value == 11 ? asked : 0); });
       idle(cluster);
     },
     widest, 11, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideInLocalThenAsleep",
     [](auto& cluster, Word asked) {
       auto word = cluster.template make<Word>();
       cluster.local([&](const mpc::Machine& me) {
         word[me] = me.id().value == 3 ? asked : 0;
         me.sleep();
       });
       idle(cluster);
     },
     widest, 3, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideInARoundThenAsleep",  // with few awake, the awake are looked at one by one
     [](auto& cluster, Word asked) {
       auto word = cluster.template make<Word>();
       cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto&) {
         word[me] = me.id().value == 3 ? asked : 0;
         me.sleep();
       });
     },
     widest, 3, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideInANewVariableOfASleeper",
     [](auto& cluster, Word asked) {
       cluster.local([](const mpc::Machine& me) { me.sleep(); });
       auto word = cluster.template make<Word>([&](const mpc::Machine& me) { return me.id().value == 3 ? asked : 0; });
       idle(cluster);
     },
     widest, 3, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideInANewRaggedVariableOfASleeper",
     [](auto& cluster, Word asked) {
       cluster.local([](const mpc::Machine& me) { me.sleep(); });
       auto items = cluster.template make<std::vector<Word>>(
           [&](const mpc::Machine& me) { return std::vector<Word>{me.id().value == 3 ? asked : 0}; });
       idle(cluster);
     },
     widest, 3, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideAtTheEnd",
     [](auto& cluster, Word asked) {
       auto word = cluster.template make<Word>();
       cluster.local([&](const mpc::Machine& me) { word[me] = me.id().value == 3 ? asked : 0; });
       cluster.finish();
     },
     widest, 3, 1, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"WideRaggedAtTheEnd",
     [](auto& cluster, Word asked) {
       auto items = cluster.template make<std::vector<Word>>();
       idle(cluster);
       cluster.local([&](const mpc::Machine& me) { items[me].assign(1, me.id().value == 3 ? asked : 0); });
       cluster.finish();
     },
     widest, 3, 2, Resource::word_size, 0, 21, 20, "has a value of 21 bits; a word holds 20 bits"},
    {"Agreement",
     [](auto& cluster, Word asked) {
       idle(cluster);
       cluster.agree([&](const mpc::Machine& me) { return me.id().value < 10 ? Word{70} : asked; });
     },
     70, 10, 2, Resource::agreement, 0, 71, 70, "holds 71 where machine 0 holds 70; all machines must hold the same value"},
};

class Limit : public testing::TestWithParam<Case> {};

TEST_P(Limit, ExactlyAtItPasses) {
  const auto& given = GetParam();
  const auto outcome = attempt_everywhere(model(), [&](auto& cluster) { given.protocol(cluster, given.most); });
  EXPECT_EQ(outcome.text, "");
  EXPECT_EQ(outcome.exit, mpc::Exit::done);
}

TEST_P(Limit, OneMoreIsRefused) {
  const auto& given = GetParam();
  const auto outcome = attempt_everywhere(model(), [&](auto& cluster) {
    const auto label = cluster.scope("here");
    given.protocol(cluster, given.most + 1);
  });
  EXPECT_EQ(outcome.exit, mpc::Exit::over_budget);
  ASSERT_TRUE(outcome.violation.has_value()) << outcome.text;
  const auto& got = *outcome.violation;
  EXPECT_EQ(got.machine, given.machine);
  EXPECT_EQ(got.round, given.round);
  EXPECT_EQ(got.resource, given.resource) << mpc::name(got.resource);
  EXPECT_EQ(got.kept, given.kept);
  EXPECT_EQ(got.wanted, given.wanted);
  EXPECT_EQ(got.allowed, given.allowed);
  EXPECT_EQ(got.label, "here");
  // The rounds before are all there, and nothing of the one that was refused.
  EXPECT_EQ(outcome.completed.rounds.size(), given.round - 1);
  EXPECT_TRUE(outcome.text.ends_with(std::string("): ") + given.text)) << outcome.text;
  EXPECT_TRUE(outcome.text.starts_with(fmt::format("machine {}, round {} (here, ", given.machine, given.round))) << outcome.text;
}

INSTANTIATE_TEST_SUITE_P(Limits, Limit, testing::ValuesIn(cases), [](const auto& test) { return std::string(test.param.name); });

TEST(Refusal, NamesTheLineOfTheRound) {
  int line = 0;
  const auto outcome = attempt_everywhere(model(), [&](auto& cluster) {
    const auto outer = cluster.scope("merge");
    const auto inner = cluster.scope("up");
    idle(cluster);
    line = __LINE__ + 1;
    cluster.template round<Word>(cluster.nothing(), [](const auto& me, auto, auto& out) {
      if (me.id().value == 1) out.send(Word{400}, 0);
    });
  });
  const auto expected =
      fmt::format("machine 1, round 2 (merge/up, {}:{}): sends to machine 400; there are machines 0 to 11", __FILE__, line);
  EXPECT_EQ(outcome.text, expected);
}

TEST(Refusal, TheLowestMachineOfARoundWins) {
  // Whoever comes first on its rank, and whatever it is that the machine did.
  for (const std::uint64_t lowest : {0, 1, 4, 7, 10}) {
    const auto outcome = attempt_everywhere(model(), [&](auto& cluster) {
      auto word = cluster.template make<Word>();
      cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
        const auto id = me.id().value;
        if (id < lowest) return;
        if (id == 11) throw std::runtime_error("late");
        if (id % 3 == 0) word[me] = widest + 1;
        if (id % 3 == 1) out.send(Word{99}, 0);
        if (id % 3 == 2) out.send(Word{0}, widest + 1);
      });
    });
    ASSERT_TRUE(outcome.violation.has_value()) << outcome.text;
    EXPECT_EQ(outcome.violation->machine, lowest);
    EXPECT_EQ(outcome.violation->resource, lowest % 3 == 1 ? Resource::destination : Resource::word_size);
  }
  for (const std::uint64_t lowest : {0, 5, 10}) {  // at the receiving end
    const auto outcome = attempt_everywhere(model(), [&](auto& cluster) {
      send<Word>(cluster, [&](auto id, auto& out) {
        for (auto to = machines; to-- > lowest;) {
          if (to == 11 || to == lowest || to == lowest + 1) out.send(to, id);
        }
      });
    });
    ASSERT_TRUE(outcome.violation.has_value()) << outcome.text;
    EXPECT_EQ(outcome.violation->machine, lowest);
    EXPECT_EQ(outcome.violation->resource, Resource::received);
    EXPECT_EQ(outcome.violation->wanted, machines);
  }
}

TEST(Refusal, TheFirstStepWinsOverALowerMachineOfALaterOne) {
  const auto outcome = attempt_everywhere(model(), [](auto& cluster) {
    idle(cluster);
    cluster.local([](const mpc::Machine& me) {
      if (me.id().value >= 10) throw std::runtime_error("first");
    });
    cluster.local([](const mpc::Machine& me) {
      if (me.id().value == 5) throw std::runtime_error("second");
    });
    send<Word>(cluster, [](auto id, auto& out) {
      if (id == 0) out.send(Word{99}, 0);
    });
  });
  EXPECT_NE(outcome.text.find("machine 10, round 2 "), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("the step threw: first"), std::string::npos) << outcome.text;
}

/// The check at the end of a round must not put a lower machine's wide value before the failure that kept the round from running.
TEST(Refusal, AnEarlierFailureWinsOverTheChecksOfARound) {
  const auto outcome = attempt_everywhere(model(), [](auto& cluster) {
    auto word = cluster.template make<Word>();
    cluster.local([&](const mpc::Machine& me) {
      if (me.id().value == 2) word[me] = widest + 1;
      if (me.id().value == 10) throw std::runtime_error("first");
    });
    idle(cluster);
  });
  EXPECT_NE(outcome.text.find("machine 10, round 1 "), std::string::npos) << outcome.text;
}

/// Refused with what it wanted in all, though only a few words of it were ever stored.
TEST(Refusal, AHugeSendIsCountedNotStored) {
  auto small = model();
  small.memory = mpc::Words{100};
  for (const auto* name : {"in_process", "mpi"}) {
    SCOPED_TRACE(name);
    Carrier carrier(name);
    mpc::Cluster cluster(small, *carrier);
    auto three = cluster.make<Plain<3>>();
    const auto wanted = [&](auto&& round) {
      try {
        round();
      } catch (const mpc::ViolationError& error) {
        EXPECT_EQ(error.violation().machine, 3U);
        EXPECT_EQ(error.violation().allowed, 100U);
        EXPECT_EQ(error.violation().kept, 3U);
        return error.violation().wanted;
      }
      return std::uint64_t{0};
    };
    constexpr Word messages = 100'000'000;
    EXPECT_EQ(wanted([&] {
                send<Word>(cluster, [](auto id, auto& out) {
                  for (Word i = 0; id == 3 && i < messages; ++i) out.send(i % machines, i % 100);
                });
              }),
              messages + 3);
    mpc::Cluster second(small, *carrier);
    auto again = second.make<Plain<3>>();
    EXPECT_EQ(wanted([&] {
                const std::vector<Word> message(999);
                send<std::vector<Word>>(second, [&](auto id, auto& out) {
                  for (Word i = 0; id == 3 && i < 10'000; ++i) out.send(i % machines, message);
                });
              }),
              10'000'003U);
  }
}

}  // namespace
}  // namespace tests
