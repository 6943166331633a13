#include "mpc/primitives/group_by.h"

#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "tests/mpc/primitives/bounded.h"
#include "tests/mpc/primitives/map_monoid.h"

namespace tests {
namespace {

using mpc::Word;
using Item = mpc::Keyed<Map>;

/// Keys of an item: a few heavy ones, one that everybody has, all different, or one that fills many machines.
constexpr int patterns = 4;
Word key_of(int pattern, std::uint64_t place, std::uint64_t keys) {
  switch (pattern) {
    case 0: return mpc::mix(place) % std::min<std::uint64_t>(keys, 3);
    case 1: return place % 4 == 0 ? keys / 2 : mpc::mix(place) % keys;
    case 2: return keys - 1 - place % keys;
    default: return place % 10 == 3 ? mpc::mix(place) % keys : 0;
  }
}

std::vector<Item> items_of(int pattern, std::uint64_t machine, std::uint64_t most, std::uint64_t keys) {
  std::vector<Item> items;
  const auto count = machine % 5 == 2 ? 0 : machine % 3 == 0 ? most : mpc::mix(machine) % (most + 1);
  for (std::uint64_t i = 0; i < count; ++i) items.push_back({key_of(pattern, machine * most + i, keys), map_of(machine * most + i)});
  return items;
}

std::map<Word, Map> expected_groups(int pattern, std::uint64_t machines, std::uint64_t most, std::uint64_t keys) {
  std::map<Word, Map> groups;
  for (std::uint64_t m = 0; m < machines; ++m) {
    for (const auto& item : items_of(pattern, m, most, keys)) {
      const auto [group, fresh] = groups.emplace(item.key, item.value);
      if (!fresh) group->second = then(group->second, item.value);
    }
  }
  return groups;
}

TEST(GroupBy, MeetsAtTheOwners) {
  for (const std::uint64_t machines : {1, 2, 3, 5, 64, 100}) {
    for (const std::uint64_t keys : {1, 10, 300}) {
      for (int pattern = 0; pattern < patterns; ++pattern) {
        SCOPED_TRACE(std::to_string(machines) + " machines, " + std::to_string(keys) + " keys, pattern " + std::to_string(pattern));
        const mpc::KeyOwners owners(keys, machines, mpc::PublicPermutation(keys, 3));
        std::map<Word, Map> got;
        std::uint64_t sent = 0;
        for (std::uint64_t m = 0; m < machines; ++m) {
          std::set<Word> its;
          for (const auto& item : items_of(pattern, m, 9, keys)) its.insert(item.key);
          sent += its.size();
        }
        const auto ledger = run_on(model(machines, 4000), [&](mpc::Cluster& cluster) {
          mpc::group_by_owners<Map>(
              cluster, owners, [&](const auto& me) { return items_of(pattern, me.id().value, 9, keys); }, then,
              [&](const auto& me, Word key, const Map& value) {
                EXPECT_EQ(owners.owner(key), me.id());
                EXPECT_TRUE(got.emplace(key, value).second) << "key " << key << " again";
              });
        });
        EXPECT_TRUE(got == expected_groups(pattern, machines, 9, keys));
        EXPECT_EQ(ledger.rounds.size(), 1U);
        EXPECT_EQ(ledger.words(), 3 * sent);  // one message of 1 + 2 words for every machine and key
      }
    }
  }
}

/// At the least s, and at more, where the sort takes two rounds.
TEST(GroupBy, SortsHeavyKeys) {
  for (const std::uint64_t machines : {1, 2, 3, 4, 5, 7, 16, 31, 64, 100, 1000}) {
    for (const std::uint64_t fan_out : {1, 3}) {
      for (const std::uint64_t factor : {1, 2, 4, 8, 40}) {
        if (machines == 1000 && (fan_out != 3 || factor % 3 != 1)) continue;
        const std::uint64_t most = 9, keys = 200;
        const auto shape = mpc::group_by_shape(machines, most, 2, 0, fan_out);
        auto with = model(machines, factor * mpc::SortPlan::least_memory(machines, shape).count);
        const mpc::SortPlan plan(with, shape);
        for (int pattern = 0; pattern < patterns; ++pattern) {
          SCOPED_TRACE(std::to_string(machines) + " machines of " + std::to_string(with.memory.count) + " words, fan-out " +
                       std::to_string(fan_out) + ", pattern " + std::to_string(pattern));
          std::vector<std::pair<Word, Map>> got;
          const auto ledger = run_on(with, [&](mpc::Cluster& cluster) {
            auto items = cluster.make<std::vector<Item>>([&](const auto& me) { return items_of(pattern, me.id().value, most, keys); });
            mpc::group_by_sorting<Map>(
                cluster, items, then, [&](const auto&, Word key, const Map& value) { got.emplace_back(key, value); }, plan, fan_out);
          });
          const auto expected = expected_groups(pattern, machines, most, keys);
          EXPECT_TRUE(
              std::ranges::equal(got, expected, [](const auto& a, const auto& b) { return a.first == b.first && a.second == b.second; }));
          EXPECT_EQ(ledger.rounds.size(), mpc::group_by_rounds(machines, plan, fan_out));
        }
      }
    }
  }
}

}  // namespace
}  // namespace tests
