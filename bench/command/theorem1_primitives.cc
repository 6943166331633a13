#include "bench/command/theorem1_primitives.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "mpc/primitives/all_reduce.h"
#include "mpc/primitives/broadcast.h"
#include "mpc/primitives/doubling.h"
#include "mpc/primitives/gather.h"
#include "mpc/primitives/group_by.h"
#include "mpc/primitives/key_owners.h"
#include "mpc/primitives/lookup.h"
#include "mpc/primitives/reduce.h"
#include "mpc/primitives/scan.h"
#include "mpc/primitives/sort.h"

namespace roundtrip {
namespace {

// ---- Each primitive with its least s, its rounds, and a program that checks what it finds ------------------------------------------

/// Machine 0's word to all; keeps 1, sends f.
struct Broadcast {
  static constexpr const char* name = "broadcast";
  static constexpr std::uint64_t least_memory = 3;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::broadcast_rounds(model.machines, model.fan_out()); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const Word secret = cluster.hash().below(cluster.model().machines + 1, 1);
    auto value = cluster.template make<Word>([&](const auto& me) { return me.id().value == 0 ? secret : Word{0}; });
    mpc::broadcast<Word>(cluster, value, mpc::MachineId{0}, cluster.model().fan_out());
    const bool right = cluster.agree([&](const auto& me) { return value[me]; }) == secret;
    cluster.inspect([](const auto&) {});
    return right;
  }
};

/// The sum of all machines' numbers to all; keeps 3, sends and receives at most f.
struct AllReduce {
  static constexpr const char* name = "all-reduce";
  static constexpr std::uint64_t least_memory = 5;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::AllReducePlan(model.machines, model.tree_rounds()).rounds(); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    auto value = cluster.template make<Word>([](const auto& me) { return me.id().value; });
    mpc::all_reduce(cluster, value, [](Word a, Word b) { return a + b; });
    const auto q = cluster.model().machines;
    const bool right = cluster.agree([&](const auto& me) { return value[me]; }) == q * (q - 1) / 2;
    cluster.inspect([](const auto&) {});
    return right;
  }
};

/// Every machine asks two others for their word; keeps 3, sends and receives 2.
struct Lookup {
  static constexpr const char* name = "lookup";
  static constexpr std::uint64_t least_memory = 5;
  static std::uint64_t rounds(const mpc::Model&) { return 2; }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    const mpc::KeyOwners owners(q, q);
    const mpc::PublicPermutation order(q, cluster.model().seed);
    const auto table = [&](Word key) { return cluster.hash().below(q, key, 3); };
    // A machine's keys, distinct and ascending; every key is asked for by at most two machines.
    const auto keys = [&](const auto& me) {
      std::vector<Word> wanted{order(me.id().value), order((me.id().value + 1) % q)};
      std::ranges::sort(wanted);
      const auto repeated = std::ranges::unique(wanted);
      wanted.erase(repeated.begin(), repeated.end());
      return wanted;
    };
    auto entry = cluster.template make<Word>([&](const auto& me) { return table(owners.key(me.id(), 0)); });
    auto found = cluster.template make<std::vector<Word>>();
    mpc::lookup(
        cluster, owners, keys, [&](const auto& me, Word) { return entry[me]; },
        [&](const auto& me, std::size_t, Word word) { found[me].push_back(word); });
    std::uint64_t wrong = 0;
    cluster.inspect([&](const auto& me) {
      const auto wanted = keys(me);
      const auto& answers = found[me];
      bool right = answers.size() == wanted.size();
      for (std::size_t i = 0; right && i < wanted.size(); ++i) right = answers[i] == table(wanted[i]);
      wrong += right ? 0U : 1U;
    });
    return cluster.total(wrong) == 0;
  }
};

