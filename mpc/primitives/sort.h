#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/scan.h"
#include "mpc/primitives/sort_plan.h"

namespace mpc {

/// An item, or a key, and where it stood before the sort: (machine, place among its items in order).
template <class T>
struct Tagged {
  T value{};
  Word origin{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& value& origin;
  }
};

/// What a sort does on a cluster; SortPlan has the description. Carried: Item, or Tagged<Item> where the plan says so.
template <class Cluster, class Carried, class Key>
class Sorter {
 public:
  static constexpr bool tagged = !std::is_invocable_v<Key, const Carried&>;
  template <class C>
  static auto key_of(const Key& key, const C& carried) {
    if constexpr (std::is_invocable_v<Key, const C&>) {
      return key(carried);
    } else {
      return key(carried.value);
    }
  }
  using KeyType = decltype(key_of(std::declval<const Key&>(), std::declval<const Carried&>()));
  using Place = Tagged<KeyType>;  // in the order of all items
  using Sample = std::conditional_t<tagged, Place, KeyType>;

  Sorter(Cluster& cluster, const SortPlan& plan, Key key)
      : cluster_(cluster), plan_(plan), pairing_(cluster.model().pairing()), key_(key) {}

  template <class Items>
  void run(Items& items) {
    if (plan_.levels().empty()) return merge_all(items);
    for (std::uint64_t level = 0; level < plan_.levels().size(); ++level) sort_level(items, level);
  }

