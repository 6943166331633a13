#pragma once

#include <cstdint>

#include "mpc/model.h"
#include "mpc/word.h"

#include "protocols/protocol.h"

/// Protocols whose steps are straight-line code on words: no branch on a word, no container that grows, a fixed number of send statements,
/// and for every statement at most one message that a machine receives. The same templates run on mpc::Cluster, on messages, and on
/// bridge::TracingCluster, which turns them into weights. input(me, slot, word) is a word of the item in a slot of the machine's input.
namespace protocols {

/// What a vertex of a cycle knows.
template <class Word>
struct CyclePosition {
  static constexpr const char* name = "vertex";
  static constexpr const char* names[] = {"next", "previous", "smallest"};
  Word next{}, previous{};  ///< the vertices 2^i steps away both ways
  Word smallest{};          ///< of those in between, and itself
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& next& previous& smallest;
  }
};

/// "I am your next (or your previous) one; this is what is on my far side."
template <class Word>
struct CycleNews {
  static constexpr const char* names[] = {"forward", "far", "smallest"};
  Word forward{}, far{}, smallest{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& forward& far& smallest;
  }
};

/// The smallest id on every vertex's cycle, by pointer doubling. Vertices are machines, n = q; item i is an edge (from, to), and every
/// vertex is once the first and once the second of an edge. A loop is a cycle of one vertex.
///
/// Rounds: 1 + ceil(log2 max(1, floor(n/2))): edges to their ends, then distances double; after t times a window of radius 2^t has been
/// seen, 2^(t+1) + 1 vertices.  Words: keeps 3, sends and receives 6; least s: 9.
/// Source: pointer doubling (Wyllie 1979), pushed from both sides.
struct LabelCycles {
  static constexpr std::uint64_t item_words = 2;

  static Bounds bounds(const mpc::Model& model) { return {1 + mpc::ceil_log(2, mpc::max(1, model.machines / 2)), mpc::Words{9}}; }

  template <class Cluster, class Input>
  static auto run(Cluster& cluster, Input&& input) {
    using Word = typename Cluster::Word;
    using News = CycleNews<Word>;
    auto vertex = cluster.template make<CyclePosition<Word>>();
    const auto take = [&](const auto& letters) {
      cluster.local(letters, [&](const auto& me, const auto& inbox) {
        auto& mine = vertex[me];
        for (const auto& [source, news] : inbox) {
          mine.smallest = mpc::min(mine.smallest, news.smallest);
          mine.next = mpc::where(news.forward == Word(1), news.far, mine.next);
          mine.previous = mpc::where(news.forward == Word(1), mine.previous, news.far);
        }
      });
    };
    {
      const auto phase = cluster.scope("edges to their ends");
      take(cluster.template round<News>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
        vertex[me].smallest = me.id().value;
        const Word from = input(me, 0, 0), to = input(me, 0, 1);
        out.send(from, News{Word(1), to, to});
        out.send(to, News{Word(0), from, from});
      }));
    }
    const auto phase = cluster.scope("double");
    for (std::uint64_t radius = 1; 2 * radius + 1 < cluster.model().machines; radius *= 2) {
      take(cluster.template round<News>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) {
        const auto& mine = vertex[me];
        out.send(mine.previous, News{Word(1), mine.next, mine.smallest});
        out.send(mine.next, News{Word(0), mine.previous, mine.smallest});
      }));
    }
    return vertex;
  }

  template <class Word>
  static auto answer(const CyclePosition<Word>& vertex) {
    return vertex.smallest;
  }
};

}  // namespace protocols