/// At most eight words to machine 0; keeps 1.
struct Gather {
  static constexpr const char* name = "gather";
  static constexpr std::uint64_t words = 8;
  static constexpr std::uint64_t least_memory = words + 1;
  static std::uint64_t rounds(const mpc::Model&) { return 1; }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    // The eight words stand on machines at equal distances, from the last one down.
    const auto holds = [&](std::uint64_t machine) {
      std::vector<Word> some;
      for (std::uint64_t k = 0; k < words; ++k) {
        if (q - 1 - k * q / words == machine) some.push_back(k);
      }
      return some;
    };
    auto sum = cluster.template make<Word>();
    auto items = mpc::gather<Word>(cluster, mpc::MachineId{0}, [&](const auto& me) { return holds(me.id().value); });
    cluster.local(items, [&](const auto& me, auto inbox) {
      for (const auto& [source, word] : inbox) sum[me] += word + 1;
    });
    std::uint64_t wrong = 0;
    cluster.inspect([&](const auto& me) {
      const Word wanted = me.id().value == 0 ? words * (words + 1) / 2 : 0;
      wrong += sum[me] == wanted ? 0U : 1U;
    });
    return cluster.total(wrong) == 0;
  }
};

/// x -> a x + b modulo 7: what a reduction or scan in the wrong order gets wrong.
struct Affine {
  mpc::Word a = 1, b = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b;
  }
  friend bool operator==(const Affine&, const Affine&) = default;
};
Affine then(const Affine& first, const Affine& second) { return {first.a * second.a % 7, (first.b * second.a + second.b) % 7}; }
Affine affine_of(std::uint64_t machine) { return {1 + mpc::mix(machine) % 6, mpc::mix(machine + 5) % 7}; }

/// Reads every machine's memory; whether right(me) held everywhere. Ends the protocol.
template <class Cluster, class Right>
bool right_everywhere(Cluster& cluster, Right&& right) {
  std::uint64_t wrong = 0;
  cluster.inspect([&](const auto& me) { wrong += right(me) ? 0U : 1U; });
  return cluster.total(wrong) == 0;
}

/// Pairs of words combined in order on the machine in the middle; keeps 2, receives at most 2f.
struct Reduce {
  static constexpr const char* name = "reduce";
  static constexpr std::uint64_t least_memory = 6;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::reduce_rounds(model.machines, model.fan_out()); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    const auto q = cluster.model().machines;
    auto value = cluster.template make<Affine>([](const auto& me) { return affine_of(me.id().value); });
    mpc::reduce<Affine>(cluster, value, mpc::MachineId{q / 2}, then, cluster.model().fan_out());
    Affine expected;
    for (std::uint64_t m = 0; m < q; ++m) expected = then(expected, affine_of(m));
    return right_everywhere(cluster, [&](const auto& me) { return value[me] == (me.id().value == q / 2 ? expected : Affine{}); });
  }
};

/// Pairs of words combined in order before every machine; keeps 4, sends and receives at most 2f.
struct Scan {
  static constexpr const char* name = "scan";
  static constexpr std::uint64_t least_memory = 8;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::scan_rounds(model.machines, model.fan_out()); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    const auto value = cluster.template make<Affine>([](const auto& me) { return affine_of(me.id().value); });
    const auto before = mpc::exclusive_scan(cluster, value, then, Affine{}, cluster.model().fan_out());
    return right_everywhere(cluster, [&](const auto& me) {
      Affine expected;
      for (std::uint64_t m = 0; m < me.id().value; ++m) expected = then(expected, affine_of(m));
      return before[me] == expected;
    });
  }
};

/// The number of machines since the last start of a segment; keeps 5, sends and receives at most 2f.
struct SegmentedScan {
  static constexpr const char* name = "segmented-scan";
  static constexpr std::uint64_t least_memory = 8;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::scan_rounds(model.machines, model.fan_out()); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto starts = [](std::uint64_t machine) { return mpc::mix(machine) % 7 == 0; };
    const auto value = cluster.template make<mpc::Segmented<Word>>([&](const auto& me) {
      return mpc::Segmented<Word>{starts(me.id().value) ? Word{1} : 0, 1};
    });
    const auto before = mpc::segmented_scan(
        cluster, value, [](Word a, Word b) { return a + b; }, Word{0}, cluster.model().fan_out());
    return right_everywhere(cluster, [&](const auto& me) {
      auto first = me.id().value;
      while (first > 0 && !starts(first)) --first;
      return before[me] == me.id().value - first;
    });
  }
};

/// An item and where it was.
struct Placed {
  mpc::Word key{}, machine{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& key& machine;
  }
  friend bool operator==(const Placed&, const Placed&) = default;
};

