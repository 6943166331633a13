#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <type_traits>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/all_reduce.h"
#include "mpc/primitives/broadcast.h"
#include "mpc/primitives/gather.h"
#include "mpc/primitives/key_owners.h"

#include "protocols/graph_input.h"

namespace protocols {

/// How `Cycles` stops.
enum class CycleVariant {
  doubling,  ///< C1: double until every window covers its cycle
  sample,    ///< C2: pointers stop at anchors, which one machine gathers
};

/// What an owner keeps of its vertices, by slot.
struct CycleVertices {
  std::vector<mpc::Word> sides;      ///< (a, b): the vertices at distance 2^i both ways, or nearer ones that are anchors
  std::vector<mpc::Word> distances;  ///< (to a, to b); sample only
  std::vector<mpc::Word> smallest;   ///< in the window between the sides
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& sides& distances& smallest;
  }
};

/// "You are at my other side": to the vertex on one side of the sender, about the one on the other.
struct CycleLink {
  mpc::Word to_from;       ///< (slot of the receiver, sender)
  mpc::Word far_smallest;  ///< (the sender's other side, the smallest id in the sender's window)
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& to_from& far_smallest;
  }
};
struct AnchoredCycleLink {
  mpc::Word to_from, far_smallest;
  mpc::Word distance;  ///< from the sender to its other side
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& to_from& far_smallest& distance;
  }
};
/// An anchor and its neighbours among the anchors.
struct AnchorReport {
  mpc::Word anchor_a;    ///< (anchor, a)
  mpc::Word b_distance;  ///< (b, distance to a)
  mpc::Word distance_b;  ///< distance to b
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& anchor_a& b_distance& distance_b;
  }
};

/// Counts the cycles of a graph that is a union of cycles of length >= 3; no orientation is needed.
///
/// Edges go to the owners of their ends (1 round). Then every vertex tells each side what is on its other side, so that distances double.
/// doubling: after floor(log2 n) rounds a window of radius 2^i - 1 covers every cycle; a cycle is counted at its smallest vertex, by an
/// all-reduce. Rounds: floor(log2 n) + 1 + T.
/// sample: ceil(s/8) anchors are drawn by a public permutation, and pointers stop at them. After K = ceil(log2((8n/s) ln n)) rounds machine
/// 0 gathers the anchors (1 round), counts the cycles that they form, sees from the gap lengths whether they cover all vertices, and says
/// so (T rounds). Rounds: K + 2 + T. If a cycle has no anchor, or a gap is longer, doubling goes on to the end and the rest is counted as
/// there: floor(log2 n) + 3 + 2T. With labels the list of anchors is broadcast in place of the count.
///
/// Words per machine and round, b = ceil(n/q): keeps 3b + 5, sends and receives at most 6b; least s: 9b + 5.
/// Source: pointer doubling; sampling after the anchors of Behnezhad et al. 2019 (SPAA), without adaptive reads.
template <CycleVariant variant, class Cluster>
class Cycles {
 public:
  using Word = typename Cluster::Word;
  static constexpr bool anchored = variant == CycleVariant::sample;

  Cycles(Cluster& cluster, const GraphInput& input, bool labels)
      : cluster_(cluster),
        owners_(input.owners(cluster.model())),
        pairing_(cluster.model().pairing()),
        n_(input.vertices()),
        anchors_(anchors(cluster.model())),
        order_(n_, cluster.hash()(n_, anchor_stream)),
        want_labels_(labels),
        vertices_(cluster.template make<CycleVertices>()),
        anchor_label_(cluster.template make<std::vector<Word>>()),
        found_(cluster.template make<Word>()) {
    send_edges_to_owners(input);
    std::uint64_t doublings = 0;
    const auto all = whole_doublings(n_);
    const auto double_to = [&](std::uint64_t last) {
      while (doublings < last) double_distances(doublings++);
    };
    if constexpr (anchored) {
      double_to(std::min(all, sampled_doublings(cluster.model(), n_)));
      gather_anchors();
      if (publish()) return;
      retries_ = 1;
      cluster_.local([&](const auto& me) { std::vector<Word>().swap(anchor_label_[me]); });
      double_to(all);
      gather_anchors();
      if (want_labels_ && publish()) return;
    } else {
      double_to(all);
    }
    count_smallest();
  }

