#pragma once

#include <cstdint>

#include "mpc/cluster.h"

namespace mpc {

/// Looks keys up in a table that is spread over the machines: owners.owner(key) has its entry, as its slot owners.slot(key), e.g.
/// KeyOwners.
///
/// keys(me): the distinct keys that the machine asks for, owner by owner in ascending order (a range of Word); asked for again when the
/// answers come, so it must not have changed. answer(me, slot): the owner's word for its slot. use(me, i, word): the answer to the i-th
/// key. Rounds: 2.  Words: a machine sends one and receives one per key that it asks for; an owner as many as its keys are asked for, at
/// most q for one key.
template <class Cluster, class Owners, class Keys, class Answer, class Use>
void lookup(Cluster& cluster, const Owners& owners, Keys&& keys, Answer&& answer, Use&& use) {
  using W = typename Cluster::Word;
  const auto phase = cluster.scope("lookup");
  auto requests = cluster.template round<W>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    for (const auto& key : keys(me)) out.send(owners.owner(key), owners.slot(key));
  });
  // Answers go back in the order of the requests, so they need not name their keys.
  auto answers = cluster.template round<W>(requests, [&](const auto& me, auto inbox, auto& out) {
    for (const auto& [source, slot] : inbox) out.send(source, answer(me, slot));
  });
  cluster.local(answers, [&](const auto& me, auto inbox) {
    std::size_t i = 0;
    for (const auto& [source, word] : inbox) use(me, i++, word);
  });
}

}  // namespace mpc
