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
/// A vertex whose edges all lie on one machine is dealt with there: its owner learns of it at the end.
///
/// Iterations: the largest eccentricity of a component's least vertex, less than n; then until a sum has shown that nothing changes.
/// Rounds: at most 2k (D + 3) + k + max(4, T) at diameter D, with a combining tree of k levels.  Words per machine and round, e =
/// ceil(m/q), b = ceil(n/q): keeps 3e + b, sends and receives 2e on average; a vertex costs its owner at most q.
/// Source: folklore; Rastogi et al. 2013 (Hash-Min).
template <class Cluster>
class HashMin {
 public:
  using Word = typename Cluster::Word;

  HashMin(Cluster& cluster, const GraphInput& input)
      : owners_(input.owners(cluster.model())),
        pairing_(cluster.model().pairing()),
        index_(owners_, pairing_),
        graph_(cluster.template make<IndexedEdges>()),
        labels_(cluster.template make<std::vector<Word>>([&](const auto& me) {
          std::vector<Word> own(owners_.slots(me.id()));
          for (std::size_t slot = 0; slot < own.size(); ++slot) own[slot] = owners_.key(me.id(), slot);
          return own;
        })) {
    const mpc::CombiningTree tree(owners_, levels(cluster.model(), input.shape()));
    cluster.local([&](const auto& me) { index_.assemble(input.edges_of(me.id()), graph_[me]); });
    Fixpoint<Cluster> fixpoint(cluster, sum_rounds);
    mpc::NeighbourhoodReduction reduction(cluster, tree, fixpoint.rider(), tree.levels() > 1 ? notes : 1);
    propagate(cluster, reduction, fixpoint);
    const auto phase = cluster.scope("hash-min");
    auto told = reduction.up(
        [&](const auto& me, auto&& tell) {
          const auto& known = graph_[me].known;
          for (auto i = graph_[me].shared; i < known.size(); ++i) tell(index_.vertex(known[i]), sole, index_.value(known[i]));
        },
        Tell{});
    reduction.collect(told, Tell{},
                      [&](const auto& me, Word vertex, mpc::Knowledge known) { labels_[me][owners_.slot(vertex)] = known.value; });
  }

  /// Calls visit(vertex, label) for the vertices that this machine owns.
  template <class Machine, class Visit>
  void labels(const Machine& me, Visit&& visit) {
    const auto& mine = labels_[me];
    for (std::size_t slot = 0; slot < mine.size(); ++slot) visit(owners_.key(me.id(), slot), mine[slot]);
  }

  static Bounds bounds(const mpc::Model& model, const Shape& shape) {
    const auto k = levels(model, shape);
    return {2 * k * (shape.vertices + 2) + k + std::max(sum_rounds, model.tree_rounds()), demand(model, shape, k)};
  }

 private:
  /// One machine asks about the vertex, or several; a question that was merged says which.
  static constexpr Word sole = 0, several = 1, notes = 2;
  static constexpr std::uint64_t sum_rounds = 4;
  struct Least {
    mpc::Knowledge merge(Word, mpc::Knowledge a, mpc::Knowledge b) const { return {several, mpc::min(a.value, b.value)}; }
  };
  struct Tell : Least {
    bool wants(Word, mpc::Knowledge) const { return false; }
  };

  template <class Reduction>
  void propagate(Cluster& cluster, Reduction& reduction, Fixpoint<Cluster>& fixpoint) {
    auto changes = cluster.template make<Word>();
    for (bool first = true;; first = false) {
      const auto phase = cluster.scope("hash-min");
      const auto questions = [&](const auto& me, auto&& ask) {
        const auto& known = graph_[me].known;
        const auto least = index_.least_of_neighbours(graph_[me]);
        for (std::size_t i = 0; i < graph_[me].shared; ++i) ask(index_.vertex(known[i]), sole, least[i]);
      };
      auto asked = reduction.up(questions, Least{});
      if (fixpoint.reached()) return;
      reduction.down(
          asked, questions, Least{},
          [&](const auto& me, Word vertex, mpc::Knowledge known) {
            auto& label = labels_[me][owners_.slot(vertex)];
            label = mpc::min(label, known.value);
            return pairing_.pack(known.note, label);
          },
          [&](const auto& me, auto answers) { changes[me] = take(graph_[me], answers, first); });
      if (fixpoint.reached()) return;
      fixpoint.ended([&](const auto& me) { return changes[me]; });
    }
  }

  /// The labels after an iteration: of shared vertices as they are answered, of others as the machine knows itself. How many are new.
  std::uint64_t take(IndexedEdges& graph, std::span<const Word> answers, bool first) {
    const auto least = index_.least_of_neighbours(graph);
    next_.clear();
    shared_.clear();
    for (std::size_t i = 0; i < graph.known.size(); ++i) {
      const bool answered = i < answers.size();
      next_.push_back(answered ? pairing_.low(answers[i]) : mpc::min(least[i], index_.value(graph.known[i])));
      shared_.push_back(answered && pairing_.high(answers[i]) == several ? 1 : 0);
    }
    const auto changes = index_.learn(graph, next_);
    if (first) index_.share(graph, shared_);
    return changes;
  }

  static mpc::Words demand(const mpc::Model& model, const Shape& shape, std::uint64_t levels) {
    const auto e = per_machine(shape.edges, model);
    const auto b = per_machine(shape.vertices, model);
    return layout_memory(model, shape, levels, 3 * e + b + 1, Fixpoint<Cluster>::words(model, sum_rounds));
  }
  static std::uint64_t levels(const mpc::Model& model, const Shape& shape) {
    return fewest_levels(model, shape, notes, [&](std::uint64_t k) { return demand(model, shape, k); });
  }

  mpc::KeyOwners owners_;
  mpc::Pairing pairing_;
  EdgeIndex index_;
  decltype(std::declval<Cluster&>().template make<IndexedEdges>()) graph_;
  decltype(std::declval<Cluster&>().template make<std::vector<Word>>()) labels_;
  // Scratch, for one machine at a time.
  std::vector<Word> next_;
  std::vector<char> shared_;
};

}  // namespace protocols
