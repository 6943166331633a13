#include "mpc/primitives/doubling.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "tests/mpc/primitives/bounded.h"
#include "tests/mpc/primitives/map_monoid.h"

namespace tests {
namespace {

using mpc::Word;

TEST(Compose, ReplacesKeysByWhatTheyPointAt) {
  for (const std::uint64_t machines : {1, 2, 3, 7, 64}) {
    for (const std::uint64_t keys : {1, 5, 100, 1000}) {
      for (const bool hot : {false, true}) {
        SCOPED_TRACE(std::to_string(machines) + " machines, " + std::to_string(keys) + " keys" + (hot ? ", hot" : ""));
        std::vector<Word> f(keys), expected(keys);
        for (Word x = 0; x < keys; ++x) f[x] = hot && x % 3 != 0 ? keys / 2 : mpc::mix(x) % keys;
        for (Word x = 0; x < keys; ++x) expected[x] = f[f[x]];
        const mpc::KeyOwners owners(keys, machines, mpc::PublicPermutation(keys, 5));
        // By hand: a request for every distinct key of a machine.
        std::uint64_t requests = 0;
        for (std::uint64_t m = 0; m < machines; ++m) {
          std::vector<char> asked(keys, 0);
          for (std::uint64_t slot = 0; slot < owners.slots(mpc::MachineId{m}); ++slot) asked[f[owners.key(mpc::MachineId{m}, slot)]] = 1;
          requests += static_cast<std::uint64_t>(std::accumulate(asked.begin(), asked.end(), 0));
        }
        const auto ledger = run_on(model(machines, 5000), [&](mpc::Cluster& cluster) {
          auto table = cluster.make<std::vector<Word>>([&](const auto& me) {
            std::vector<Word> mine;
            for (std::uint64_t slot = 0; slot < owners.slots(me.id()); ++slot) mine.push_back(f[owners.key(me.id(), slot)]);
            return mine;
          });
          mpc::compose(cluster, owners, table, table);
          cluster.inspect([&](const auto& me) {
            for (std::uint64_t slot = 0; slot < owners.slots(me.id()); ++slot)
              EXPECT_EQ(table[me][slot], expected[owners.key(me.id(), slot)]);
          });
        });
        EXPECT_EQ(ledger.rounds.size(), 2U);
        EXPECT_EQ(ledger.words(), 2 * requests);
        EXPECT_EQ(ledger.rounds[0].label, "compose/lookup");
      }
    }
  }
}

TEST(Compose, NeedsTheLeastMemoryOfALookup) {
  // Every machine asks for one key, which is the last machine's: it keeps a table of one slot, is asked q times and answers.
  constexpr std::uint64_t machines = 9;
  const mpc::KeyOwners owners(machines, machines);
  run_at_least(machines, mpc::lookup_least_memory(4, 1, machines), [&](mpc::Cluster& cluster) {
    auto table = cluster.make<std::vector<Word>>([](const auto& me) { return std::vector<Word>{me.id().value}; });
    auto keys = cluster.make<std::vector<Word>>([](const auto&) { return std::vector<Word>{machines - 1}; });
    mpc::compose(cluster, owners, keys, table);
    cluster.inspect([&](const auto& me) { EXPECT_EQ(keys[me], std::vector<Word>{machines - 1}); });
  });
}

/// Paths and cycles: next[x], or x itself at the end of a path.
struct Chains {
  std::vector<Word> next, previous;
  std::vector<char> loop;
};

/// A permutation of the keys cut into pieces of these lengths; every second piece is closed to a cycle.
Chains chains(std::uint64_t keys, std::uint64_t longest, std::uint64_t seed) {
  const mpc::PublicPermutation order(keys, seed);
  Chains chains{std::vector<Word>(keys), std::vector<Word>(keys), std::vector<char>(keys, 0)};
  std::uint64_t first = 0;
  for (std::uint64_t piece = 0; first < keys; ++piece) {
    const auto length = std::min(keys - first, 1 + mpc::mix(seed + piece) % longest);
    const bool closed = piece % 2 == 1;
    for (std::uint64_t i = 0; i < length; ++i) {
      const auto x = order(first + i);
      chains.next[x] = i + 1 < length ? order(first + i + 1) : closed ? order(first) : x;
      chains.previous[x] = i > 0 ? order(first + i - 1) : closed ? order(first + length - 1) : x;
      chains.loop[x] = closed && length == 1;
    }
    first += length;
  }
  return chains;
}

TEST(PushDoubling, ReachesTwiceAsFarInEveryRound) {
  for (const std::uint64_t machines : {1, 3, 5, 64, 1000}) {
    for (const std::uint64_t keys : {1, 2, 7, 64, 1000}) {
      for (const std::uint64_t longest : {1, 2, 3, 30, 1000}) {
        for (const std::uint64_t steps : {0, 1, 2, 5, 10}) {
          SCOPED_TRACE(std::to_string(machines) + " machines, " + std::to_string(keys) + " keys, pieces of at most " +
                       std::to_string(longest) + ", " + std::to_string(steps) + " steps");
          const auto input = chains(keys, longest, keys + longest);
          const mpc::KeyOwners owners(keys, machines);
          auto with = model(machines, mpc::push_doubling_least_memory(owners, 2).count);
          with.word_bits = 2 * static_cast<unsigned>(mpc::ceil_log(2, std::max<std::uint64_t>({keys, machines, 1'000'003})));
          const auto ledger = run_on(with, [&](mpc::Cluster& cluster) {
            auto links = cluster.make<std::vector<mpc::ChainLink<Map>>>([&](const auto& me) {
              std::vector<mpc::ChainLink<Map>> mine;
              for (std::uint64_t slot = 0; slot < owners.slots(me.id()); ++slot) {
                const auto x = owners.key(me.id(), slot);
                mine.push_back(mpc::chain_start(x, input.next[x], input.previous[x], map_of(x), input.loop[x] != 0));
              }
              return mine;
            });
            mpc::push_doubling<Map>(cluster, owners, links, then, steps);
            // By walking.
            const auto walk = [&](Word x, const std::vector<Word>& to, bool folds, const mpc::ChainLink<Map>& link) {
              Map fold = map_of(x);
              auto y = x;
              bool whole = true;
              for (std::uint64_t i = 1; i < std::uint64_t{1} << steps; ++i) {
                if (to[y] == y && !input.loop[y]) break;
                y = to[y];
                fold = then(fold, map_of(y));
              }
              whole = to[y] != y || input.loop[y];
              EXPECT_EQ(folds ? link.next : link.previous, 2 * to[y] + (whole ? 1 : 0)) << x;
              if (folds) {
                EXPECT_EQ(link.fold, fold) << x;
              }
            };
            cluster.inspect([&](const auto& me) {
              for (std::uint64_t slot = 0; slot < owners.slots(me.id()); ++slot) {
                walk(owners.key(me.id(), slot), input.next, true, links[me][slot]);
                walk(owners.key(me.id(), slot), input.previous, false, links[me][slot]);
              }
            });
          });
          EXPECT_EQ(ledger.rounds.size(), steps);
        }
      }
    }
  }
}

TEST(PushDoubling, NeedsItsLeastMemory) {
  // One cycle: every pointer stays whole.
  const mpc::KeyOwners owners(100, 7);
  run_at_least(7, mpc::push_doubling_least_memory(owners, 1), [&](mpc::Cluster& cluster) {
    auto links = cluster.make<std::vector<mpc::ChainLink<Word>>>([&](const auto& me) {
      std::vector<mpc::ChainLink<Word>> mine;
      for (std::uint64_t slot = 0; slot < owners.slots(me.id()); ++slot) {
        const auto x = owners.key(me.id(), slot);
        mine.push_back(mpc::chain_start(x, (x + 1) % 100, (x + 99) % 100, x));
      }
      return mine;
    });
    mpc::push_doubling<Word>(cluster, owners, links, mpc::min, 7);
    cluster.inspect([&](const auto& me) {
      for (const auto& link : links[me]) EXPECT_EQ(link.fold, 0U);
    });
  });
}

}  // namespace
}  // namespace tests
