#pragma once

#include <cstdint>

#include "mpc/cluster.h"

namespace mpc {

/// Rounds of a broadcast in which every holder sends `fan_out` copies a round: ceil(log_{1 + fan_out} q).
inline std::uint64_t broadcast_rounds(std::uint64_t machines, std::uint64_t fan_out) { return ceil_log(1 + fan_out, machines); }

/// Gives every machine the root's value.
/// Rounds: ceil(log_{1 + fan_out} q).  Words per machine and round: sends fan_out * w and receives w, where w = words_of(value).
/// Source: a tree in which every holder, not only the newest, sends again (Ghaffari, Massively Parallel Algorithms, 1.3.2).
template <class T, class Cluster, class Variable>
void broadcast(Cluster& cluster, Variable& value, MachineId root, std::uint64_t fan_out) {
  const auto phase = cluster.scope("broadcast");
  const auto machines = cluster.model().machines;
  for (std::uint64_t holders = 1; holders < machines; holders *= 1 + fan_out) {
    auto copies = cluster.template round<T>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      const auto place = (me.id().value + machines - root.value) % machines;
      if (place >= holders) return;
      for (std::uint64_t k = 1; k <= fan_out && place + k * holders < machines; ++k) {
        out.send(MachineId{(place + k * holders + root.value) % machines}, value[me]);
      }
    });
    cluster.local(copies, [&](const auto& me, auto inbox) {
      for (const auto& [source, copy] : inbox) value[me] = copy;
    });
  }
}

}  // namespace mpc
