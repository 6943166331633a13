#pragma once

#include <vector>

#include "mpc/cluster.h"

namespace mpc {

/// Sends every machine's items to the root; returns the inboxes, of which only the root's is not empty.
/// items(me) is a range of T. Rounds: 1.  Words: a machine sends its items, the root receives all: at most s less what it keeps.
template <class T, class Cluster, class Items>
auto gather(Cluster& cluster, MachineId root, Items&& items) {
  const auto phase = cluster.scope("gather");
  return cluster.template round<T>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    for (const auto& item : items(me)) out.send(root, item);
  });
}

}  // namespace mpc