/// One item a machine, every key twice; keeps, sends and receives an item and its tag, or samples.
struct Sort {
  static constexpr const char* name = "sort";
  static constexpr mpc::SortShape shape{1, 2, 1, 0, true};
  static constexpr std::uint64_t least_memory = 8;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::SortPlan(model, shape).rounds(); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    const auto q = cluster.model().machines;
    const mpc::PublicPermutation order(q, cluster.model().seed);
    const auto item_of = [&](std::uint64_t machine) { return Placed{order(machine) / 2, machine}; };
    auto items = cluster.template make<std::vector<Placed>>([&](const auto& me) { return std::vector{item_of(me.id().value)}; });
    mpc::sort<Placed>(
        cluster, items, [](const Placed& item) { return item.key; }, mpc::SortPlan(cluster.model(), shape));
    std::vector<Placed> expected;
    for (std::uint64_t m = 0; m < q; ++m) expected.push_back(item_of(m));
    std::ranges::stable_sort(expected, {}, &Placed::key);
    // Every machine has a run of the expected order, after those of the machines before it on this rank.
    std::uint64_t count = 0;
    auto next = expected.cbegin();
    const bool runs = right_everywhere(cluster, [&](const auto& me) {
      if (items[me].empty()) return true;
      count += items[me].size();
      next = std::ranges::find(next, expected.cend(), items[me].front());
      for (const auto& item : items[me]) {
        if (next == expected.cend() || *next++ != item) return false;
      }
      return true;
    });
    return cluster.total(count) == q && runs;
  }
};

/// Two items on every other machine, and then one on each; keeps at most 5, sends and receives at most 2.
struct Rebalance {
  static constexpr const char* name = "rebalance";
  static constexpr std::uint64_t least_memory = 6;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::rebalance_rounds(model.machines, 1); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    auto items = cluster.template make<std::vector<Word>>([&](const auto& me) {
      const Word id = me.id().value;
      if (id % 2 == 1) return std::vector<Word>{id - 1, id};
      return id + 1 == q ? std::vector<Word>{id} : std::vector<Word>{};
    });
    mpc::rebalance<Word>(cluster, items, q, 1);
    return right_everywhere(cluster, [&](const auto& me) { return items[me] == std::vector<Word>{me.id().value}; });
  }
};

/// Every machine knows two keys, and every key is known to two machines; keeps 1, sends and receives two pairs.
struct GroupByOwners {
  static constexpr const char* name = "group-by";
  static constexpr std::uint64_t least_memory = 5;
  static std::uint64_t rounds(const mpc::Model&) { return 1; }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    auto sum = cluster.template make<Word>();
    mpc::group_by_owners<Word>(
        cluster, mpc::KeyOwners(q, q),
        [&](const auto& me) {
          const Word id = me.id().value;
          return std::vector<mpc::Keyed<Word>>{{(id + 1) % q, 1}, {id, 2}};
        },
        [](Word a, Word b) { return a + b; }, [&](const auto& me, Word, Word value) { sum[me] = value; });
    return right_everywhere(cluster, [&](const auto& me) { return sum[me] == 3; });
  }
};

/// One item a machine, of two keys, so that groups span machines; keeps what it finds, an item and its tag, and the last group before it.
struct GroupBySorting {
  static constexpr const char* name = "group-by-sorting";
  static constexpr std::uint64_t least_memory = 13;
  static mpc::SortShape shape(const mpc::Model& model) { return mpc::group_by_shape(model.machines, 1, 1, 1, 1); }
  static std::uint64_t rounds(const mpc::Model& model) {
    return mpc::group_by_rounds(model.machines, mpc::SortPlan(model, shape(model)), 1);
  }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    const auto key_of = [](std::uint64_t machine) -> Word { return mpc::mix(machine) % 3 == 0 ? 1 : 0; };
    auto found = cluster.template make<std::vector<mpc::Keyed<Word>>>();
    auto items = cluster.template make<std::vector<mpc::Keyed<Word>>>([&](const auto& me) {
      return std::vector<mpc::Keyed<Word>>{{key_of(me.id().value), 1}};
    });
    mpc::group_by_sorting<Word>(
        cluster, items, [](Word a, Word b) { return a + b; },
        [&](const auto& me, Word key, Word value) {
          found[me].push_back({key, value});
        },
        mpc::SortPlan(cluster.model(), shape(cluster.model())), 1);
    Word counts[2] = {0, 0};
    for (std::uint64_t m = 0; m < q; ++m) ++counts[key_of(m)];
    std::uint64_t groups = 0;
    const bool right = right_everywhere(cluster, [&](const auto& me) {
      groups += found[me].size();
      return std::ranges::all_of(found[me], [&](const auto& group) { return counts[group.key] == group.value; });
    });
    return right && cluster.total(groups) == (counts[0] != 0 ? 1U : 0U) + (counts[1] != 0 ? 1U : 0U);
  }
};

