#include <filesystem>
#include <optional>

#include <gtest/gtest.h>

#include "mpc/primitives/all_reduce.h"

#include "tests/mpc/checkpoint/runs.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/traffic.h"

namespace tests {
namespace {

constexpr int rank_counts[] = {1, 2, 3, 5};

/// Random traffic with sleepers, written at every round and resumed from every round on every number of ranks.
template <class T>
class ResumedTraffic : public testing::Test {};

using Messages = testing::Types<Word, Plain<5>, Mixed, Ragged, Ping>;
TYPED_TEST_SUITE(ResumedTraffic, Messages);

TYPED_TEST(ResumedTraffic, IsTheUndisturbedOne) {
  for (const std::uint64_t machines : {13, 3}) {
    const auto traffic = make_traffic<TypeParam>(machines, 2);
    const auto undisturbed = run_on({}, traffic.model(), [&](auto& cluster) {
      Surprises surprises;
      execute(traffic, cluster, surprises);
      return surprises.count;
    });
    for (const auto writers : rank_counts) {
      const TemporaryFolder folder;
      const auto play = [&](const RunPlan& plan, std::size_t resumed_after) {
        SCOPED_TRACE(std::to_string(machines) + " machines, " + std::to_string(writers) + " ranks, after round " +
                     std::to_string(resumed_after) + " " + std::to_string(plan.ranks) + " ranks");
        const auto run = run_on(plan, traffic.model(), [&](auto& cluster) {
          Surprises surprises;
          execute(traffic, cluster, surprises, resumed_after);
          EXPECT_EQ(surprises.count, 0U) << surprises.first;
          return surprises.count;
        });
        EXPECT_EQ(run.ledger.digest(), undisturbed.ledger.digest());
        auto expected = undisturbed.memory;
        std::erase_if(expected, [&](const auto& entry) {
          return entry.first.first < resumed_after || (entry.first.first == resumed_after && resumed_after != traffic.rounds.size());
        });
        EXPECT_EQ(run.memory, expected);
      };
      play({.ranks = writers, .write = folder.path()}, 0);
      for (std::size_t round = 1; round <= traffic.rounds.size(); ++round) {
        const auto readers = rank_counts[(round + static_cast<std::size_t>(writers)) % std::size(rank_counts)];
        play({.ranks = readers, .resume = checkpoint_of(folder.path(), round)}, round);
      }
      play({.ranks = 6 - writers, .resume = folder.path()}, traffic.rounds.size());
    }
  }
}

/// A protocol whose course is agree() and total(), whose variables come and go, and whose machines fall asleep and are woken; the types
/// of its messages change. Its answer depends on all of it.
template <class Cluster>
Word wander(Cluster& cluster) {
  const auto q = cluster.model().machines;
  auto sum = cluster.template make<Word>([](const mpc::Machine& me) { return me.id().value + 1; });
  std::optional<mpc::PerMachine<std::vector<Word>>> list;
  Word answer = 0;
  for (Word i = 0; i < 6; ++i) {
    if (i == 1)
      list.emplace(cluster.template make<std::vector<Word>>([](const auto& me) { return std::vector<Word>(me.id().value % 4, 7); }));
    if (i == 4) list.reset();
    auto passing = cluster.template make<Plain<3>>([&](const auto& me) { return Plain<3>{{me.id().value, i, 0}}; });
    const auto phase = cluster.scope("wander " + std::to_string(i % 2));
    auto said = cluster.template round<Ragged>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      const auto id = me.id().value;
      if (id % 3 == i % 3) out.send((id * 5 + i) % q, Ragged{std::vector<Word>(id % 3, sum[me] % 1000), "x", std::nullopt});
      if (id % 5 == 2) me.sleep();
    });
    if (i % 2 == 0) {
      auto pings = cluster.template round<mpc::Nothing>(said, [&](const auto& me, auto inbox, auto& out) {
        for (const auto& [source, message] : inbox) passing[me].words[2] += source.value + message.items.size();
        for (const auto& [source, message] : inbox) out.send(source, {});
      });
      Word pinged = 0;
      cluster.local(pings, [&](const auto& me, auto inbox) {
        pinged += inbox.size();
        sum[me] += inbox.size() + passing[me].words[2];
        if (list) (*list)[me].resize(inbox.size() % 3, i);
        if (me.id().value % 7 == 1) me.sleep();
      });
      answer = answer * 31 + cluster.total(pinged);
    } else {
      cluster.local(said, [&](const auto& me, auto inbox) { sum[me] += inbox.size() + passing[me].words[0]; });
    }
    // A shared variable is what the course may depend on.
    auto whole = cluster.template make<Word>([&](const auto& me) { return sum[me] % 64; });
    if (i % 3 == 2) {
      // An all-reduce needs all machines: the first, which never sleeps, wakes them.
      cluster.template round<mpc::Nothing>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
        for (Word k = 0; k < q && me.id().value == 0; ++k) out.send(k, {});
      });
      mpc::all_reduce(cluster, whole, [](Word a, Word b) { return (a + b) % 64; });
      const auto seen = cluster.agree([&](const auto& me) { return whole[me]; });
      answer = answer * 31 + seen;
      if (seen % 2 == 0)
        cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) { out.send(Word{0}, sum[me] % 64); });
    }
  }
  Word kept = 0;
  cluster.inspect([&](const auto& me) { kept += sum[me]; });
  return answer * 31 + cluster.total(kept);
}

