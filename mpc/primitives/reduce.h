#pragma once

#include <cstdint>

#include "mpc/cluster.h"

namespace mpc {

/// Rounds of a reduction in which a machine receives at most `fan_in` values a round: ceil(log_{1 + fan_in} q).
inline std::uint64_t reduce_rounds(std::uint64_t machines, std::uint64_t fan_in) { return ceil_log(1 + fan_in, machines); }

/// Least s of a reduction of values of w words, beside what else the caller keeps: the value, and those received.
inline Words reduce_least_memory(std::uint64_t machines, std::uint64_t fan_in, std::uint64_t w) {
  return Words{machines == 1 ? w : ceil_root(machines, reduce_rounds(machines, fan_in)) * w};
}

/// Combines all machines' values, in the order of the machines, on the root; what the others held is used up, and T{} is left there.
/// combine is associative; it need not be commutative.
///
/// Blocks of r^j consecutive machines, each with its value at one of them: at the root where it is the root's, else at the first. r of
/// them are a block of the next round, so values that meet are adjacent, whatever q and the root are.
/// Rounds: R = ceil(log_{1 + fan_in} q).  Words of w-word values: keeps w, sends w and receives at most (r - 1) w, where r = ceil(q^{1/R}),
/// r - 1 <= fan_in; least s: r w.  Source: the converge-cast of Ghaffari, Massively Parallel Algorithms, 1.3.
template <class T, class Cluster, class Variable, class Combine>
void reduce(Cluster& cluster, Variable& value, MachineId root, Combine combine, std::uint64_t fan_in) {
  const auto phase = cluster.scope("reduce");
  const auto machines = cluster.model().machines;
  const auto rounds = reduce_rounds(machines, fan_in);
  if (rounds == 0) return;
  const auto radix = ceil_root(machines, rounds);
  const auto holder = [&](std::uint64_t machine, std::uint64_t block) {
    return machine / block == root.value / block ? root.value : machine - machine % block;
  };
  std::uint64_t block = 1;
  for (std::uint64_t j = 0; j < rounds; ++j, block *= radix) {
    auto parts = cluster.template round<T>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      const auto id = me.id().value;
      const auto next = holder(id, block * radix);
      if (id != holder(id, block) || id == next) return;
      out.send(MachineId{next}, value[me]);
      value[me] = T{};
    });
    cluster.local(parts, [&](const auto& me, auto inbox) {
      T before{}, after = value[me];  // what stands before the machine's own part, if anything does, and the rest
      bool any_before = false;
      for (const auto& [source, part] : inbox) {
        if (source > me.id()) {
          after = combine(after, part);
        } else {
          before = any_before ? combine(before, part) : part;
          any_before = true;
        }
      }
      value[me] = any_before ? combine(before, after) : after;
    });
  }
}

}  // namespace mpc