/// f o f, where nobody is pointed at by more than two; keeps 2, sends 1, receives 2.
struct Compose {
  static constexpr const char* name = "compose";
  static constexpr std::uint64_t least_memory = 4;
  static std::uint64_t rounds(const mpc::Model&) { return 2; }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    const mpc::PublicPermutation order(q, cluster.model().seed);
    const auto f = [&](Word x) { return order(x) / 2; };
    auto table = cluster.template make<std::vector<Word>>([&](const auto& me) { return std::vector<Word>{f(me.id().value)}; });
    mpc::compose(cluster, mpc::KeyOwners(q, q), table, table);
    return right_everywhere(cluster, [&](const auto& me) { return table[me] == std::vector<Word>{f(f(me.id().value))}; });
  }
};

/// Machines on a cycle in a random order find the least of them; keeps 4, sends and receives 6.
struct PushDoubling {
  static constexpr const char* name = "push-doubling";
  static constexpr std::uint64_t least_memory = 10;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::ceil_log(2, model.machines); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    const mpc::PublicPermutation order(q, cluster.model().seed);
    auto links = cluster.template make<std::vector<mpc::ChainLink<Word>>>([&](const auto& me) {
      const auto place = order.inverse(me.id().value);
      return std::vector{mpc::chain_start<Word>(me.id().value, order((place + 1) % q), order((place + q - 1) % q), me.id().value, q == 1)};
    });
    mpc::push_doubling<Word>(cluster, mpc::KeyOwners(q, q), links, mpc::min, rounds(cluster.model()));
    return right_everywhere(cluster, [&](const auto& me) { return links[me].front().fold == 0; });
  }
};

template <class Program>
Theorem1Protocol primitive(std::vector<std::uint64_t> machines = {1, 2, 3, 5, 16, 50, 64, 256, 1024}) {
  return {
      Program::name, std::move(machines),
      [](std::uint64_t q, std::uint64_t words, std::uint64_t multiple, std::uint64_t seed, mpc::Ranks&) {
        Theorem1Case one;
        const auto least = Program::least_memory;
        // Sums of machine numbers and counts to eight are words too.
        one.model =
            mpc::Model::with_memory(1, std::max<std::uint64_t>(q, 8), mpc::Words{words == 0 ? least * multiple : words}).with_machines(q);
        one.model.seed = seed;
        if (one.model.memory.count < least) {
          throw mpc::Error(mpc::Exit::over_budget,
                           fmt::format("{} needs machines of at least {} words; s is {}", Program::name, least, one.model.memory.count));
        }
        one.rounds_declared = Program::rounds(one.model);
        one.on_messages = [](mpc::Cluster& cluster) { return Program::run(cluster); };
        one.as_transformer = [](bridge::TransformerCluster& cluster) {
          cluster.deal({});
          return Program::run(cluster);
        };
        return std::vector{one};
      }};
}

}  // namespace

std::vector<Theorem1Protocol> theorem1_primitives() {
  return {
      primitive<Broadcast>(),
      primitive<AllReduce>(),
      primitive<Lookup>(),
      primitive<Gather>(),
      primitive<Reduce>(),
      primitive<Scan>(),
      primitive<SegmentedScan>(),
      primitive<Sort>({1, 2, 3, 5, 16, 50, 64, 256}),
      primitive<Rebalance>(),
      primitive<GroupByOwners>(),
      primitive<GroupBySorting>({1, 2, 3, 5, 16, 50, 64}),
      primitive<Compose>(),
      primitive<PushDoubling>(),
  };
}

}  // namespace roundtrip