 private:
  template <class Items>
  void merge_all(Items& items) {
    const auto phase = cluster_.scope("merge");
    for (std::uint64_t round = 0; round < plan_.rounds(); ++round) {
      auto exchanged = cluster_.template round<Carried>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
        const auto pair = plan_.pair(round, me.id().value);
        if (!pair.meets) return;
        for (const auto& item : items[me]) out.send(MachineId{pair.partner}, item);
      });
      cluster_.local(exchanged, [&](const auto& me, auto inbox) {
        const auto pair = plan_.pair(round, me.id().value);
        if (!pair.meets) return;
        auto& mine = items[me];
        std::vector<Carried> theirs, all;
        theirs.reserve(inbox.size());
        for (const auto& [source, item] : inbox) theirs.push_back(item);
        // Both find the same order: equal keys of the lower machine come first.
        all.reserve(mine.size() + theirs.size());
        std::ranges::merge(pair.lower ? mine : theirs, pair.lower ? theirs : mine, std::back_inserter(all), before());
        mine.swap(all);
        // The lower machine is as full as can be before the upper one gets anything.
        const auto cut = mine.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(plan_.most_items(), mine.size()));
        if (pair.lower) {
          mine.erase(cut, mine.end());
        } else {
          mine.erase(mine.begin(), cut);
        }
      });
    }
  }

  static bool less(const Place& a, const Place& b) {
    if (a.value < b.value) return true;
    return !(b.value < a.value) && a.origin < b.origin;
  }
  static bool same(const Place& a, const Place& b) { return !less(a, b) && !less(b, a); }
  Place place(const MachineId& machine, std::size_t i, const Carried& item) const {
    if constexpr (tagged) {
      return {key_of(key_, item), item.origin};
    } else {
      return {key_of(key_, item), pairing_.pack(machine.value, i)};
    }
  }
  auto before() const {
    return [this](const Carried& a, const Carried& b) {
      if constexpr (tagged) {
        return less({key_of(key_, a), a.origin}, {key_of(key_, b), b.origin});
      } else {
        return key_of(key_, a) < key_of(key_, b);
      }
    };
  }

  template <class Items>
  void sort_level(Items& items, std::uint64_t level) {
    const auto& its = plan_.levels()[level];
    arrived_.clear();
    const auto samples = send_samples(items, level);
    if (its.spreads == 0) {
      move(items, level, samples, [&](const auto& me, auto inbox) -> const std::vector<Place>& {
        read_splitters(inbox, level, plan_.group(level, me.id().value));
        return splitters_;
      });
    } else {
      auto splitters = cluster_.template make<std::vector<Place>>();
      cluster_.local(samples, [&](const auto& me, auto inbox) {
        if (inbox.empty()) return;
        read_splitters(inbox, level, plan_.group(level, me.id().value));
        splitters[me] = splitters_;
      });
      spread(splitters, level);
      move(items, level, cluster_.nothing(), [&](const auto& me, auto) {
        std::vector<Place> its_splitters;
        its_splitters.swap(splitters[me]);
        return its_splitters;
      });
    }
    // What the next level holds a machine to.
    if (level + 1 == plan_.levels().size()) return;
    cluster_.local([&](const auto& me) {
      const auto most = plan_.levels()[level + 1].most;
      if (items[me].size() <= most) return;
      throw Error(Exit::over_budget, "an unlucky draw: " + std::to_string(items[me].size()) + " items of a sort met here, where at most " +
                                         std::to_string(most) + " were expected; another seed draws anew");
    });
  }

  template <class Items>
  auto send_samples(const Items& items, std::uint64_t level) {
    const auto phase = cluster_.scope("sample");
    return cluster_.template round<Sample>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      const auto group = plan_.group(level, me.id().value);
      if (group.size == 1) return;
      const auto& mine = items[me];
      for (const auto i : plan_.samples(level, me.id().value - group.first)) {
        if (i >= mine.size()) break;
        Sample sample;
        if constexpr (tagged) {
          sample = place(me.id(), i, mine[i]);
        } else {
          sample = key_of(key_, mine[i]);
        }
        for (std::uint64_t m = 0; m < std::min(group.size, plan_.levels()[level].leaders); ++m) {
          out.send(MachineId{group.first + m}, sample);
        }
      }
    });
  }

  /// The leaders' splitters to all machines of their groups.
  template <class Splitters>
  void spread(Splitters& splitters, std::uint64_t level) {
    const auto phase = cluster_.scope("splitters");
    const auto& its = plan_.levels()[level];
    auto holders = its.leaders;
    for (std::uint64_t round = 0; round < its.spreads; ++round, holders *= 1 + its.copies) {
      auto copies = cluster_.template round<std::vector<Place>>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
        const auto group = plan_.group(level, me.id().value);
        const auto rank = me.id().value - group.first;
        if (rank >= holders) return;
        for (std::uint64_t k = 1; k <= its.copies && rank + k * holders < group.size; ++k) {
          out.send(MachineId{me.id().value + k * holders}, splitters[me]);
        }
      });
      cluster_.local(copies, [&](const auto& me, auto inbox) {
        for (const auto& [source, copy] : inbox) splitters[me] = copy;
      });
    }
  }

  /// Every item to its part of the group. splitters_of(me, inbox): of its group; it may be one less than the parts, or none.
  template <class Items, class Samples, class SplittersOf>
  void move(Items& items, std::uint64_t level, const Samples& samples, SplittersOf&& splitters_of) {
    const auto phase = cluster_.scope("move");
    auto moved = cluster_.template round<Carried>(samples, [&](const auto& me, auto inbox, auto& out) {
      const auto group = plan_.group(level, me.id().value);
      if (group.size == 1) return;
      const auto& splitters = splitters_of(me, inbox);
      const auto parts = std::min(plan_.levels()[level].parts, group.size);
      auto& mine = items[me];
      std::uint64_t part = 0, dealt = 0;
      for (std::size_t i = 0; i < mine.size(); ++i) {
        const auto here = place(me.id(), i, mine[i]);
        while (part < splitters.size() && !less(here, splitters[part])) ++part, dealt = 0;
        const auto to = group.part(part, parts);
        const auto start = plan_.hash().below(to.size, pairing_.pack(me.id().value, part), level + 1);
        out.send(MachineId{to.first + (start + dealt++) % to.size}, mine[i]);
      }
      std::vector<Carried>().swap(mine);
    });
    cluster_.local(moved, [&](const auto& me, auto inbox) {
      if (plan_.group(level, me.id().value).size == 1) return;
      auto& mine = items[me];
      mine.reserve(inbox.size());
      for (const auto& [source, item] : inbox) mine.push_back(item);
      // Sources come in their order, and each sent in order: equal keys stay as they were.
      std::ranges::stable_sort(mine, before());
    });
  }

  /// Fills splitters_ from the samples of a group: all its leaders get the same ones, so this rank works them out once.
  template <class Inbox>
  void read_splitters(const Inbox& inbox, std::uint64_t level, const SortPlan::Group& group) {
    const auto arrival = [](MachineId source, const Sample& sample) {
      if constexpr (tagged) {
        return sample;
      } else {
        return Place{sample, source.value};
      }
    };
    std::size_t known = 0;
    for (const auto& [source, sample] : inbox) {
      if (known == arrived_.size() || !same(arrival(source, sample), arrived_[known])) break;
      ++known;
    }
    if (!inbox.empty() && known == inbox.size() && known == arrived_.size()) return;
    arrived_.clear();
    for (const auto& [source, sample] : inbox) arrived_.push_back(arrival(source, sample));
    auto samples = arrived_;
    if constexpr (!tagged) {
      // Which items these are follows from where they come from: a machine's samples are the first of its places.
      std::vector<std::uint64_t> places;
      for (std::size_t i = 0, first = 0; i < samples.size(); ++i) {
        const auto source = arrived_[i].origin;
        if (i == 0 || source != arrived_[i - 1].origin) {
          places = plan_.samples(level, source - group.first);
          first = i;
        }
        samples[i].origin = pairing_.pack(source, places[i - first]);
      }
    }
    std::ranges::sort(samples, less);
    splitters_.clear();
    const auto parts = std::min(plan_.levels()[level].parts, group.size);
    for (std::uint64_t part = 1; part < parts && !samples.empty(); ++part) {
      splitters_.push_back(samples[group.offset(part, parts) * samples.size() / group.size]);
    }
  }

  Cluster& cluster_;
  const SortPlan& plan_;
  Pairing pairing_;
  Key key_;
  std::vector<Place> arrived_, splitters_;  // the samples that were last read, and what they gave
};

