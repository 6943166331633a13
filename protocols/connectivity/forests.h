#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/key_owners.h"

#include "protocols/connectivity/layout.h"
#include "protocols/connectivity/spanning_forest.h"
#include "protocols/graph_input.h"

namespace protocols {

/// Connected components where a machine can hold all vertices (the near-linear regime): every machine keeps a spanning forest of the edges
/// that it was dealt, at most n - 1 words; forests are sent up a tree and become one forest of both where they meet; machine 0, which
/// then holds a forest of the whole graph, tells every owner its vertices' labels.
///
/// With h = floor(s / (n - 1)) forests on one machine at a time (its own is one of them): rounds ceil(log_h q) + 1.  Words per machine and
/// round: keeps at most max(n - 1, e), sends n, receives (h - 1)(n - 1), e = ceil(m/q); least s: max(2n, e), n + 2 for q = 1.
/// Source: Lattanzi, Moseley, Suri, Vassilvitskii 2011 (filtering); Karloff, Suri, Vassilvitskii 2010.
template <class Cluster>
class Forests {
 public:
  using Word = typename Cluster::Word;

  Forests(Cluster& cluster, const GraphInput& input)
      : owners_(input.owners(cluster.model())),
        pairing_(cluster.model().pairing()),
        scratch_(input.vertices()),
        forest_(cluster.template make<std::vector<Word>>()),
        labels_(cluster.template make<std::vector<Word>>()) {
    cluster.local([&](const auto& me) {
      auto& trees = start(me);
      auto& forest = forest_[me];
      const auto edges = input.edges_of(me.id());
      forest.reserve(std::min(edges.size(), input.vertices() - 1));
      for (const auto& [u, v] : edges) {
        if (trees.add(u, v)) forest.push_back(pairing_.pack(u, v));
      }
    });
    const auto told = gather(cluster, input.vertices());
    cluster.local(told, [&](const auto& me, auto inbox) {
      labels_[me].resize(owners_.slots(me.id()));
      for (const auto& [source, label] : inbox) labels_[me][pairing_.high(label)] = pairing_.low(label);
    });
  }

  /// Calls visit(vertex, label) for the vertices that this machine owns.
  template <class Machine, class Visit>
  void labels(const Machine& me, Visit&& visit) {
    const auto& mine = labels_[me];
    for (std::size_t slot = 0; slot < mine.size(); ++slot) visit(owners_.key(me.id(), slot), mine[slot]);
  }

  static Bounds bounds(const mpc::Model& model, const Shape& shape) {
    const auto together = model.machines == 1 ? shape.vertices + 2 : 2 * shape.vertices;
    return {mpc::ceil_log(fan_in(model, shape.vertices), model.machines) + 1,
            mpc::Words{mpc::max(together, per_machine(shape.edges, model))}};
  }

 private:
  /// h; at least 2.
  static std::uint64_t fan_in(const mpc::Model& model, std::uint64_t vertices) {
    return std::max<std::uint64_t>(2, model.memory.count / (vertices - 1));
  }

  /// Every vertex of this machine alone.
  template <class Machine>
  SpanningForest& start(const Machine& me) {
    scratch_.clear();
    whose_ = me.id();
    return scratch_;
  }
  /// The trees of this machine's forest: built again, unless they are those that were used last. Edges that are added to one belong into
  /// the other, if the forest is needed again.
  template <class Machine>
  SpanningForest& trees_of(const Machine& me, const std::vector<Word>& forest) {
    if (whose_ == me.id()) return scratch_;
    auto& trees = start(me);
    for (const auto edge : forest) trees.add(pairing_.high(edge), pairing_.low(edge));
    return trees;
  }

  /// One forest on machine 0, which tells all owners in the last round.
  auto gather(Cluster& cluster, std::uint64_t vertices) {
    const auto together = fan_in(cluster.model(), vertices);
    const auto rounds = mpc::ceil_log(together, cluster.model().machines);
    const auto merge = [&](const auto& me, const auto& inbox) {
      auto& mine = forest_[me];
      auto& trees = trees_of(me, mine);
      for (const auto& [source, edge] : inbox) {
        if (trees.add(pairing_.high(edge), pairing_.low(edge))) mine.push_back(edge);
      }
    };
    // Machines whose number ends with zeros, to the base h, hold what is left.
    std::uint64_t step = 1;
    const auto pass_on = [&](const auto& me, auto& out) {
      const auto digit = me.id().value / step % together;
      if (me.id().value % step != 0 || digit == 0) return;
      for (const auto edge : forest_[me]) out.send(me.id().value - digit * step, edge);
      std::vector<Word>().swap(forest_[me]);
    };
    const auto tell = [&](const auto& me, auto& out) {
      const auto roots = trees_of(me, forest_[me]).roots();
      std::vector<Word>().swap(forest_[me]);
      for (Word vertex = 0; vertex < vertices; ++vertex) {
        out.send(owners_.owner(vertex), pairing_.pack(owners_.slot(vertex), roots[vertex]));
      }
    };
    const auto phase = cluster.scope("forests");
    if (rounds == 0) {
      return cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) { tell(me, out); });
    }
    auto arrived = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) { pass_on(me, out); });
    for (std::uint64_t j = 1; j < rounds; ++j) {
      step *= together;
      arrived = cluster.template round<Word>(arrived, [&](const auto& me, auto inbox, auto& out) {
        if (!inbox.empty()) merge(me, inbox);
        pass_on(me, out);
      });
    }
    return cluster.template round<Word>(arrived, [&](const auto& me, auto inbox, auto& out) {
      if (me.id().value != 0) return;
      // Only what is connected matters now.
      auto& trees = trees_of(me, forest_[me]);
      for (const auto& [source, edge] : inbox) trees.add(pairing_.high(edge), pairing_.low(edge));
      tell(me, out);
    });
  }

  mpc::KeyOwners owners_;
  mpc::Pairing pairing_;
  SpanningForest scratch_;
  std::optional<mpc::MachineId> whose_;  // the machine whose trees are in scratch_
  decltype(std::declval<Cluster&>().template make<std::vector<Word>>()) forest_, labels_;
};

}  // namespace protocols
