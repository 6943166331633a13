#include "mpc/primitives/sort.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "tests/mpc/primitives/bounded.h"

namespace tests {
namespace {

using mpc::Word;

const std::vector<std::uint64_t> machine_counts{1, 2, 3, 4, 5, 7, 16, 31, 64, 100, 1000};

enum class Keys { random, few, equal, ascending, descending, one_machine, blocks };
constexpr Keys all_keys[] = {Keys::random, Keys::few, Keys::equal, Keys::ascending, Keys::descending, Keys::one_machine, Keys::blocks};

Word key_at(Keys keys, std::uint64_t machine, std::uint64_t i, std::uint64_t machines, std::uint64_t items) {
  const auto place = machine * items + i;
  switch (keys) {
    case Keys::random: return mpc::mix(place) >> 44;
    case Keys::few: return mpc::mix(place) % 5;
    case Keys::equal: return 7;
    case Keys::ascending: return place;
    case Keys::descending: return machines * items - place;
    case Keys::one_machine: return mpc::mix(place) >> 44;
    case Keys::blocks: return i * machines + machine;
  }
  return 0;
}

/// Items of two words: a key, and where it was.
struct Item {
  Word key{}, place{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& key& place;
  }
  friend bool operator==(const Item&, const Item&) = default;
};

std::vector<std::vector<Item>> items_of(Keys keys, std::uint64_t machines, std::uint64_t items) {
  std::vector<std::vector<Item>> all(machines);
  for (std::uint64_t m = 0; m < machines; ++m) {
    const auto count = keys == Keys::one_machine ? (m == machines / 2 ? items : 0) : keys == Keys::few ? mpc::mix(m) % (items + 1) : items;
    for (std::uint64_t i = 0; i < count; ++i) all[m].push_back({key_at(keys, m, i, machines, items), m * items + i});
  }
  return all;
}

/// Sorts, and expects the order of one process, stable; and every machine within what the plan says.
mpc::Ledger check(const mpc::Model& with, const mpc::SortPlan& plan, Keys keys, std::uint64_t items, bool balance = false,
                  bool stable = true) {
  SCOPED_TRACE(std::to_string(with.machines) + " machines of " + std::to_string(with.memory.count) + " words, " + std::to_string(items) +
               " items each, keys " + std::to_string(static_cast<int>(keys)));
  const auto input = items_of(keys, with.machines, items);
  std::vector<Item> expected, got;
  for (const auto& some : input) expected.insert(expected.end(), some.begin(), some.end());
  std::ranges::stable_sort(expected, {}, &Item::key);
  return run_on(with, [&](mpc::Cluster& cluster) {
    auto mine = cluster.make<std::vector<Item>>([&](const auto& me) { return input[me.id().value]; });
    mpc::sort<Item>(
        cluster, mine, [](const Item& item) { return item.key; }, plan);
    EXPECT_EQ(cluster.rounds(), plan.rounds());
    const auto block = std::max<std::uint64_t>(1, (expected.size() + with.machines - 1) / with.machines);
    if (balance) mpc::rebalance<Item>(cluster, mine, expected.size(), 1);
    cluster.inspect([&](const auto& me) {
      if (balance) {
        EXPECT_EQ(got.size(), std::min<std::uint64_t>(expected.size(), me.id().value * block));
      } else {
        EXPECT_LE(mine[me].size(), plan.most_items_after());
      }
      got.insert(got.end(), mine[me].begin(), mine[me].end());
    });
    if (!stable) {  // the same keys in the same places, and the same items
      EXPECT_TRUE(std::ranges::equal(got, expected, {}, &Item::key, &Item::key));
      const auto both = [](const Item& item) { return std::pair(item.key, item.place); };
      std::ranges::sort(got, {}, both);
      std::ranges::sort(expected, {}, both);
    }
    EXPECT_TRUE(got == expected);
  });
}

mpc::Model sort_model(std::uint64_t machines, std::uint64_t memory) {
  auto with = model(machines, memory);
  with.word_bits = 44;
  return with;
}

TEST(Sort, MergesAtItsLeastMemoryForEveryNumberOfMachines) {
  for (const auto machines : machine_counts) {
    for (const bool stable : {true, false}) {
      for (const std::uint64_t items : {1, 2, 5}) {
        const mpc::SortShape shape{items, 2, 1, 0, stable};
        const auto with = sort_model(machines, mpc::SortPlan::least_memory(machines, shape).count);
        const mpc::SortPlan plan(with, shape);
        const auto bits = mpc::ceil_log(2, machines);
        EXPECT_LE(plan.rounds(), bits * (bits + 1) / 2);
        if (plan.levels().empty()) {
          EXPECT_EQ(plan.rounds(), bits * (bits + 1) / 2);
        }
        for (const auto keys : all_keys) {
          if (machines == 1000 && keys != Keys::few) continue;
          const auto ledger = check(with, plan, keys, items, false, stable);
          // The network holds twice what a machine may have, exactly.
          if (keys == Keys::random && plan.levels().empty() && machines > 1) {
            EXPECT_EQ(ledger.max_kept_plus_received(), with.memory.count);
          }
        }
        auto less = with;
        --less.memory.count;
        EXPECT_THROW(mpc::SortPlan(less, shape), mpc::Error);
      }
    }
  }
}

/// The least s at which a sort takes at most so many rounds, by search.
std::uint64_t memory_for(std::uint64_t rounds, std::uint64_t machines, const mpc::SortShape& shape) {
  std::uint64_t low = mpc::SortPlan::least_memory(machines, shape).count - 1, high = low + 400'000;
  const auto enough = [&](std::uint64_t memory) { return mpc::SortPlan(sort_model(machines, memory), shape).rounds() <= rounds; };
  EXPECT_TRUE(enough(high));
  while (high - low > 1) (enough(low + (high - low) / 2) ? high : low) = low + (high - low) / 2;
  return high;
}

TEST(Sort, TakesTwoRoundsWhereASampleFits) {
  std::uint64_t certain = 0, drawn = 0;
  for (const auto machines : machine_counts) {
    if (machines < 3) continue;
    for (const std::uint64_t items : {20, 100}) {
      const mpc::SortShape shape{items, 2, 1, 3};
      const auto least = memory_for(2, machines, shape);
      for (const auto memory : {least, 3 * least}) {
        const auto with = sort_model(machines, memory);
        const mpc::SortPlan plan(with, shape);
        ASSERT_EQ(plan.levels().size(), 1U);
        ASSERT_EQ(plan.rounds(), 2U);
        (plan.certain() ? certain : drawn) += 1;
        for (const auto keys : all_keys) {
          if (machines < 1000 || (memory == least && items == 20 && keys == Keys::few)) check(with, plan, keys, items);
        }
      }
      // A few samples for every machine, and room for the buckets.
      if (machines == 1000) {
        EXPECT_LE(least, 2 * (2 * machines + 3 * items)) << items;
      }
    }
  }
  EXPECT_GT(certain, 10U);
  EXPECT_GT(drawn, 3U);
}

TEST(Sort, TakesFewRoundsWhereNoMachineHoldsTheSample) {
  for (const bool stable : {true, false}) {
    for (const std::uint64_t machines : {100, 705}) {
      for (const std::uint64_t rounds : {3, 6}) {
        const mpc::SortShape shape{60, 2, 1, 3, stable};
        const auto least = memory_for(rounds, machines, shape);
        const auto with = sort_model(machines, least);
        const mpc::SortPlan plan(with, shape);
        ASSERT_FALSE(plan.levels().empty());
        for (const auto keys : all_keys) {
          if (machines == 100 || keys == Keys::few || keys == Keys::ascending) check(with, plan, keys, 60, false, stable);
        }
      }
    }
  }
}

/// s = 8 sqrt(N) and q = N / (s / 8): what a run has by default.
TEST(Sort, TakesFewRoundsOnTheDefaultModel) {
  for (const std::uint64_t n : {std::uint64_t{1} << 16, std::uint64_t{1} << 20, std::uint64_t{1} << 24, std::uint64_t{1} << 28}) {
    const auto with = mpc::Model::sublinear(n, n, 0.5);
    const mpc::SortPlan plan(with, {(n + with.machines - 1) / with.machines, 1, 1, 0, false});
    EXPECT_LE(plan.rounds(), 6U) << n;
  }
}

/// Regular sampling against the input that it likes least: on every machine all items between two samples belong together, and no
/// sample tells of them.
TEST(Sort, IsCertainWhereItSaysSo) {
  for (const std::uint64_t machines : {5, 16, 31, 64}) {
    const std::uint64_t items = 100;
    const mpc::SortShape shape{items, 2, 1, 0};
    std::uint64_t memory = memory_for(2, machines, shape);
    while (!mpc::SortPlan(sort_model(machines, memory), shape).certain()) ++memory;
    for (const auto s : {memory, memory + memory / 10, 2 * memory}) {
      const auto with = sort_model(machines, s);
      const mpc::SortPlan plan(with, shape);
      ASSERT_TRUE(plan.certain() && plan.rounds() == 2);
      std::uint64_t most = 0, unseen = 0;
      run_on(with, [&](mpc::Cluster& cluster) {
        auto mine = cluster.make<std::vector<Item>>([&](const auto& me) {
          // Its longest run of items without a sample.
          auto places = plan.samples(0, me.id().value);
          places.push_back(items);
          std::uint64_t first = 0, begin = 0, end = 0;
          for (const auto place : places) {
            if (place - first > end - begin) begin = first, end = place;
            first = place + 1;
          }
          unseen += end - begin;
          std::vector<Item> worst;
          for (std::uint64_t i = 0; i < items; ++i) worst.push_back({i < begin ? Word{0} : i < end ? Word{1} : Word{2}, i});
          return worst;
        });
        mpc::sort<Item>(
            cluster, mine, [](const Item& item) { return item.key; }, plan);
        cluster.inspect([&](const auto& me) { most = std::max<std::uint64_t>(most, mine[me].size()); });
      });
      EXPECT_LE(most, plan.most_items_after());
      EXPECT_GE(most, unseen);
      EXPECT_GT(2 * most, plan.most_items_after());  // the input was as bad as it was meant to be
    }
  }
}

/// Equal keys are told apart by where they are: they lie as evenly as keys that ascend in that order, item by item.
TEST(Sort, PutsEqualKeysWhereAscendingOnesGo) {
  for (const std::uint64_t machines : {5, 31, 100}) {
    const std::uint64_t items = 100;
    const mpc::SortShape shape{items, 2, 1, 0};
    const auto with = sort_model(machines, 2 * memory_for(2, machines, shape));
    const mpc::SortPlan plan(with, shape);
    ASSERT_EQ(plan.levels().size(), 1U);
    const auto places_of = [&](Keys keys) {
      const auto input = items_of(keys, machines, items);
      std::vector<std::vector<Word>> places;
      run_on(with, [&](mpc::Cluster& cluster) {
        auto mine = cluster.make<std::vector<Item>>([&](const auto& me) { return input[me.id().value]; });
        mpc::sort<Item>(
            cluster, mine, [](const Item& item) { return item.key; }, plan);
        cluster.inspect([&](const auto& me) {
          places.emplace_back();
          for (const auto& item : mine[me]) places.back().push_back(item.place);
        });
      });
      return places;
    };
    EXPECT_TRUE(places_of(Keys::equal) == places_of(Keys::ascending)) << machines << " machines";
  }
}

TEST(Sort, BalancesByRank) {
  for (const auto machines : machine_counts) {
    if (machines == 1000) continue;
    for (const auto keys : all_keys) {
      const mpc::SortShape shape{12, 2, 1, 0};
      const auto with = sort_model(machines, 4000);
      const mpc::SortPlan plan(with, shape);
      const auto ledger = check(with, plan, keys, 12, true);
      EXPECT_EQ(ledger.rounds.size(), plan.rounds() + mpc::rebalance_rounds(machines, 1));
    }
  }
}

TEST(Sort, BalancesAtTheLeastMemory) {
  // All items on the last machine, which hears most in a scan; and then evenly.
  for (const std::uint64_t machines : {2, 3, 7, 64}) {
    for (const std::uint64_t fan_out : {1, 2, 9}) {
      const std::uint64_t total = 3 * machines;
      run_at_least(machines, mpc::rebalance_least_memory(machines, total, 3, 1, fan_out), [&](mpc::Cluster& cluster) {
        auto items = cluster.make<std::vector<Word>>([&](const auto& me) {
          std::vector<Word> all;
          for (Word i = 0; me.id().value + 1 == machines && i < total; ++i) all.push_back(i);
          return all;
        });
        mpc::rebalance<Word>(cluster, items, total, fan_out);
        cluster.inspect([&](const auto& me) {
          const auto first = 3 * me.id().value;
          EXPECT_EQ(items[me], (std::vector<Word>{first, first + 1, first + 2}));
        });
      });
    }
  }
}

TEST(Sort, RefusesMoreItemsThanItWasToldOf) {
  const mpc::SortPlan plan(sort_model(3, 1000), {4, 2, 1, 0});
  try {
    check(sort_model(3, 1000), plan, Keys::random, 5);
    FAIL() << "five items where four were declared";
  } catch (const mpc::Error& error) {
    EXPECT_EQ(error.exit(), mpc::Exit::fault);
    EXPECT_NE(std::string(error.what()).find("5 items are to be sorted here; the plan is for 4"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tests
