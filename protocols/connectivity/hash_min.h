#pragma once

#include <cstdint>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/neighbourhood_reduction.h"

#include "protocols/connectivity/edge_index.h"
#include "protocols/connectivity/fixpoint.h"
#include "protocols/connectivity/layout.h"
#include "protocols/graph_input.h"

namespace protocols {

/// Connected components by label propagation, the baseline: every vertex takes the least label of its neighbours and itself, until nothing
/// changes; the label is then the least id of the component. An iteration is a neighbourhood reduction over edges that stay as they are.
///
/// Iterations: the largest eccentricity of a component's least vertex, and one in which nothing changes; less than n.  Rounds: at most 2kn
/// + k
/// + T, with a combining tree of k levels.  Words per machine and round, e = ceil(m/q), b = ceil(n/q): keeps 3e + b, sends and receives 2e
/// on average; a vertex costs its owner at most q. Source: folklore; Rastogi et al. 2013 (Hash-Min).
template <class Cluster>
class HashMin {
 public:
  using Word = typename Cluster::Word;

  HashMin(Cluster& cluster, const GraphInput& input)
      : owners_(input.owners(cluster.model())),
        index_(owners_, cluster.model().pairing()),
        labels_(cluster.template make<std::vector<Word>>([&](const auto& me) {
          std::vector<Word> own(owners_.slots(me.id()));
          for (std::size_t slot = 0; slot < own.size(); ++slot) own[slot] = owners_.key(me.id(), slot);
          return own;
        })) {
    const mpc::CombiningTree tree(owners_, levels(cluster.model(), input.shape()));
    auto graph = cluster.template make<IndexedEdges>();
    cluster.local([&](const auto& me) { index_.assemble(input.edges_of(me.id()), graph[me]); });
    auto changes = cluster.template make<Word>();
    Fixpoint<Cluster> fixpoint(cluster);
    mpc::NeighbourhoodReduction reduction(cluster, tree, fixpoint.rider(), notes);
    const auto questions = [&](const auto& me, auto&& ask) {
      const auto& known = graph[me].known;
      const auto least = index_.least_of_neighbours(graph[me]);
      for (std::size_t i = 0; i < known.size(); ++i) ask(index_.vertex(known[i]), Word{0}, least[i]);
    };
    while (true) {
      const auto phase = cluster.scope("hash-min");
      auto asked = reduction.up(questions, Least{});
      if (fixpoint.reached()) return;
      reduction.down(
          asked, questions, Least{},
          [&](const auto& me, Word vertex, mpc::Knowledge known) {
            auto& label = labels_[me][owners_.slot(vertex)];
            return label = mpc::min(label, known.value);
          },
          [&](const auto& me, auto answers) { changes[me] = index_.learn(graph[me], answers); });
      if (fixpoint.reached()) return;
      fixpoint.ended([&](const auto& me) { return changes[me]; });
    }
  }

  /// Calls visit(vertex, label) for the vertices that this machine owns.
  template <class Machine, class Visit>
  void labels(const Machine& me, Visit&& visit) {
    const auto& mine = labels_[me];
    for (std::size_t slot = 0; slot < mine.size(); ++slot) visit(owners_.key(me.id(), slot), mine[slot]);
  }

  static Bounds bounds(const mpc::Model& model, const Shape& shape) {
    const auto k = levels(model, shape);
    return {2 * k * shape.vertices + k + model.tree_rounds(), demand(model, shape, k)};
  }

 private:
  static constexpr Word notes = 1;
  struct Least {
    mpc::Knowledge merge(Word, mpc::Knowledge a, mpc::Knowledge b) const { return a.value < b.value ? a : b; }
  };

  /// Measured, not proved.
  static mpc::Words demand(const mpc::Model& model, const Shape& shape, std::uint64_t levels) {
    const auto e = per_machine(shape.edges, model);
    const auto b = per_machine(shape.vertices, model);
    return mpc::Words{5 * e + b + 6 + std::max(Fixpoint<Cluster>::words(model), crowd(model, shape, levels))};
  }
  static std::uint64_t levels(const mpc::Model& model, const Shape& shape) {
    return fewest_levels(model, shape, notes, [&](std::uint64_t k) { return demand(model, shape, k); });
  }

  mpc::KeyOwners owners_;
  EdgeIndex index_;
  decltype(std::declval<Cluster&>().template make<std::vector<Word>>()) labels_;
};

}  // namespace protocols
