#pragma once

#include <cstdint>

#include "mpc/model.h"
#include "mpc/word.h"

#include "protocols/protocol.h"
#include "protocols/straight_line/one_word.h"

namespace protocols {

/// Sorts a word a machine: machine i ends with the i-th smallest. Item i is machine i's word.
///
/// Bitonic sort in the form whose comparators all point the same way: runs of 2^k machines are merged by comparing with the mirror image
/// first, then at distances 2^(k-2), ..., 1. So a machine beyond the last one would hold the largest word for ever, and needs not be there:
/// any q will do.
/// Rounds: k (k + 1) / 2, k = ceil(log2 q).  Words: keeps 1, sends and receives 1; least s: 2.
/// Source: Batcher 1968; Knuth, volume 3, 5.3.4.
struct BitonicSort {
  static constexpr std::uint64_t item_words = 1;

  static Bounds bounds(const mpc::Model& model) {
    const auto k = mpc::ceil_log(2, model.machines);
    return {k * (k + 1) / 2, mpc::Words{2}};
  }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    auto held = cluster.template make<OneWord<Word>>([&](const auto& me) { return OneWord<Word>{input(me, 0, 0)}; });
    const auto phase = cluster.scope("bitonic sort");
    const auto machines = cluster.model().machines;
    const auto exchange = [&](std::uint64_t mask) {
      auto keys = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
        const Word partner = me.id().value ^ Word(mask);
        out.send_if(partner < Word(machines), partner, held[me].value);
      });
      cluster.local(keys, [&](const auto& me, const auto& inbox) {
        const Word own = me.id().value;
        auto& key = held[me].value;
        for (const auto& [source, other] : inbox) {
          key = mpc::where(own < (own ^ Word(mask)), mpc::min(key, other), mpc::max(key, other));
        }
      });
    };
    for (std::uint64_t run = 2; run < 2 * machines; run *= 2) {
      exchange(run - 1);
      for (auto distance = run / 4; distance > 0; distance /= 2) exchange(distance);
    }
    return held;
  }

  template <class Word>
  static auto answer(const OneWord<Word>& held) {
    return held.value;
  }
};

}  // namespace protocols