  /// Cycles; every machine holds the number.
  std::uint64_t count() {
    return cluster_.agree([&](const auto& me) { return found_[me]; });
  }
  std::uint64_t retries() const { return retries_; }

  /// Calls visit(vertex, label) for the vertices that this machine owns; for sample only if labels were asked for.
  template <class Machine, class Visit>
  void labels(const Machine& me, Visit&& visit) const {
    const auto& mine = vertices_[me];
    std::map<Word, Word> label_of;
    for (const auto pair : anchor_label_[me]) label_of.emplace(pairing_.high(pair), pairing_.low(pair));
    for (std::size_t slot = 0; slot < mine.sides.size(); ++slot) {
      const auto vertex = owners_.key(me.id(), slot);
      const auto near = representative(vertex, mine.sides[slot]);
      visit(vertex, is_anchor(near) ? label_of.at(near) : mine.smallest[slot]);
    }
  }

  static std::uint64_t anchors(const mpc::Model& model) { return (model.memory.count + 7) / 8; }
  /// floor(log2 n): windows of radius 2^i - 1 cover 2^{i+1} - 1 >= n vertices.
  static std::uint64_t whole_doublings(std::uint64_t n) { return mpc::ceil_log(2, n + 1) - 1; }
  /// max(0, ceil(log2((8n/s) ln n))), at most floor(log2 n).
  static std::uint64_t sampled_doublings(const mpc::Model& model, std::uint64_t n) {
    const auto gap = 8.0 * static_cast<double>(n) / static_cast<double>(model.memory.count) * std::log(static_cast<double>(n));
    return gap <= 1 ? 0 : std::min(whole_doublings(n), static_cast<std::uint64_t>(std::ceil(std::log2(gap))));
  }
  /// Copies of the anchor list that a machine can send in a round.
  static std::uint64_t label_fan_out(const mpc::Model& model, std::uint64_t n) {
    const auto list = std::min(anchors(model), n) + 2;
    const auto kept = 3 * ((n + model.machines - 1) / model.machines) + 5 + list;
    return model.memory.count < kept + list ? 0 : (model.memory.count - kept) / list;
  }

  static Bounds bounds(const mpc::Model& model, std::uint64_t n, bool labels, std::uint64_t retries) {
    if (n == 0) return {0, mpc::Words{1}};
    const auto trees = model.tree_rounds();
    const auto block = (n + model.machines - 1) / model.machines;
    const auto list = std::min(anchors(model), n) + 2;
    const mpc::Words least{std::max(9 * block + 5, anchored && labels ? 3 * block + 5 + 2 * list : 0)};
    if constexpr (!anchored) return {whole_doublings(n) + 1 + trees, least};
    const auto publish =
        labels ? std::max(trees, mpc::broadcast_rounds(model.machines, std::max<std::uint64_t>(1, label_fan_out(model, n)))) : trees;
    if (retries == 0) return {sampled_doublings(model, n) + 2 + publish, least};
    return {whole_doublings(n) + 3 + trees + (labels ? 2 : 1) * publish, least};
  }

 private:
  static constexpr std::uint64_t anchor_stream = 7;

  bool is_anchor(Word vertex) const { return anchored && order_(vertex) < anchors_; }
  /// An anchor of the vertex's cycle, once all doublings are done and if it has one: the nearer side has found it, and only that for sure.
  Word representative(Word vertex, Word sides) const {
    if (is_anchor(vertex)) return vertex;
    return is_anchor(pairing_.high(sides)) ? pairing_.high(sides) : pairing_.low(sides);
  }

