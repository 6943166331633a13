#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/key_owners.h"
#include "mpc/primitives/lookup.h"

namespace mpc {

/// Replaces every key k in `keys` by table(k): the composition of two functions, if keys are a table too. With keys == table it is pull
/// doubling: f becomes f o f, whatever the in-degrees.
///
/// keys: a vector of keys on every machine. table: a key for each key, spread over the machines by KeyOwners, in the order of the slots.
/// Rounds: 2.  Words: a machine sends one and receives one per distinct key that it holds; an owner as many as its keys are asked for, at
/// most q for one key.  Source: pointer jumping (Wyllie 1979), with one question per machine and key.
template <class Cluster, class Keys, class Table>
void compose(Cluster& cluster, const KeyOwners& owners, Keys& keys, const Table& table) {
  using W = typename Cluster::Word;
  const auto phase = cluster.scope("compose");
  lookup_all(
      cluster, owners, [&](const auto& me) -> const std::vector<W>& { return keys[me]; },
      [&](const auto& me, W slot) { return table[me][slot]; }, [&](const auto& me, std::size_t i, const W& word) { keys[me][i] = word; });
}

/// A key of a chain: where it points after 2^i steps, who points at it, and what lies between.
template <class T>
struct ChainLink {
  Word next{};      ///< 2 * key + 1 if all 2^i steps were there; 2 * (last key of the chain) if it ended before
  Word previous{};  ///< the same the other way: 2 * (first key of the chain) if it began before
  T fold{};         ///< of this key's value and those of the next ones, 2^i values or up to the end
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& next& previous& fold;
  }
};

/// "I am your next (or your previous) key; this is what is on my other side."
template <class T>
struct ChainLetter {
  Word to_from{};  ///< (slot of the receiver, sender)
  Word far{};      ///< as in ChainLink, on the far side of the sender
  T fold{};        ///< of the sender
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& to_from& far& fold;
  }
};

/// Push doubling: pointers where nothing is pointed at twice, so paths and cycles. Everybody tells its two sides about each other, and
/// what took two rounds of question and answer takes one. A fold of ones is list ranking; of the keys themselves, with min, a label.
///
/// `links` has a ChainLink per key, in the order of the owners' slots, made by chain_start; combine is associative, and need not commute.
/// Rounds: `steps`; ceil(log2 of the longest path) reach every end.  Words, b = ceil(keys/q), folds of w words: keeps b (2 + w) + 1,
/// sends and receives at most 2b (2 + w); least s: 3b (2 + w) + 1.  Source: pointer jumping (Wyllie 1979), pushed from both sides.
template <class T, class Cluster, class Links, class Combine>
void push_doubling(Cluster& cluster, const KeyOwners& owners, Links& links, Combine combine, std::uint64_t steps) {
  using W = typename Cluster::Word;
  const auto phase = cluster.scope("double");
  const auto pairing = cluster.model().pairing();
  std::vector<ChainLink<T>> before;
  std::vector<char> next_heard;
  for (std::uint64_t step = 0; step < steps; ++step) {
    auto letters = cluster.template round<ChainLetter<T>>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      for (std::size_t slot = 0; slot < links[me].size(); ++slot) {
        const auto& link = links[me][slot];
        const auto key = owners.key(me.id(), slot);
        const auto tell = [&](W to, W far) {
          if (to % 2 == 0) return;  // beyond the end: it is no mirror image of this pointer
          out.send(owners.owner(to / 2), ChainLetter<T>{pairing.pack(owners.slot(to / 2), key), far, link.fold});
        };
        tell(link.previous, link.next);
        tell(link.next, link.previous);
      }
    });
    cluster.local(letters, [&](const auto& me, auto inbox) {
      before = links[me];
      next_heard.assign(before.size(), 0);
      for (const auto& [source, letter] : inbox) {
        const auto slot = pairing.high(letter.to_from);
        auto& link = links[me][slot];
        // Both sides may be the same key, halfway around a cycle: it speaks as the next one first.
        if (before[slot].next == 2 * pairing.low(letter.to_from) + 1 && !next_heard[slot]) {
          next_heard[slot] = 1;
          link.next = letter.far;
          link.fold = combine(before[slot].fold, letter.fold);
        } else {
          link.previous = letter.far;
        }
      }
    });
  }
}

/// Least s of push doubling, beside what else the caller keeps.
inline Words push_doubling_least_memory(const KeyOwners& owners, std::uint64_t w) { return Words{3 * owners.most_slots() * (2 + w) + 1}; }

/// A link before the first step. A key without a next one says so by naming itself, and so does one without a previous one; a key that is
/// its own next is a cycle of length 1 and has itself as both, with `loop`.
template <class T>
ChainLink<T> chain_start(Word key, Word next, Word previous, const T& value, bool loop = false) {
  return {2 * next + (next != key || loop ? 1 : 0), 2 * previous + (previous != key || loop ? 1 : 0), value};
}

}  // namespace mpc
