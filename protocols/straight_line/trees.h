#pragma once

#include <cstdint>

#include "mpc/model.h"
#include "mpc/word.h"

#include "protocols/protocol.h"
#include "protocols/straight_line/one_word.h"

namespace protocols {

/// Machine 0's word to all machines: every holder sends to one that has none yet. Item i is machine i's word.
/// Rounds: ceil(log2 q).  Words: keeps 1, sends and receives 1; least s: 2.
/// Source: the broadcast tree of Ghaffari, Massively Parallel Algorithms, 1.3.2.
struct TreeBroadcast {
  static constexpr std::uint64_t item_words = 1;

  static Bounds bounds(const mpc::Model& model) { return {mpc::ceil_log(2, model.machines), mpc::Words{2}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    auto held = cluster.template make<OneWord<Word>>([&](const auto& me) { return OneWord<Word>{input(me, 0, 0)}; });
    const auto phase = cluster.scope("broadcast");
    const auto machines = cluster.model().machines;
    for (std::uint64_t holders = 1; holders < machines; holders *= 2) {
      auto copies = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
        const Word own = me.id().value;
        const Word to = own + Word(holders);
        out.send_if(own < Word(holders) && to < Word(machines), to, held[me].value);
      });
      cluster.local(copies, [&](const auto& me, const auto& inbox) {
        for (const auto& [source, copy] : inbox) held[me].value = copy;
      });
    }
    return held;
  }

  template <class Word>
  static auto answer(const OneWord<Word>& held) {
    return held.value;
  }
};

/// How TreeReduce combines.
enum class Extreme { smallest, largest };

/// The smallest, or the largest, of all machines' words, on machine 0: in pairs, in pairs of pairs, and so on. Item i is machine i's word.
/// Rounds: ceil(log2 q).  Words: keeps 1, sends and receives 1; least s: 2.
/// Source: the converge-cast of Ghaffari, Massively Parallel Algorithms, 1.3.
template <Extreme extreme>
struct TreeReduce {
  static constexpr std::uint64_t item_words = 1;

  static Bounds bounds(const mpc::Model& model) { return {mpc::ceil_log(2, model.machines), mpc::Words{2}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    auto held = cluster.template make<OneWord<Word>>([&](const auto& me) { return OneWord<Word>{input(me, 0, 0)}; });
    const auto phase = cluster.scope("reduce");
    for (std::uint64_t block = 1; block < cluster.model().machines; block *= 2) {
      auto parts = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
        const Word own = me.id().value;
        out.send_if((own & Word(2 * block - 1)) == Word(block), own - Word(block), held[me].value);
      });
      cluster.local(parts, [&](const auto& me, const auto& inbox) {
        for (const auto& [source, part] : inbox) {
          auto& value = held[me].value;
          value = extreme == Extreme::smallest ? mpc::min(value, part) : mpc::max(value, part);
        }
      });
    }
    return held;
  }

  /// Of machine 0.
  template <class Word>
  static auto answer(const OneWord<Word>& held) {
    return held.value;
  }
};

}  // namespace protocols