mpc::Model wandering(std::uint64_t machines) {
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{60};
  model.word_bits = 40;
  return model;
}

TEST(Resume, VariablesThatComeAndGoAndACourseByAgreement) {
  for (const std::uint64_t machines : {11, 2}) {
    const auto model = wandering(machines);
    const auto undisturbed = run_on({}, model, [](auto& cluster) { return wander(cluster); });
    const auto rounds = undisturbed.ledger.rounds.size();
    ASSERT_GE(rounds, 12U);
    for (const auto writers : rank_counts) {
      const TemporaryFolder folder, next;
      const auto written = run_on({.ranks = writers, .write = folder.path()}, model, [](auto& cluster) { return wander(cluster); });
      EXPECT_EQ(written.memory, undisturbed.memory);
      for (std::size_t round = 1; round <= rounds; ++round) {
        const auto readers = rank_counts[(round + static_cast<std::size_t>(writers)) % std::size(rank_counts)];
        SCOPED_TRACE("round " + std::to_string(round) + " of " + std::to_string(writers) + " ranks on " + std::to_string(readers));
        const auto run =
            run_on({.ranks = readers, .resume = checkpoint_of(folder.path(), round)}, model, [](auto& cluster) { return wander(cluster); });
        EXPECT_EQ(run.answer, undisturbed.answer);
        EXPECT_EQ(run.ledger.digest(), undisturbed.ledger.digest());
        for (const auto& [key, words] : run.memory) EXPECT_EQ(words, undisturbed.memory.at(key));
        EXPECT_EQ(run.memory.size(), (rounds - std::min(round, rounds - 1)) * machines);
        ASSERT_EQ(run.ledger.rounds.size(), rounds);
        for (std::size_t r = 0; r < rounds; ++r) {
          EXPECT_EQ(run.ledger.rounds[r].site, undisturbed.ledger.rounds[r].site);
          if (r < round) {
            EXPECT_NEAR(run.ledger.rounds[r].seconds.all(), written.ledger.rounds[r].seconds.all(), 1e-6);
          }
        }
      }
      // Interrupted again and again, on other numbers of ranks: the last one has been written by five runs.
      auto from = checkpoint_of(folder.path(), 2);
      for (const std::uint64_t every : {3, 4, 5, 7}) {
        const auto to = next.path() / std::to_string(every);
        const auto ranks = rank_counts[(every + static_cast<std::size_t>(writers)) % std::size(rank_counts)];
        const auto run =
            run_on({.ranks = ranks, .write = to, .resume = from, .every = every}, model, [](auto& cluster) { return wander(cluster); });
        EXPECT_EQ(run.ledger.digest(), undisturbed.ledger.digest());
        EXPECT_EQ(run.answer, undisturbed.answer);
        from = checkpoint_of(to, every);
      }
    }
  }
}

