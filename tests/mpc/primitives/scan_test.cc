#include "mpc/primitives/scan.h"

#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/primitives/reduce.h"

#include "tests/mpc/primitives/bounded.h"
#include "tests/mpc/primitives/map_monoid.h"

namespace tests {
namespace {

using mpc::Word;

const std::vector<std::uint64_t> machine_counts{1, 2, 3, 4, 5, 7, 16, 31, 64, 100, 243, 244, 1000};
const std::vector<std::uint64_t> fan_outs{1, 2, 3, 4, 9, 31, 999, 5000};

TEST(CeilRoot, IsTheLeastThatReaches) {
  EXPECT_EQ(mpc::ceil_root(0, 3), 1U);
  EXPECT_EQ(mpc::ceil_root(1, 0), 1U);
  EXPECT_EQ(mpc::ceil_root(UINT64_MAX, 1), UINT64_MAX);
  EXPECT_EQ(mpc::ceil_root(UINT64_MAX, 2), std::uint64_t{1} << 32);
  for (std::uint64_t k = 1; k < 12; ++k) {
    std::uint64_t root = 1;
    for (std::uint64_t x = 1; x < 3000; ++x) {
      const auto power = [&](std::uint64_t r) {
        std::uint64_t p = 1;
        for (std::uint64_t j = 0; j < k && p < x; ++j) p *= r;
        return p;
      };
      while (power(root) < x) ++root;
      ASSERT_EQ(mpc::ceil_root(x, k), root) << x << ", " << k;
    }
  }
}

/// By hand: values carried by R rounds of fan-out F, (1 + F)^R >= q, and R is the least such.
void expect_least_rounds(std::uint64_t rounds, std::uint64_t machines, std::uint64_t fan_out) {
  double reached = 1;
  for (std::uint64_t j = 0; j + 1 < rounds; ++j) reached *= static_cast<double>(1 + fan_out);
  if (rounds > 0) {
    EXPECT_LT(reached, static_cast<double>(machines));
  }
  EXPECT_GE(rounds == 0 ? 1 : reached * static_cast<double>(1 + fan_out), static_cast<double>(machines));
}

TEST(Scan, KeepsTheOrderAtItsLeastMemory) {
  for (const auto machines : machine_counts) {
    for (const auto fan_out : fan_outs) {
      SCOPED_TRACE(std::to_string(machines) + " machines, fan-out " + std::to_string(fan_out));
      std::uint64_t wrong = 0;
      const auto ledger = run_at_least(machines, mpc::scan_least_memory(machines, fan_out, 2), [&](mpc::Cluster& cluster) {
        const auto value = cluster.make<Map>([](const auto& me) { return map_of(me.id().value); });
        const auto before = mpc::exclusive_scan(cluster, value, then, Map{}, fan_out);
        Map expected;
        cluster.inspect([&](const auto& me) {
          wrong += before[me] != expected || value[me] != map_of(me.id().value);
          expected = then(expected, map_of(me.id().value));
        });
      });
      EXPECT_EQ(wrong, 0U);
      EXPECT_EQ(ledger.rounds.size(), mpc::scan_rounds(machines, fan_out));
      expect_least_rounds(ledger.rounds.size(), machines, fan_out);
      EXPECT_LE(ledger.max_sent(), 2 * fan_out);
      EXPECT_LE(ledger.max_received(), 2 * fan_out);
      for (const auto& round : ledger.rounds) EXPECT_EQ(round.label, "scan");
    }
  }
}

TEST(Scan, TakesNoMoreThanTheTreeRoundsOfTheModel) {
  for (const auto machines : machine_counts) {
    for (const std::uint64_t memory : {1, 8, 12, 20, 400, 4000}) {
      const auto with = model(machines, memory);
      EXPECT_LE(mpc::scan_rounds(machines, with.fan_out()), machines == 1 ? 0 : with.tree_rounds());
      EXPECT_LE(mpc::scan_width(machines, with.fan_out()), with.fan_out());
    }
  }
}

TEST(Reduce, KeepsTheOrderAtItsLeastMemoryForEveryRoot) {
  for (const auto machines : machine_counts) {
    for (const auto fan_in : fan_outs) {
      for (const auto root : {std::uint64_t{0}, machines / 3, machines / 2, machines - 1}) {
        SCOPED_TRACE(std::to_string(machines) + " machines, fan-in " + std::to_string(fan_in) + ", root " + std::to_string(root));
        const auto ledger = run_at_least(machines, mpc::reduce_least_memory(machines, fan_in, 2), [&](mpc::Cluster& cluster) {
          auto value = cluster.make<Map>([](const auto& me) { return map_of(me.id().value); });
          mpc::reduce<Map>(cluster, value, mpc::MachineId{root}, then, fan_in);
          Map expected;
          for (std::uint64_t m = 0; m < machines; ++m) expected = then(expected, map_of(m));
          cluster.inspect([&](const auto& me) { EXPECT_EQ(value[me], me.id().value == root ? expected : Map{}); });
        });
        EXPECT_EQ(ledger.rounds.size(), mpc::reduce_rounds(machines, fan_in));
        expect_least_rounds(ledger.rounds.size(), machines, fan_in);
        EXPECT_LE(ledger.max_received(), 2 * fan_in);
        EXPECT_EQ(ledger.messages(), machines - 1);
      }
    }
  }
}

/// Segments that start at random, one that spans most machines, none at all.
bool starts(std::uint64_t place, int pattern) {
  return pattern == 0 ? mpc::mix(place) % 4 == 0 : pattern == 1 ? place == 1 : pattern == 2 && place % 2 == 0;
}

TEST(Scan, SegmentsEndWhereTheNextStarts) {
  for (const auto machines : machine_counts) {
    for (const std::uint64_t fan_out : {1, 3, 999}) {
      for (int pattern = 0; pattern < 4; ++pattern) {
        SCOPED_TRACE(std::to_string(machines) + " machines, fan-out " + std::to_string(fan_out) + ", pattern " + std::to_string(pattern));
        const auto ledger = run_at_least(
            machines, mpc::Words{machines == 1 ? 5 : mpc::scan_least_memory(machines, fan_out, 3).count}, [&](mpc::Cluster& cluster) {
              const auto value = cluster.make<mpc::Segmented<Map>>([&](const auto& me) {
                return mpc::Segmented<Map>{starts(me.id().value, pattern) ? Word{1} : 0, map_of(me.id().value)};
              });
              const auto before = mpc::segmented_scan(cluster, value, then, Map{}, fan_out);
              Map expected;
              cluster.inspect([&](const auto& me) {
                if (starts(me.id().value, pattern)) expected = Map{};
                EXPECT_EQ(before[me], expected) << me.id().value;
                expected = then(expected, map_of(me.id().value));
              });
            });
        EXPECT_EQ(ledger.rounds.size(), mpc::scan_rounds(machines, fan_out));
      }
    }
  }
}

TEST(Scan, OverItems) {
  const auto items_of = [](std::uint64_t machine) { return mpc::mix(machine) % 4 == 0 ? 0 : mpc::mix(machine + 1) % 5; };
  for (const auto machines : machine_counts) {
    for (int pattern = -1; pattern < 4; ++pattern) {
      SCOPED_TRACE(std::to_string(machines) + " machines, pattern " + std::to_string(pattern));
      using Item = mpc::Segmented<Map>;
      std::vector<std::uint64_t> first(machines + 1, 0);
      for (std::uint64_t m = 0; m < machines; ++m) first[m + 1] = first[m] + items_of(m);
      mpc::InProcess transport;
      mpc::Cluster cluster(model(machines, 400), transport);
      std::uint64_t used = 0;
      Map expected;
      const auto use = [&](const auto& me, std::size_t i, const auto&, const Map& before) {
        const auto place = first[me.id().value] + i;
        EXPECT_EQ(place, used++);
        if (pattern >= 0 && starts(place, pattern)) expected = Map{};
        EXPECT_EQ(before, expected) << "item " << place;
        expected = then(expected, map_of(place));
      };
      if (pattern < 0) {
        const auto items = cluster.make<std::vector<Map>>([&](const auto& me) {
          std::vector<Map> mine;
          for (auto i = first[me.id().value]; i < first[me.id().value + 1]; ++i) mine.push_back(map_of(i));
          return mine;
        });
        mpc::scan_items(
            cluster, [&](const auto& me) { return items[me]; }, then, Map{}, use, 3);
      } else {
        const auto items = cluster.make<std::vector<Item>>([&](const auto& me) {
          std::vector<Item> mine;
          for (auto i = first[me.id().value]; i < first[me.id().value + 1]; ++i)
            mine.push_back({starts(i, pattern) ? Word{1} : 0, map_of(i)});
          return mine;
        });
        mpc::segmented_scan_items(
            cluster, [&](const auto& me) { return items[me]; }, then, Map{}, use, 3);
      }
      EXPECT_EQ(used, first.back());
      EXPECT_EQ(cluster.finish().rounds.size(), mpc::scan_rounds(machines, 3));
    }
  }
}

}  // namespace
}  // namespace tests
