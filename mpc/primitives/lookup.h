#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/key_owners.h"

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

/// The same for keys in any order, with repetitions: every distinct key of a machine is asked for once. keys(me) is a range of Word;
/// use(me, i, word) gets the answer to the i-th of them, in no particular order, and may overwrite that key.
/// Rounds: 2.  Words: as lookup, per distinct key.
template <class Cluster, class Owners, class Keys, class Answer, class Use>
void lookup_all(Cluster& cluster, const Owners& owners, Keys&& keys, Answer&& answer, Use&& use) {
  using W = typename Cluster::Word;
  struct Place {
    W owner, key;
    std::size_t i;
    bool operator<(const Place& other) const { return owner != other.owner ? owner < other.owner : key < other.key; }
  };
  std::vector<Place> places;  // of the keys of the machine at hand, owner by owner
  const auto sort_places = [&](const auto& me) {
    places.clear();
    for (const auto& key : keys(me)) places.push_back({owners.owner(key).value, key, places.size()});
    std::ranges::sort(places, std::less<>{});
  };
  std::vector<W> distinct;
  std::size_t next = 0;
  lookup(
      cluster, owners,
      [&](const auto& me) -> const std::vector<W>& {
        sort_places(me);
        distinct.clear();
        for (const auto& place : places) {
          if (distinct.empty() || distinct.back() != place.key) distinct.push_back(place.key);
        }
        return distinct;
      },
      answer,
      [&](const auto& me, std::size_t i, const W& word) {
        if (i == 0) {
          sort_places(me);
          next = 0;
        }
        for (const auto key = places[next].key; next < places.size() && places[next].key == key; ++next) use(me, places[next].i, word);
      });
}

/// Least s of either, beside `kept` words: a machine asks for at most `asked` distinct keys, and is asked at most `answered` times.
inline Words lookup_least_memory(std::uint64_t kept, std::uint64_t asked, std::uint64_t answered) {
  return Words{kept + max(asked, answered)};
}

}  // namespace mpc
