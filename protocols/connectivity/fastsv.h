#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/neighbourhood_reduction.h"

#include "protocols/connectivity/edge_index.h"
#include "protocols/connectivity/fixpoint.h"
#include "protocols/connectivity/layout.h"
#include "protocols/graph_input.h"

namespace protocols {

/// Connected components by FastSV. Every vertex u has a parent f(u), at first itself, and a grandparent g(u) = f(f(u)). One iteration, with
/// M(u) the least g of u's neighbours:
///   f'(f(u)) <= M(u) (hooking), f'(u) <= M(u) (aggressive hooking), f'(u) <= g(u) (shortcutting); then g'(u) = f'(f'(u)).
/// It ends when g no longer changes; g(u) is then the least id of u's component.
///
/// An iteration in the edge layout is half a neighbourhood reduction to the vertices (M), half a one to their parents (hooking), a whole
/// one to ask the new parents for theirs, and a whole one to tell the machines that hold the edges: 6k rounds, with a combining tree of k
/// levels. Rounds: at most 6k (ceil(log2 n) + 5) + k + T, for random ids; measured, not proved.  Words per machine and round, e =
/// ceil(m/q), b = ceil(n/q): keeps 3e + 3b, sends and receives 2e + b on average; a vertex costs its owner at most q. Source: Zhang, Azad,
/// Hu 2020 (FastSV), Algorithm 2 with the end test of section 3.4; the layout is our own.
template <class Cluster>
class FastSv {
 public:
  using Word = typename Cluster::Word;

  FastSv(Cluster& cluster, const GraphInput& input)
      : owners_(input.owners(cluster.model())),
        pairing_(cluster.model().pairing()),
        index_(owners_, pairing_),
        parents_(cluster.template make<std::vector<Word>>([&](const auto& me) {
          std::vector<Word> own;
          for (std::size_t slot = 0; slot < owners_.slots(me.id()); ++slot) {
            own.push_back(pairing_.pack(owners_.key(me.id(), slot), owners_.key(me.id(), slot)));
          }
          return own;
        })),
        next_(cluster.template make<std::vector<Word>>()) {
    const mpc::CombiningTree tree(owners_, levels(cluster.model(), input.shape()));
    auto graph = cluster.template make<IndexedEdges>();
    cluster.local([&](const auto& me) {
      index_.assemble(input.edges_of(me.id()), graph[me]);
      next_[me].resize(owners_.slots(me.id()));
    });
    auto changes = cluster.template make<Word>();
    Fixpoint<Cluster> fixpoint(cluster, sum_rounds);
    mpc::NeighbourhoodReduction reduction(cluster, tree, fixpoint.rider(), notes);
    while (true) {
      const auto phase = cluster.scope("fastsv");
      neighbours(cluster, reduction, graph);
      if (fixpoint.reached()) return;
      hook(cluster, reduction);
      if (fixpoint.reached()) return;
      grandparents(cluster, reduction, changes);
      if (fixpoint.reached()) return;
      fixpoint.ended([&](const auto& me) { return changes[me]; });
      tell(cluster, reduction, graph);
      if (fixpoint.reached()) return;
    }
  }

  /// Calls visit(vertex, label) for the vertices that this machine owns.
  template <class Machine, class Visit>
  void labels(const Machine& me, Visit&& visit) {
    const auto& mine = parents_[me];
    for (std::size_t slot = 0; slot < mine.size(); ++slot) visit(owners_.key(me.id(), slot), pairing_.low(mine[slot]));
  }

  static Bounds bounds(const mpc::Model& model, const Shape& shape) {
    const auto k = levels(model, shape);
    return {6 * k * (mpc::ceil_log(2, shape.vertices) + 5) + k + model.tree_rounds(), demand(model, shape, k)};
  }

 private:
  static constexpr Word notes = 1;
  static constexpr std::uint64_t sum_rounds = 4;  // an iteration has more
  /// The least value; no answer.
  struct Collect {
    mpc::Knowledge merge(Word, mpc::Knowledge a, mpc::Knowledge b) const { return a.value < b.value ? a : b; }
    bool wants(Word, mpc::Knowledge) const { return false; }
  };
  /// Only the question counts.
  struct Ask {
    mpc::Knowledge merge(Word, mpc::Knowledge a, mpc::Knowledge) const { return a; }
  };

  /// next: (min(g, M), M).
  template <class Reduction, class Graph>
  void neighbours(Cluster& cluster, Reduction& reduction, Graph& graph) {
    const auto phase = cluster.scope("neighbours");
    auto asked = reduction.up(
        [&](const auto& me, auto&& ask) {
          const auto& known = graph[me].known;
          const auto least = index_.least_of_neighbours(graph[me]);
          for (std::size_t i = 0; i < known.size(); ++i) ask(index_.vertex(known[i]), Word{0}, least[i]);
        },
        Collect{});
    reduction.collect(asked, Collect{}, [&](const auto& me, Word vertex, mpc::Knowledge known) {
      const auto slot = owners_.slot(vertex);
      next_[me][slot] = pairing_.pack(mpc::min(known.value, pairing_.low(parents_[me][slot])), known.value);
    });
  }

