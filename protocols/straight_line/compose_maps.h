#pragma once

#include <cstdint>
#include <vector>

#include "mpc/model.h"
#include "mpc/word.h"

#include "protocols/protocol.h"

namespace protocols {

/// A map: image[x] for every point x.
template <class Word>
struct MapTable {
  static constexpr const char* name = "map";
  static constexpr const char* names[] = {"image"};
  std::vector<Word> image{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& image;
  }
};

/// f_k o ... o f_1 for k maps of n points. Machines are maps, q = k: machine l holds all of f_{l + 1}, item l n + x is f_{l + 1}(x).
///
/// Level t = 0, 1, ...: every machine whose number is an odd multiple of 2^t sends its map to the one 2^t below, which composes it with
/// its own. In the end machine 0 holds the composition.
/// Rounds: ceil(log2 k).  Words: keeps n, sends or receives a map of n words and its length; least s: 2n + 2.
/// Source: adjacent pairs (folklore).
class ComposeMaps {
 public:
  static constexpr std::uint64_t item_words = 1;

  explicit ComposeMaps(std::uint64_t points) : points_(points) {}

  Bounds bounds(const mpc::Model& model) const { return {mpc::ceil_log(2, model.machines), mpc::Words{2 * points_ + 2}}; }

  template <class Cluster, class Input>
  auto run(Cluster& cluster, Input&& input) const {
    using Word = typename Cluster::Word;
    auto map = cluster.template make<MapTable<Word>>([&](const auto& me) {
      MapTable<Word> mine;
      for (std::uint64_t x = 0; x < points_; ++x) mine.image.push_back(input(me, x, 0));
      return mine;
    });
    const auto phase = cluster.scope("compose");
    for (std::uint64_t stride = 1; stride < cluster.model().machines; stride *= 2) {
      auto maps = cluster.template round<std::vector<Word>>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
        const Word own = me.id().value;
        out.send_if((own & Word(2 * stride - 1)) == Word(stride), own - Word(stride), map[me].image);
      });
      cluster.local(maps, [&](const auto& me, const auto& inbox) {
        for (const auto& [source, outer] : inbox) {
          for (auto& image : map[me].image) image = mpc::read(outer, image);
        }
      });
    }
    return map;
  }

  /// Of machine 0.
  template <class Word>
  static auto answer(const MapTable<Word>& map) {
    return map.image;
  }

 private:
  std::uint64_t points_;
};

}  // namespace protocols