  void send_edges_to_owners(const GraphInput& input) {
    const auto phase = cluster_.scope("edges to owners");
    auto edges = deal(cluster_, input);
    auto ends = cluster_.template round<Word>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      for (const auto edge : edges[me]) {
        const auto u = pairing_.high(edge);
        const auto v = pairing_.low(edge);
        out.send(owners_.owner(u), pairing_.pack(owners_.slot(u), v));
        out.send(owners_.owner(v), pairing_.pack(owners_.slot(v), u));
      }
      std::vector<Word>().swap(edges[me]);
    });
    cluster_.local(ends, [&](const auto& me, auto inbox) {
      auto& mine = vertices_[me];
      const auto count = owners_.slots(me.id());
      mine.sides.assign(count, 0);
      if constexpr (anchored) mine.distances.assign(count, pairing_.pack(1, 1));
      for (std::size_t slot = 0; slot < count; ++slot) mine.smallest.push_back(owners_.key(me.id(), slot));
      std::vector<bool> first(count, true);
      for (const auto& [source, end] : inbox) {
        auto& sides = mine.sides[pairing_.high(end)];
        const auto neighbour = pairing_.low(end);
        sides = first[pairing_.high(end)] ? pairing_.pack(neighbour, 0) : pairing_.pack(pairing_.high(sides), neighbour);
        first[pairing_.high(end)] = false;
      }
    });
  }

  /// One round: distances of 2^i become 2^(i+1), unless an anchor is nearer.
  void double_distances(std::uint64_t i) {
    using Link = std::conditional_t<anchored, AnchoredCycleLink, CycleLink>;
    const auto phase = cluster_.scope("double");
    const auto reach = Word{1} << i;
    auto links = cluster_.template round<Link>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      const auto& mine = vertices_[me];
      for (std::size_t slot = 0; slot < mine.sides.size(); ++slot) {
        const auto vertex = owners_.key(me.id(), slot);
        if (is_anchor(vertex)) continue;  // a pointer that reached an anchor stays there
        const auto a = pairing_.high(mine.sides[slot]);
        const auto b = pairing_.low(mine.sides[slot]);
        const auto tell = [&](Word to, Word far, Word far_distance) {
          Link link{};
          link.to_from = pairing_.pack(owners_.slot(to), vertex);
          link.far_smallest = pairing_.pack(far, mine.smallest[slot]);
          if constexpr (anchored) link.distance = far_distance;
          out.send(owners_.owner(to), link);
        };
        if constexpr (anchored) {
          // Only a vertex at exactly this distance points back here.
          const auto to_a = pairing_.high(mine.distances[slot]);
          const auto to_b = pairing_.low(mine.distances[slot]);
          if (to_a == reach) tell(a, b, to_b);
          if (to_b == reach) tell(b, a, to_a);
        } else {
          tell(a, b, reach);
          tell(b, a, reach);
        }
      }
    });
    cluster_.local(links, [&](const auto& me, auto inbox) {
      auto& mine = vertices_[me];
      before_ = mine.sides;
      taken_.assign(before_.size(), 0);
      for (const auto& [source, link] : inbox) {
        const auto slot = pairing_.high(link.to_from);
        const auto sender = pairing_.low(link.to_from);
        mine.smallest[slot] = mpc::min(mine.smallest[slot], pairing_.low(link.far_smallest));
        // Halfway around a cycle both sides are the sender; it says the same about both, so the first message takes side a.
        const bool side_a = sender == pairing_.high(before_[slot]) && !(taken_[slot] && sender == pairing_.low(before_[slot]));
        taken_[slot] = 1;
        const auto replace = [&](Word pair, Word value) {
          return side_a ? pairing_.pack(value, pairing_.low(pair)) : pairing_.pack(pairing_.high(pair), value);
        };
        mine.sides[slot] = replace(mine.sides[slot], pairing_.high(link.far_smallest));
        if constexpr (anchored) mine.distances[slot] = replace(mine.distances[slot], reach + link.distance);
      }
    });
  }

  /// Machine 0 learns how the anchors are linked; found_ there becomes twice the cycles that they form, plus 1 if they cover all vertices.
  void gather_anchors() {
    auto reports = mpc::gather<AnchorReport>(cluster_, mpc::MachineId{0}, [&](const auto& me) {
      std::vector<AnchorReport> mine;
      const auto& state = vertices_[me];
      for (std::size_t slot = 0; slot < state.sides.size(); ++slot) {
        const auto vertex = owners_.key(me.id(), slot);
        if (!is_anchor(vertex)) continue;
        mine.push_back({pairing_.pack(vertex, pairing_.high(state.sides[slot])),
                        pairing_.pack(pairing_.low(state.sides[slot]), pairing_.high(state.distances[slot])),
                        pairing_.low(state.distances[slot])});
      }
      return mine;
    });
    cluster_.local(reports, [&](const auto& me, auto inbox) {
      if (me.id().value != 0) return;
      std::map<Word, Word> parent;
      const auto root = [&](Word x) {
        while (parent.at(x) != x) x = parent[x] = parent[parent[x]];
        return x;
      };
      for (const auto& [source, report] : inbox) parent.emplace(pairing_.high(report.anchor_a), pairing_.high(report.anchor_a));
      bool complete = true;
      Word covered = 0;
      Word cycles = parent.size();
      for (const auto& [source, report] : inbox) {
        covered += pairing_.low(report.b_distance) + report.distance_b;
        for (const auto other : {pairing_.low(report.anchor_a), pairing_.high(report.b_distance)}) {
          if (!parent.contains(other)) {
            complete = false;
            continue;
          }
          const auto x = root(pairing_.high(report.anchor_a));
          const auto y = root(other);
          if (x == y) continue;
          parent[std::max(x, y)] = std::min(x, y);
          --cycles;
        }
      }
      complete = complete && covered == 2 * n_;  // every gap is seen from both its ends
      found_[me] = 2 * cycles + (complete ? 1 : 0);
      if (!want_labels_) return;
      anchor_label_[me].clear();
      for (const auto& [anchor, up] : parent) anchor_label_[me].push_back(pairing_.pack(anchor, root(anchor)));
    });
  }

  /// Machine 0 tells everybody, with the labels of the anchors if they are wanted; true if all cycles are counted.
  bool publish() {
    if (want_labels_) {
      cluster_.local([&](const auto& me) {
        if (me.id().value == 0) anchor_label_[me].push_back(found_[me]);
      });
      mpc::broadcast<std::vector<Word>>(cluster_, anchor_label_, mpc::MachineId{0},
                                        std::max<std::uint64_t>(1, label_fan_out(cluster_.model(), n_)));
      cluster_.local([&](const auto& me) {
        found_[me] = anchor_label_[me].back();
        anchor_label_[me].pop_back();
      });
    } else {
      mpc::broadcast<Word>(cluster_, found_, mpc::MachineId{0}, cluster_.model().fan_out());
    }
    if (count() % 2 == 0) return false;
    cluster_.local([&](const auto& me) { found_[me] /= 2; });
    return true;
  }

  /// Every cycle without an anchor is counted at its smallest vertex, the others on machine 0.
  void count_smallest() {
    cluster_.local([&](const auto& me) {
      found_[me] = me.id().value == 0 ? found_[me] / 2 : 0;
      const auto& mine = vertices_[me];
      for (std::size_t slot = 0; slot < mine.sides.size(); ++slot) {
        const auto vertex = owners_.key(me.id(), slot);
        if (!is_anchor(representative(vertex, mine.sides[slot])) && mine.smallest[slot] == vertex) ++found_[me];
      }
    });
    mpc::all_reduce(cluster_, found_, [](Word a, Word b) { return a + b; });
  }

  Cluster& cluster_;
  mpc::KeyOwners owners_;
  mpc::Pairing pairing_;
  std::uint64_t n_, anchors_;
  mpc::PublicPermutation order_;
  bool want_labels_;
  decltype(std::declval<Cluster&>().template make<CycleVertices>()) vertices_;
  decltype(std::declval<Cluster&>().template make<std::vector<Word>>()) anchor_label_;
  decltype(std::declval<Cluster&>().template make<Word>()) found_;
  std::uint64_t retries_ = 0;
  std::vector<Word> before_;  // scratch
  std::vector<char> taken_;   // scratch
};

/// The protocol, as the command knows it.
struct CyclesProtocol {
  static About about();
  static Bounds bounds(const mpc::Model& model, const Shape& shape, const Settings& settings, std::uint64_t retries);
  static Expected oracle(const WholeGraph& graph);
  /// Refuses a graph that is no union of cycles, naming a vertex and its degree (InputError).
  static void check(const Graph& graph, mpc::Ranks& ranks);

  template <class Cluster>
  static Answer run(Cluster& cluster, const GraphInput& input, const Settings& settings) {
    if (input.edges() == 0) return {};
    if (settings.variant == "doubling")
      return answer(Cycles<CycleVariant::doubling, Cluster>(cluster, input, settings.labels), cluster, settings);
    return answer(Cycles<CycleVariant::sample, Cluster>(cluster, input, settings.labels), cluster, settings);
  }

 private:
  template <class Solved, class Cluster>
  static Answer answer(Solved solved, Cluster& cluster, const Settings& settings) {
    Answer answer{.value = solved.count(), .retries = solved.retries()};
    cluster.inspect([&](const auto& me) {
      if (settings.labels) solved.labels(me, [&](auto vertex, auto label) { answer.labels.push_back({vertex, label}); });
    });
    return answer;
  }
};

}  // namespace protocols
