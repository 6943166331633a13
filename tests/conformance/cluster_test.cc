#include "mpc/cluster.h"

#include <gtest/gtest.h>

#include "tests/support/traffic.h"
#include "tests/support/transports.h"

namespace tests {
namespace {

/// The cluster's members, on every transport. Counts are summed over the ranks, so that each assertion is about all machines.
class Cluster : public testing::TestWithParam<const char*> {
 protected:
  Cluster() : carrier(GetParam()) {}

  mpc::Cluster cluster(std::uint64_t machines) {
    mpc::Model model;
    model.machines = machines;
    model.memory = mpc::Words{100};
    model.word_bits = 20;
    return mpc::Cluster(model, *carrier);
  }

  Carrier carrier;
};

std::vector<std::uint64_t> on_all_ranks(mpc::Cluster& cluster, std::vector<std::uint64_t> counts) {
  cluster.transport().ranks().reduce(counts, mpc::Reduction::sum);
  return counts;
}

TEST_P(Cluster, EveryMachineIsOnOneRank) {
  for (const std::uint64_t machines : {1, 2, 3, 4, 5, 6, 7, 64, 65}) {
    auto all = cluster(machines);
    std::vector<std::uint64_t> runs(machines, 0);
    auto mine = all.make<Word>([&](const mpc::Machine& me) {
      ++runs[me.id().value];
      return me.id().value + 10;
    });
    all.local([&](const mpc::Machine& me) { EXPECT_EQ(mine[me], me.id().value + 10); });
    EXPECT_EQ(on_all_ranks(all, runs), std::vector<std::uint64_t>(machines, 1));
    std::vector<std::uint64_t> seen(machines, 0);
    all.inspect([&](const mpc::Machine& me) { seen[me.id().value] += mine[me]; });
    seen = on_all_ranks(all, seen);
    for (std::uint64_t m = 0; m < machines; ++m) EXPECT_EQ(seen[m], m + 10);
    all.finish();
  }
}

TEST_P(Cluster, AVariableStartsAsZero) {
  auto all = cluster(9);
  auto word = all.make<Word>();
  auto list = all.make<std::vector<Word>>();
  auto pair = all.make<Plain<2>>();
  std::uint64_t seen = 0;
  all.local([&](const mpc::Machine& me) {
    ++seen;
    EXPECT_EQ(word[me], 0U);
    EXPECT_TRUE(list[me].empty());
    EXPECT_EQ(pair[me], Plain<2>{});
  });
  EXPECT_EQ(all.total(seen), 9U);
}

TEST_P(Cluster, AgreeGivesTheValueAndCostsNothing) {
  auto all = cluster(7);
  auto word = all.make<Word>([](const mpc::Machine&) { return Word{41}; });
  EXPECT_EQ(all.agree([&](const mpc::Machine& me) { return word[me]; }), 41U);
  EXPECT_EQ(all.agree([](const mpc::Machine&) { return Word{0}; }), 0U);
  EXPECT_EQ(all.agree([](const mpc::Machine&) { return ~Word{0}; }), ~Word{0});
  // The sleepers are asked too.
  all.local([](const mpc::Machine& me) { me.sleep(); });
  std::uint64_t asked = 0;
  all.agree([&](const mpc::Machine&) { return ++asked, Word{5}; });
  EXPECT_EQ(all.total(asked), 7U);
  EXPECT_EQ(all.rounds(), 0U);
  EXPECT_TRUE(all.finish().rounds.empty());
}

TEST_P(Cluster, ASleeperRunsNoStepUntilAMessageComes) {
  constexpr std::uint64_t machines = 11;
  auto all = cluster(machines);
  const auto none = std::vector<std::uint64_t>(machines, 0);
  const auto everyone = std::vector<std::uint64_t>(machines, 1);
  const auto only = [&](std::initializer_list<std::uint64_t> ids) {
    auto runs = none;
    for (const auto id : ids) runs[id] = 1;
    return runs;
  };

  auto runs = none;
  const auto count = [&](const mpc::Machine& me) { ++runs[me.id().value]; };
  const auto take = [&] { return on_all_ranks(all, std::exchange(runs, none)); };

  // Falls asleep in a round, and is woken by a message of the same round.
  auto mail = all.round<Word>(all.nothing(), [&](const auto& me, auto, auto& out) {
    count(me);
    me.sleep();
    if (me.id().value == 3) out.send(Word{8}, 1);
  });
  EXPECT_EQ(take(), everyone);
  all.local(mail, [&](const auto& me, auto inbox) {
    count(me);
    EXPECT_EQ(inbox.size(), 1U);
  });
  EXPECT_EQ(take(), only({8}));

  // Awake until it says otherwise.
  for (int i = 0; i < 2; ++i) {
    all.round<Word>(all.nothing(), [&](const auto& me, auto, auto&) { count(me); });
    EXPECT_EQ(take(), only({8}));
  }

  // A message wakes for the next round; its sender falls asleep in between.
  mail = all.round<Word>(all.nothing(), [&](const auto& me, auto, auto& out) {
    count(me);
    out.send(Word{10}, 2);
    out.send(Word{0}, 2);
  });
  EXPECT_EQ(take(), only({8}));
  all.local([&](const auto& me) {
    if (me.id().value == 8) me.sleep();
  });
  mail = all.round<Word>(mail, [&](const auto& me, auto inbox, auto&) {
    count(me);
    EXPECT_EQ(inbox.size(), 1U);
    me.sleep();
  });
  EXPECT_EQ(take(), only({0, 10}));

  // All asleep: rounds still count.
  all.round<Word>(mail, [&](const auto& me, auto, auto&) { count(me); });
  all.local([&](const auto& me) { count(me); });
  EXPECT_EQ(take(), none);
  EXPECT_EQ(all.finish().rounds.size(), 6U);
}

TEST_P(Cluster, AMessageOfNothingArrives) {
  auto all = cluster(5);
  auto mail = all.round<mpc::Nothing>(all.nothing(), [](const auto& me, auto, auto& out) {
    if (me.id().value < 3) out.send(Word{4}, {});
  });
  std::vector<std::uint64_t> letters(5, 0);
  all.local(mail, [&](const auto& me, auto inbox) { letters[me.id().value] = inbox.size(); });
  EXPECT_EQ(on_all_ranks(all, letters), (std::vector<std::uint64_t>{0, 0, 0, 0, 3}));
  EXPECT_EQ(all.finish().rounds[0].words, 3U);
}

TEST_P(Cluster, AnInboxCanBeReadUntilTheNextRound) {
  auto all = cluster(4);
  auto mail = all.round<Word>(all.nothing(), [](const auto& me, auto, auto& out) { out.send(Word{3} - me.id().value, me.id().value); });
  std::uint64_t reads = 0;
  for (int i = 0; i < 3; ++i) {
    all.local(mail, [&](const auto& me, auto inbox) {
      for (const auto& [source, word] : inbox) reads += source.value + me.id().value == 3 && word == source.value;
    });
  }
  EXPECT_EQ(all.total(reads), 12U);
  const auto stale = mail;
  mail = all.round<Word>(mail, [&](const auto&, auto, auto&) {});
  all.local(mail, [](const auto&, auto) {});
  EXPECT_THROW(all.local(stale, [](const auto&, auto) {}), std::logic_error);
  EXPECT_THROW(all.round<Word>(stale, [](const auto&, auto, auto&) {}), std::logic_error);
}

TEST_P(Cluster, AVariableIsChargedAsLongAsItLives) {
  auto all = cluster(3);
  const auto kept = [&] {
    all.round<Word>(all.nothing(), [](const auto&, auto, auto&) {});
    return all.completed().rounds.back().max_kept;
  };
  EXPECT_EQ(kept(), 0U);
  {
    auto three = all.make<Plain<3>>();
    EXPECT_EQ(kept(), 3U);
    auto ragged = all.make<std::vector<Word>>([](const mpc::Machine&) { return std::vector<Word>(4); });
    EXPECT_EQ(kept(), 8U);
    {
      auto mixed = all.make<Mixed>();
      EXPECT_EQ(kept(), 11U);
    }
    EXPECT_EQ(kept(), 8U);
    all.local([&](const mpc::Machine& me) { ragged[me].clear(); });
    EXPECT_EQ(kept(), 4U);
    auto moved = std::move(three);
    EXPECT_EQ(kept(), 4U);
  }
  EXPECT_EQ(kept(), 0U);
}

TEST_P(Cluster, LabelsNest) {
  auto all = cluster(2);
  const auto round = [&] { all.round<Word>(all.nothing(), [](const auto&, auto, auto&) {}); };
  round();
  {
    const auto a = all.scope("a");
    round();
    {
      const auto b = all.scope("b");
      round();
    }
    const auto c = all.scope("c");
    round();
  }
  round();
  std::string labels;
  for (const auto& entry : all.finish().rounds) labels += entry.label + ' ';
  EXPECT_EQ(labels, "round a a/b a/c round ");
}

INSTANTIATE_TEST_SUITE_P(Transports, Cluster, testing::ValuesIn(all_transports), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, ' ', '_');
  return name;
});

}  // namespace
}  // namespace tests
