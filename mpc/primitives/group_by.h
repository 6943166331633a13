#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/key_owners.h"
#include "mpc/primitives/scan.h"
#include "mpc/primitives/sort.h"

namespace mpc {

/// A value and the key that it belongs to.
template <class T>
struct Keyed {
  Word key{};
  T value{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& key& value;
  }
};

/// Combines the neighbours of equal keys in a list that is sorted by key, in order.
template <class T, class Combine>
void combine_neighbours(std::vector<Keyed<T>>& items, Combine&& combine) {
  std::size_t last = 0;
  for (std::size_t i = 1; i < items.size(); ++i) {
    if (items[i].key == items[last].key) {
      items[last].value = combine(items[last].value, items[i].value);
    } else {
      items[++last] = items[i];
    }
  }
  if (!items.empty()) items.resize(last + 1);
}

/// Combines all values of every key at the key's owner. Where all machines know something about one key, its owner gets q messages: for
/// keys of so many askers that they do not fit, there is group_by_sorting.
///
/// items(me) is a range of Keyed<T>, the machine's, in any order; use(me, key, value) is called on the owner, once a key that anybody has,
/// by ascending slots. combine is associative; it need not commute: values come in the order of (machine, place).
/// Rounds: 1.  Words of w-word values: a machine sends 1 + w per distinct key that it has, having combined its own; an owner receives
/// as much from every machine that knows its key. Least s: what the machine keeps, and the larger of these two.
template <class T, class Cluster, class Items, class Combine, class Use>
void group_by_owners(Cluster& cluster, const KeyOwners& owners, Items&& items, Combine combine, Use&& use) {
  const auto phase = cluster.scope("group");
  std::vector<Keyed<T>> groups;  // of the machine at hand
  auto sent = cluster.template round<Keyed<T>>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    groups.clear();
    for (const auto& item : items(me)) groups.push_back(item);
    std::ranges::stable_sort(groups, {}, &Keyed<T>::key);
    combine_neighbours(groups, combine);
    for (const auto& group : groups) out.send(owners.owner(group.key), Keyed<T>{owners.slot(group.key), group.value});
  });
  cluster.local(sent, [&](const auto& me, auto inbox) {
    groups.clear();
    for (const auto& [source, part] : inbox) groups.push_back(part);
    std::ranges::stable_sort(groups, {}, &Keyed<T>::key);
    combine_neighbours(groups, combine);
    for (const auto& group : groups) use(me, owners.key(me.id(), group.key), group.value);
  });
}

/// What a run of sorted items leaves for what comes after it: its last group.
template <class T>
struct Trailing {
  Word any{};  ///< whether there are items: 1 or 0
  Keyed<T> last{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& any& last;
  }
};

template <class Combine>
struct TrailingCombine {
  Combine combine;
  template <class T>
  Trailing<T> operator()(const Trailing<T>& a, const Trailing<T>& b) const {
    if (a.any == 0) return b;
    if (b.any == 0) return a;
    // Runs are sorted: where the last keys are equal, all of b is that group.
    return a.last.key == b.last.key ? Trailing<T>{1, {a.last.key, combine(a.last.value, b.last.value)}} : b;
  }
};

/// What group_by_sorting sorts: at most `items` items of w-word values on a machine, with `kept` words beside them all the time, and then
/// those of the scan. SortPlan::least_memory of it is the least s.
inline SortShape group_by_shape(std::uint64_t machines, std::uint64_t items, std::uint64_t w, std::uint64_t kept, std::uint64_t fan_out) {
  return {.items = items,
          .item_words = 1 + w,
          .key_words = 1,
          .kept = kept,
          .stable = true,
          .kept_after = kept + scan_least_memory(machines, fan_out, 2 + w).count};
}

inline std::uint64_t group_by_rounds(std::uint64_t machines, const SortPlan& plan, std::uint64_t fan_out) {
  return plan.rounds() + scan_rounds(machines, fan_out);
}

/// Combines all values of every key, whatever the number of values of a key, and of keys of a machine: the items are sorted by key, every
/// machine combines its run, and a scan carries the last group of each run into the next ones. A group is used where the next one
/// begins, on the machine that has that group's first item, and the last one of all on the last machine.
///
/// items: a vector of Keyed<T> on every machine; used up. use(me, key, value): once for every key, on one machine, keys ascending over the
/// machines. combine is associative; with a stable plan it need not commute.
/// Rounds: plan.rounds() + ceil(log_{1 + fan_out} q), the plan made for group_by_shape.  Words: the sort's; then a machine keeps its run,
/// combined, and sends and receives at most fan_out (2 + w). Source: Tao, Lin, Xiao 2013, 4.2.
template <class T, class Cluster, class Items, class Combine, class Use>
void group_by_sorting(Cluster& cluster, Items& items, Combine combine, Use&& use, const SortPlan& plan, std::uint64_t fan_out) {
  const auto phase = cluster.scope("group");
  sort<Keyed<T>>(
      cluster, items, [](const Keyed<T>& item) { return item.key; }, plan);
  const auto before = [&] {
    const auto trailing = cluster.template make<Trailing<T>>([&](const auto& me) {
      combine_neighbours(items[me], combine);
      const auto& mine = items[me];
      return mine.empty() ? Trailing<T>{} : Trailing<T>{1, mine.back()};
    });
    return exclusive_scan(cluster, trailing, TrailingCombine<Combine>{combine}, Trailing<T>{}, fan_out);
  }();
  const auto last = cluster.model().machines - 1;
  cluster.local([&](const auto& me) {
    auto& mine = items[me];
    bool open = before[me].any != 0;  // whether `group` holds one
    auto group = before[me].last;
    for (const auto& item : mine) {
      if (open && item.key == group.key) {
        group.value = combine(group.value, item.value);
        continue;
      }
      if (open) use(me, group.key, group.value);
      group = item;
      open = true;
    }
    if (open && me.id().value == last) use(me, group.key, group.value);
    std::vector<Keyed<T>>().swap(mine);
  });
}

}  // namespace mpc