TEST(Resume, TheLastTwoCheckpointsAreKeptAndNothingElse) {
  const TemporaryFolder folder;
  const auto names = [&] {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) all.push_back(entry.path().filename().string());
    std::ranges::sort(all);
    return all;
  };
  const auto model = wandering(4);
  const auto wandered = [](auto& cluster) { return wander(cluster); };
  const auto undisturbed = run_on({}, model, wandered);
  std::filesystem::create_directory(folder.path() / ".writing-round-000009");  // a run was killed while it wrote
  run_on({.ranks = 2, .write = folder.path(), .every = 4, .keep = 2}, model, wandered);
  const auto last_two = [&](std::size_t every) {
    const auto last = undisturbed.ledger.rounds.size() / every * every;
    return std::vector<std::string>{checkpoint_of("", last - every).string(), checkpoint_of("", last).string()};
  };
  EXPECT_EQ(names(), last_two(4));
  // From the older one, on in the same folder: the newer one is replaced.
  run_on({.write = folder.path(), .resume = folder.path() / last_two(4).front(), .every = 2, .keep = 2}, model, wandered);
  EXPECT_EQ(names(), last_two(2));
  EXPECT_EQ(run_on({.ranks = 3, .resume = folder.path()}, model, wandered).ledger.digest(), undisturbed.ledger.digest());
}

// What the protocol took out of its machines is not in a checkpoint: there is none after that.
TEST(Resume, NoCheckpointIsWrittenAfterInspecting) {
  const TemporaryFolder folder;
  const auto protocol = [](auto& cluster) {
    const auto round = [&] {
      cluster.template round<Word>(cluster.nothing(), [](const auto& me, auto, auto& out) { out.send(Word{0}, me.id().value); });
    };
    Word seen = 0;
    round();
    cluster.inspect([&](const auto& me) { seen += me.id().value; });
    round();
    round();
    return cluster.total(seen);
  };
  const auto model = wandering(5);
  EXPECT_EQ(run_on({.ranks = 2, .write = folder.path()}, model, protocol).answer, 10U);
  EXPECT_EQ(mpc::CheckpointFolder(folder.path()).rounds(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(run_on({.resume = folder.path()}, model, protocol).answer, 10U);
}

// A violation after a checkpoint: the checkpoint stays, and the run that is resumed comes to the same violation.
TEST(Resume, AViolationLeavesTheLastCheckpoint) {
  const TemporaryFolder folder;
  const auto protocol = [](auto& cluster) {
    for (Word i = 0; i < 5; ++i) {
      cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
        for (Word k = 0; k < (i == 4 && me.id().value == 3 ? 61U : 1U); ++k) out.send(Word{k % 2}, k);
      });
    }
    return Word{0};
  };
  const auto model = wandering(6);
  const auto written = refusal_of({.ranks = 3, .write = folder.path(), .every = 2, .keep = 2}, model, protocol);
  EXPECT_EQ(written.exit, mpc::Exit::over_budget);
  EXPECT_TRUE(written.text.starts_with("machine 3, round 5 (")) << written.text;
  EXPECT_EQ(mpc::CheckpointFolder(folder.path()).rounds(), (std::vector<std::uint64_t>{4, 2}));
  for (const auto round : {4, 2}) {
    const auto resumed = refusal_of({.ranks = 2, .resume = checkpoint_of(folder.path(), round)}, model, protocol);
    EXPECT_EQ(resumed.exit, mpc::Exit::over_budget);
    EXPECT_EQ(resumed.text, written.text);
  }
}

}  // namespace
}  // namespace tests