/// Sorts the items of all machines: afterwards machine i has the i-th run, in order; equal keys are in the order of (machine, place) that
/// they had, if the plan is stable. key(item) is a plain type with <. The plan is made for the most items that a machine has, which all
/// know. Rounds: plan.rounds(); 2 where a sample fits every machine.  Words: SortPlan; a machine ends with at most plan.most_items_after()
/// items. Throws Error (fault) where a machine has more items than the plan was made for.
template <class Item, class Cluster, class Items, class Key>
void sort(Cluster& cluster, Items& items, Key key, const SortPlan& plan) {
  const auto phase = cluster.scope("sort");
  cluster.local([&](const auto& me) {
    if (items[me].size() > plan.most_items()) {
      throw std::logic_error(std::to_string(items[me].size()) + " items are to be sorted here; the plan is for " +
                             std::to_string(plan.most_items()));
    }
    std::ranges::stable_sort(items[me], [&](const Item& a, const Item& b) { return key(a) < key(b); });
  });
  if (!plan.tagged()) return Sorter<Cluster, Item, Key>(cluster, plan, key).run(items);
  const auto pairing = cluster.model().pairing();
  auto tagged = cluster.template make<std::vector<Tagged<Item>>>();
  cluster.local([&](const auto& me) {
    for (std::size_t i = 0; i < items[me].size(); ++i) tagged[me].push_back({items[me][i], pairing.pack(me.id().value, i)});
    std::vector<Item>().swap(items[me]);
  });
  Sorter<Cluster, Tagged<Item>, Key>(cluster, plan, key).run(tagged);
  cluster.local([&](const auto& me) {
    for (const auto& item : tagged[me]) items[me].push_back(item.value);
    std::vector<Tagged<Item>>().swap(tagged[me]);
  });
}

/// Rounds of a rebalancing.
inline std::uint64_t rebalance_rounds(std::uint64_t machines, std::uint64_t fan_out) {
  return machines == 1 ? 0 : scan_rounds(machines, fan_out) + 1;
}

/// Least s of a rebalancing, beside what else the caller keeps: at most `before` items of w words on a machine, then at most `after`.
inline Words rebalance_least_memory(std::uint64_t machines, std::uint64_t before, std::uint64_t after, std::uint64_t w,
                                    std::uint64_t fan_out) {
  if (machines == 1) return Words{1 + before * w};
  return Words{max(1 + before * w + scan_least_memory(machines, fan_out, 1).count, 2 + max(before, after) * w)};
}

/// Moves the items, in the order of machines and places, so that the item of rank r is on machine r div ceil(total / q), at r mod
/// that. All know `total`, the number of items.
/// Rounds: a scan and 1.  Words: keeps its items, a count and what is before it, sends and receives `fan_out` words, then its items. A
/// sort whose items are to be rebalanced leaves room for the scan: kept_after.
template <class Item, class Cluster, class Items>
void rebalance(Cluster& cluster, Items& items, std::uint64_t total, std::uint64_t fan_out) {
  using W = typename Cluster::Word;
  const auto phase = cluster.scope("rebalance");
  const auto machines = cluster.model().machines;
  if (machines == 1) return;
  const auto block = max(1, (total + machines - 1) / machines);
  auto first = [&] {
    const auto count = cluster.template make<W>([&](const auto& me) { return items[me].size(); });
    return exclusive_scan(
        cluster, count, [](W a, W b) { return a + b; }, W{0}, fan_out);
  }();
  auto moved = cluster.template round<Item>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    for (std::size_t i = 0; i < items[me].size(); ++i) out.send(MachineId{(first[me] + i) / block}, items[me][i]);
    std::vector<Item>().swap(items[me]);
  });
  cluster.local(moved, [&](const auto& me, auto inbox) {
    for (const auto& [source, item] : inbox) items[me].push_back(item);
  });
}

}  // namespace mpc
