#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "mpc/primitives/broadcast.h"
#include "mpc/primitives/gather.h"
#include "mpc/primitives/key_owners.h"
#include "mpc/primitives/lookup.h"
#include "mpc/primitives/neighbourhood_reduction.h"

#include "tests/mpc/primitives/bounded.h"

namespace tests {
namespace {

using mpc::Word;

/// A protocol that leans on the order of arrival fails here.
class Primitives : public testing::Test {
 protected:
  mpc::InProcess in_process;
  mpc::Scrambled transport{in_process, 3};
};

using Broadcast = Primitives;
TEST_F(Broadcast, ReachesAllInTheDeclaredRounds) {
  for (const std::uint64_t machines : {1, 2, 3, 4, 9, 10, 64, 100, 243, 244}) {
    for (const std::uint64_t fan_out : {1, 2, 3, 10, 500}) {
      for (const auto root : {std::uint64_t{0}, machines / 2, machines - 1}) {
        SCOPED_TRACE(std::to_string(machines) + " machines, fan-out " + std::to_string(fan_out) + ", root " + std::to_string(root));
        mpc::Cluster cluster(model(machines, 4000), transport);
        using Value = std::vector<Word>;
        auto value = cluster.make<Value>([&](const mpc::Machine& me) { return me.id().value == root ? Value{5, 6, 7} : Value{1}; });
        mpc::broadcast<Value>(cluster, value, mpc::MachineId{root}, fan_out);
        cluster.inspect([&](const mpc::Machine& me) { EXPECT_EQ(value[me], (Value{5, 6, 7})); });
        const auto ledger = cluster.finish();
        // By hand: (1 + fan_out)^R >= q, and R is the least such.
        EXPECT_EQ(ledger.rounds.size(), mpc::broadcast_rounds(machines, fan_out));
        double reached = 1;
        for (std::size_t r = 0; r + 1 < ledger.rounds.size(); ++r) reached *= static_cast<double>(1 + fan_out);
        if (machines > 1) {
          EXPECT_LT(reached, static_cast<double>(machines));
          EXPECT_GE(reached * static_cast<double>(1 + fan_out), static_cast<double>(machines));
        }
        EXPECT_LE(ledger.max_sent(), fan_out * 4);
        EXPECT_LE(ledger.max_received(), 4U);  // nobody hears it twice in a round
        EXPECT_EQ(ledger.messages(), machines - 1);
      }
    }
  }
}

using Gather = Primitives;
TEST_F(Gather, BringsEveryItemInOrder) {
  for (const std::uint64_t machines : {1, 2, 7, 40}) {
    const auto root = machines / 3;
    mpc::Cluster cluster(model(machines, 200), transport);
    const auto items_of = [](std::uint64_t machine) {
      std::vector<Word> items(machine % 4);
      for (std::size_t i = 0; i < items.size(); ++i) items[i] = 10 * machine + i;
      return items;
    };
    auto mail = mpc::gather<Word>(cluster, mpc::MachineId{root}, [&](const mpc::Machine& me) { return items_of(me.id().value); });
    std::vector<std::pair<std::uint64_t, Word>> expected, got;
    for (std::uint64_t m = 0; m < machines; ++m) {
      for (const auto item : items_of(m)) expected.emplace_back(m, item);
    }
    cluster.local(mail, [&](const auto& me, auto inbox) {
      if (me.id().value != root) {
        EXPECT_TRUE(inbox.empty());
      }
      for (const auto& [source, item] : inbox) got.emplace_back(source.value, item);
    });
    EXPECT_EQ(got, expected);
    const auto ledger = cluster.finish();
    EXPECT_EQ(ledger.rounds.size(), 1U);
    EXPECT_EQ(ledger.max_received(), expected.size());
  }
}

TEST(KeyOwners, CutTheKeysEvenly) {
  for (const std::uint64_t machines : {1, 2, 3, 7, 64, 1000}) {
    for (const std::uint64_t keys : {0, 1, 2, 6, 7, 8, 999, 1000, 1001, 5000}) {
      const mpc::KeyOwners owners(keys, machines);
      std::vector<std::uint64_t> slots(machines, 0);
      for (std::uint64_t key = 0; key < keys; ++key) {
        const auto owner = owners.owner(key);
        ASSERT_LT(owner.value, machines);
        ASSERT_EQ(owners.key(owner, owners.slot(key)), key);
        ASSERT_LT(owners.slot(key), owners.slots(owner));
        ASSERT_EQ(owners.position(key), owner.value * owners.most_slots() + owners.slot(key));
        ASSERT_EQ(owners.key_at(owners.position(key)), key);
        ++slots[owner.value];
      }
      for (std::uint64_t m = 0; m < machines; ++m) {
        ASSERT_EQ(slots[m], owners.slots(mpc::MachineId{m}));
        ASSERT_LE(slots[m], owners.most_slots());
      }
      EXPECT_EQ(owners.most_slots(), (keys + machines - 1) / machines);
    }
  }
}

/// Distinct keys of a machine, owner by owner.
std::vector<Word> keys_of(std::uint64_t machine, const mpc::KeyOwners& owners, bool hot) {
  std::set<Word> chosen;
  if (hot) chosen.insert(owners.keys() / 2);
  for (std::uint64_t i = 0; i < mpc::mix(machine) % 6; ++i) chosen.insert(mpc::mix(machine * 100 + i) % owners.keys());
  std::vector<Word> keys(chosen.begin(), chosen.end());
  std::ranges::sort(keys, {}, [&](Word key) { return std::pair(owners.owner(key), key); });
  return keys;
}

using Lookup = Primitives;
TEST_F(Lookup, AnswersEveryKey) {
  for (const bool hot : {false, true}) {
    for (const std::uint64_t machines : {1, 2, 5, 33}) {
      for (const std::uint64_t keys : {1, 7, 100}) {
        SCOPED_TRACE(std::to_string(machines) + " machines, " + std::to_string(keys) + " keys");
        const mpc::KeyOwners owners(keys, machines);
        mpc::Cluster cluster(model(machines, 500), transport);
        auto table = cluster.make<std::vector<Word>>([&](const mpc::Machine& me) {
          std::vector<Word> slots(owners.slots(me.id()));
          for (std::size_t slot = 0; slot < slots.size(); ++slot) slots[slot] = 3 * owners.key(me.id(), slot) + 1;
          return slots;
        });
        std::uint64_t answers = 0, asked = 0;
        for (std::uint64_t m = 0; m < machines; ++m) asked += keys_of(m, owners, hot).size();
        mpc::lookup(
            cluster, owners, [&](const auto& me) { return keys_of(me.id().value, owners, hot); },
            [&](const auto& me, Word slot) { return table[me].at(slot); },
            [&](const auto& me, std::size_t i, Word word) {
              ++answers;
              EXPECT_EQ(word, 3 * keys_of(me.id().value, owners, hot).at(i) + 1);
            });
        EXPECT_EQ(answers, asked);
        const auto ledger = cluster.finish();
        EXPECT_EQ(ledger.rounds.size(), 2U);
        EXPECT_EQ(ledger.words(), 2 * asked);
        if (hot) {
          EXPECT_GE(ledger.max_received(), machines);
        }
      }
    }
  }
}

struct Larger {
  Word operator()(Word a, Word b) const { return mpc::max(a, b); }
};

/// The largest note and the sum of the values; note 0 wants no answer.
struct SumOfValues {
  mpc::Knowledge merge(Word, mpc::Knowledge a, mpc::Knowledge b) const { return {mpc::max(a.note, b.note), a.value + b.value}; }
  bool wants(Word, mpc::Knowledge known) const { return known.note != 0; }
};

/// Nobody wants an answer.
struct OnlyTold : SumOfValues {
  bool wants(Word, mpc::Knowledge) const { return false; }
};

using Neighbourhood = Primitives;
/// Several reductions in a row, the first with nothing riding along, then with an all-reduce of as many rounds as it takes; by one level,
/// and by trees of two and three.
TEST_F(Neighbourhood, CombinesAnswersAndLetsAReductionRide) {
  constexpr Word notes = 3;
  for (const bool hot : {false, true}) {
    for (const std::uint64_t machines : {1, 2, 3, 5, 33, 100}) {
      for (const std::uint64_t keys : {1, 7, 100}) {
        for (const std::uint64_t levels : {1, 2, 3}) {
          // Sums of up to 100 values below 1000 are values here.
          auto with = model(machines, hot && levels == 1 ? 2 * machines + 100 : 1600);
          with.word_bits = 40;
          SCOPED_TRACE(testing::Message() << machines << " machines, " << keys << " keys, " << levels << " levels");
          const mpc::KeyOwners owners(keys, machines);
          const mpc::CombiningTree tree(owners, levels);
          mpc::Cluster cluster(with, transport);
          mpc::RidingAllReduce rider(cluster, Larger{});
          mpc::NeighbourhoodReduction reduction(cluster, tree, rider, notes);
          EXPECT_EQ(reduction.rounds(), 2 * levels);
          EXPECT_FALSE(rider.finished());
          std::uint64_t most_keys = 0;
          for (std::uint64_t m = 0; m < machines; ++m) most_keys = std::max(most_keys, keys_of(m, owners, hot).size());
          const auto value = [](std::uint64_t machine, Word key, int turn) {
            return (machine * 7 + key * 3 + static_cast<Word>(turn)) % 1000;
          };
          const auto note = [](std::uint64_t machine, Word key) { return (machine + key) % notes; };
          const auto own = [](std::uint64_t machine, int turn) { return mpc::mix(machine + static_cast<Word>(turn)) >> 40; };
          int started = -1, finished = 0;
          constexpr int turns = 14;
          for (int turn = 0; turn < turns; ++turn) {
            if (turn > 0 && !rider.running()) {
              started = turn;
              rider.start([&](const auto& me) { return own(me.id().value, turn); });
            }
            // The answer by one process: who knows something about a key.
            std::map<Word, mpc::Knowledge> expected;
            for (std::uint64_t m = 0; m < machines; ++m) {
              for (const auto key : keys_of(m, owners, hot)) {
                expected[key].value += value(m, key, turn);
                expected[key].note = std::max(expected[key].note, note(m, key));
              }
            }
            const auto questions = [&](const auto& me, auto&& ask) {
              const auto id = me.id().value;
              for (const auto key : keys_of(id, owners, hot)) ask(key, note(id, key), value(id, key, turn));
            };
            std::uint64_t uses = 0;
            std::set<Word> answered;
            const auto check = [&](const auto& me, Word key, mpc::Knowledge known) {
              EXPECT_EQ(owners.owner(key), me.id());
              EXPECT_TRUE(answered.insert(key).second) << "a second time key " << key;
              EXPECT_EQ(known.note, expected[key].note);
              EXPECT_EQ(known.value, expected[key].value);
              return known.value;
            };
            if (turn % 5 == 4) {
              auto told = reduction.up(questions, OnlyTold{});
              reduction.collect(told, OnlyTold{}, check);
            } else {
              auto asked = reduction.up(questions, SumOfValues{});
              reduction.down(asked, questions, SumOfValues{}, check, [&](const auto& me, std::span<const Word> answers) {
                ++uses;
                const auto id = me.id().value;
                std::vector<Word> wanted;
                for (const auto key : keys_of(id, owners, hot)) {
                  if (note(id, key) != 0) wanted.push_back(expected[key].value);
                }
                EXPECT_TRUE(std::ranges::equal(answers, wanted)) << "machine " << id << ", turn " << turn;
              });
              EXPECT_EQ(uses, machines);
            }
            EXPECT_EQ(answered.size(), expected.size());
            if (rider.finished()) {
              ++finished;
              EXPECT_FALSE(rider.finished());
              Word largest = 0;
              for (std::uint64_t m = 0; m < machines; ++m) largest = std::max(largest, own(m, started));
              cluster.local([&](const auto& me) { EXPECT_EQ(rider.result(me), largest); });
            }
          }
          EXPECT_GE(finished, 4);
          const auto ledger = cluster.finish();
          // Two of the fourteen turns have no way down.
          EXPECT_EQ(ledger.rounds.size(), levels * (2U * turns - 2));
          EXPECT_EQ(ledger.rounds[0].label, "up");
          EXPECT_EQ(ledger.rounds[levels].label, "down");
          EXPECT_LE(ledger.rounds[0].max_sent, most_keys);
          if (levels == 1) {
            EXPECT_EQ(ledger.max_kept(), 2U);
            for (const auto& round : ledger.rounds) {
              if (round.label == "up") {
                EXPECT_LE(round.max_sent, most_keys + rider.words(with));
              }
            }
          }
          if (hot && levels == 1) {
            EXPECT_GE(ledger.rounds[0].max_received, machines);
          }
          // What one combiner gets about all keys: hot ones are few.
          if (hot && levels == 2 && machines == 100) {
            EXPECT_LT(ledger.rounds[0].max_received, machines);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace tests