  /// next: (f', M). A vertex whose M is no less than its grandparent has nothing to tell its parent.
  template <class Reduction>
  void hook(Cluster& cluster, Reduction& reduction) {
    const auto phase = cluster.scope("hook");
    auto asked = reduction.up(
        [&](const auto& me, auto&& ask) {
          wanted_.clear();
          const auto& mine = parents_[me];
          for (std::size_t slot = 0; slot < mine.size(); ++slot) {
            const auto least = pairing_.low(next_[me][slot]);
            if (least < pairing_.low(mine[slot])) wanted_.push_back({owners_.position(pairing_.high(mine[slot])), least});
          }
          std::ranges::sort(wanted_);
          each_wanted([&](Word vertex, Word least) { ask(vertex, Word{0}, least); });
        },
        Collect{});
    reduction.collect(asked, Collect{}, [&](const auto& me, Word vertex, mpc::Knowledge known) {
      auto& next = next_[me][owners_.slot(vertex)];
      next = pairing_.pack(mpc::min(known.value, pairing_.high(next)), pairing_.low(next));
    });
  }

  /// parents: (f', g').
  template <class Reduction, class Changes>
  void grandparents(Cluster& cluster, Reduction& reduction, Changes& changes) {
    const auto phase = cluster.scope("grandparents");
    const auto questions = [&](const auto& me, auto&& ask) {
      list_parents(next_[me]);
      each_wanted([&](Word vertex, Word) { ask(vertex, Word{0}, Word{0}); });
    };
    auto asked = reduction.up(questions, Ask{});
    reduction.down(
        asked, questions, Ask{},
        [&](const auto& me, Word vertex, mpc::Knowledge) { return pairing_.high(next_[me][owners_.slot(vertex)]); },
        [&](const auto& me, auto answers) {
          list_parents(next_[me]);
          auto& mine = parents_[me];
          changes[me] = 0;
          std::size_t answer = 0;
          for (std::size_t i = 0; i < wanted_.size(); ++i) {
            if (i != 0 && wanted_[i].position != wanted_[i - 1].position) ++answer;
            const auto slot = wanted_[i].what;
            if (pairing_.low(mine[slot]) != answers[answer]) ++changes[me];
            mine[slot] = pairing_.pack(pairing_.high(next_[me][slot]), answers[answer]);
          }
        });
  }

  template <class Reduction, class Graph>
  void tell(Cluster& cluster, Reduction& reduction, Graph& graph) {
    const auto phase = cluster.scope("tell");
    const auto questions = [&](const auto& me, auto&& ask) {
      for (const auto known : graph[me].known) ask(index_.vertex(known), Word{0}, Word{0});
    };
    auto asked = reduction.up(questions, Ask{});
    reduction.down(
        asked, questions, Ask{},
        [&](const auto& me, Word vertex, mpc::Knowledge) { return pairing_.low(parents_[me][owners_.slot(vertex)]); },
        [&](const auto& me, auto answers) { index_.learn(graph[me], answers); });
  }

  /// wanted_: the new parents of a machine's vertices, in (owner, vertex) order, with the slots of the vertices.
  void list_parents(const std::vector<Word>& next) {
    wanted_.clear();
    for (std::size_t slot = 0; slot < next.size(); ++slot) wanted_.push_back({owners_.position(pairing_.high(next[slot])), slot});
    std::ranges::sort(wanted_);
  }
  /// Calls visit(vertex, what) for every different vertex of wanted_, with the least of what is wanted of it.
  template <class Visit>
  void each_wanted(Visit&& visit) const {
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (i == 0 || wanted_[i].position != wanted_[i - 1].position) visit(owners_.key_at(wanted_[i].position), wanted_[i].what);
    }
  }

  static mpc::Words demand(const mpc::Model& model, const Shape& shape, std::uint64_t levels) {
    const auto e = per_machine(shape.edges, model);
    const auto b = per_machine(shape.vertices, model);
    return layout_memory(model, shape, levels, 3 * e + 3 * b, Fixpoint<Cluster>::words(model, sum_rounds));
  }
  static std::uint64_t levels(const mpc::Model& model, const Shape& shape) {
    return fewest_levels(model, shape, notes, [&](std::uint64_t k) { return demand(model, shape, k); });
  }

  struct Wanted {
    std::uint64_t position;  // of a vertex among all, by owner
    Word what;
    friend auto operator<=>(const Wanted&, const Wanted&) = default;
  };

  mpc::KeyOwners owners_;
  mpc::Pairing pairing_;
  EdgeIndex index_;
  decltype(std::declval<Cluster&>().template make<std::vector<Word>>()) parents_, next_;
  std::vector<Wanted> wanted_;  // scratch
};

}  // namespace protocols
