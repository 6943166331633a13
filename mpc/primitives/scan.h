#pragma once

#include <cstdint>

#include "mpc/cluster.h"

namespace mpc {

/// Rounds of a scan in which a machine sends and receives at most `fan_out` values a round: ceil(log_{1 + fan_out} q). With the model's
/// fan-out f that is at most T.
inline std::uint64_t scan_rounds(std::uint64_t machines, std::uint64_t fan_out) { return ceil_log(1 + fan_out, machines); }

/// Most values that a machine sends, and receives, in one of so many rounds: no more than they need, ceil(q^{1/R}) - 1 <= fan_out.
inline std::uint64_t scan_width(std::uint64_t machines, std::uint64_t fan_out) {
  return machines == 1 ? 0 : ceil_root(machines, scan_rounds(machines, fan_out)) - 1;
}

/// Least s of a scan of values of w words, beside what else the caller keeps: the value, what is before it, and what is sent or received.
inline Words scan_least_memory(std::uint64_t machines, std::uint64_t fan_out, std::uint64_t w) {
  return Words{(2 + scan_width(machines, fan_out)) * w};
}

/// What every machine's predecessors hold: combine(...combine(value[0], value[1])..., value[me - 1]), and the identity on machine 0.
/// combine is associative; it need not be commutative. value stays as it is.
///
/// Before round j a machine knows the r^j - 1 values before its own. It sends these and its own, combined, to the r - 1 machines
/// r^j, 2 r^j, ... after it, r = ceil(q^{1/R}): windows that are adjacent at the receiver, and cut off at machine 0, where all end. So no
/// machine is special and no value counts twice, whatever q is.
/// Rounds: R = ceil(log_{1 + fan_out} q).  Words of w-word values: keeps 2w, sends and receives at most (r - 1) w <= fan_out w a
/// round; least s: (r + 1) w.  Source: Hillis and Steele 1986, with radix r in place of 2.
template <class T, class Cluster, class Variable, class Combine>
auto exclusive_scan(Cluster& cluster, const Variable& value, Combine combine, const T& identity, std::uint64_t fan_out) {
  const auto phase = cluster.scope("scan");
  const auto machines = cluster.model().machines;
  const auto rounds = scan_rounds(machines, fan_out);
  const auto copies = scan_width(machines, fan_out);
  auto before = cluster.template make<T>([&](const auto&) { return identity; });
  std::uint64_t window = 1;
  for (std::uint64_t j = 0; j < rounds; ++j) {
    auto windows = cluster.template round<T>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      const auto mine = combine(before[me], value[me]);
      auto to = me.id().value;
      for (std::uint64_t k = 0; k < copies && machines - to > window; ++k) out.send(MachineId{to += window}, mine);
    });
    cluster.local(windows, [&](const auto& me, auto inbox) {
      auto all = identity;  // the farthest machine comes first
      for (const auto& [source, farther] : inbox) all = combine(all, farther);
      before[me] = combine(all, before[me]);
    });
    window *= 1 + copies;
  }
  return before;
}

/// The same over items: items(me) is a range of T, the machine's values in order; use(me, i, item, before) gets what is before the i-th of
/// them, on earlier machines too. items(me) is asked for twice, and must not have changed.
/// Rounds, words and least s: as exclusive_scan, beside the items.
template <class T, class Cluster, class Items, class Combine, class Use>
void scan_items(Cluster& cluster, Items&& items, Combine combine, const T& identity, Use&& use, std::uint64_t fan_out) {
  auto total = cluster.template make<T>([&](const auto& me) {
    auto sum = identity;
    for (const auto& item : items(me)) sum = combine(sum, item);
    return sum;
  });
  auto before = exclusive_scan(cluster, total, combine, identity, fan_out);
  cluster.local([&](const auto& me) {
    auto sum = before[me];
    std::size_t i = 0;
    for (const auto& item : items(me)) {
      use(me, i++, item, sum);
      sum = combine(sum, item);
    }
  });
}

/// A value, and whether a segment starts with it: 1 or 0.
template <class T>
struct Segmented {
  Word starts{};
  T value{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& starts& value;
  }
};

/// Combines values that no start of a segment stands between: associative if `combine` is.
template <class Combine>
struct SegmentedCombine {
  Combine combine;
  template <class T>
  Segmented<T> operator()(const Segmented<T>& a, const Segmented<T>& b) const {
    return b.starts != 0 ? b : Segmented<T>{a.starts, combine(a.value, b.value)};
  }
};

/// What is before every machine's value in its segment; the identity where a segment starts, and before the first start too.
/// Rounds, words and least s: as exclusive_scan, for values of one word more.
template <class T, class Cluster, class Variable, class Combine>
auto segmented_scan(Cluster& cluster, const Variable& value, Combine combine, const T& identity, std::uint64_t fan_out) {
  const auto phase = cluster.scope("segmented");
  auto before = exclusive_scan(cluster, value, SegmentedCombine<Combine>{combine}, Segmented<T>{0, identity}, fan_out);
  return cluster.template make<T>([&](const auto& me) { return value[me].starts != 0 ? identity : before[me].value; });
}

/// The same over items: items(me) is a range of Segmented<T>; use(me, i, item, before), as in scan_items.
template <class T, class Cluster, class Items, class Combine, class Use>
void segmented_scan_items(Cluster& cluster, Items&& items, Combine combine, const T& identity, Use&& use, std::uint64_t fan_out) {
  const auto phase = cluster.scope("segmented");
  scan_items(
      cluster, items, SegmentedCombine<Combine>{combine}, Segmented<T>{0, identity},
      [&](const auto& me, std::size_t i, const Segmented<T>& item, const Segmented<T>& before) {
        use(me, i, item, item.starts != 0 ? identity : before.value);
      },
      fan_out);
}

}  // namespace mpc
