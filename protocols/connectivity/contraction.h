#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/neighbourhood_reduction.h"

#include "protocols/connectivity/contraction_rules.h"
#include "protocols/connectivity/layout.h"
#include "protocols/connectivity/local_graph.h"
#include "protocols/graph_input.h"

namespace protocols {

/// Connected components of an undirected graph, in the edge layout: an edge stays on the machine to which it was dealt, as part of a
/// forest of that machine's edges, and one operation is a neighbourhood reduction (2k rounds, with a combining tree of k levels) after
/// which every machine renames its own edges. A vertex's owner carries its label along: a vertex of the same component, in the end the same
/// one for all.
///
/// The number of live edges is summed while the next operation runs. Once they fit one machine they are gathered there (1 round),
/// solved, and the labels go to the owners and from there to everybody who asks (2k rounds). No edges left: done.
///
/// Rounds, for random ids (alternating stars follow the order of the ids): at most 2k max(0, ceil(1.75 log2(8m/s))) + 3k + 1 + T, with T =
/// max(1, ceil(log_f q)), f = max(2, floor(s/4)), and k the fewest levels that s allows; measured in bench/README.md.  Words per machine
/// and round, with e = ceil(m/q), b = ceil(n/q): keeps at most 3e + 3b, sends at most 2e + b and its part of the sum; an owner receives at
/// most q for each of its vertices. With k > 1 levels a combiner receives at most about q^(1/k) for each, and combines 2e on average.
/// Source: Kiveris et al. 2014 (alternating stars) and Lacki, Mirrokni, Wlodarczyk 2018 (local contraction); the edge layout is our own.
template <class Rule, class Cluster>
class Contraction {
 public:
  using Word = typename Cluster::Word;

  Contraction(Cluster& cluster, const GraphInput& input)
      : cluster_(cluster),
        owners_(input.owners(cluster.model())),
        tree_(owners_, levels(cluster.model(), input.shape())),
        pairing_(cluster.model().pairing()),
        local_(owners_, pairing_),
        rule_(cluster.model(), local_),
        graph_(cluster.template make<LocalGraph>()) {
    cluster.local([&](const auto& me) {
      edges_.clear();
      for (const auto& edge : input.edges_of(me.id())) edges_.push_back({edge.u, edge.v});
      local_.assemble(me.id(), graph_[me], edges_, {});
    });
    run(input.edges());
  }

  /// Calls visit(vertex, label) for the vertices that this machine owns.
  template <class Machine, class Visit>
  void labels(const Machine& me, Visit&& visit) {
    const auto labels = local_.labels(me.id(), graph_[me]);
    for (std::size_t slot = 0; slot < labels.size(); ++slot) visit(owners_.key(me.id(), slot), labels[slot]);
  }

  static Bounds bounds(const mpc::Model& model, Shape shape) {
    const auto k = levels(model, shape);
    const auto s = static_cast<double>(model.memory.count);
    const auto operations = std::max(0.0, std::ceil(1.75 * std::log2(8.0 * static_cast<double>(shape.edges) / s)));
    return {2 * k * static_cast<std::uint64_t>(operations) + 3 * k + 1 + model.tree_rounds(),
            model.machines < 4 ? whole(model, shape) : std::min(whole(model, shape), demand(model, shape, k))};
  }

  /// Live edges that one machine can finish alone: it holds its labels and their names beside them, and asks for these. In a combining
  /// tree others' questions meet there too.
  static std::uint64_t finishable(const mpc::Model& model, std::uint64_t vertices, std::uint64_t levels) {
    const auto held = 3 * per_machine(vertices, model) + 8 + 2 * (levels - 1);
    return model.memory.count > held ? (model.memory.count - held) / (levels == 1 ? 1 : 2) : 0;
  }

 private:
  // An operation leaves an eighth of the live edges or more, but for stars and graphs so dense that they collapse.
  static constexpr std::uint64_t near = 8;
  // Words of all machines together that are worth a round.
  static constexpr std::uint64_t most_in_a_hurry = std::uint64_t{1} << 22;

  static std::uint64_t slow(const mpc::Model& model) { return std::max<std::uint64_t>(2, model.tree_rounds()); }

  struct Sum {
    Word operator()(Word a, Word b) const { return a + b; }
  };
  using Rider = mpc::RidingAllReduce<Cluster, Sum>;
  using Reduction = mpc::NeighbourhoodReduction<Cluster, Rider>;

  /// s at which one machine finishes the whole graph.
  static mpc::Words whole(const mpc::Model& model, const Shape& shape) {
    return mpc::Words{shape.edges + 3 * per_machine(shape.vertices, model) + 8};
  }
  static mpc::Words demand(const mpc::Model& model, const Shape& shape, std::uint64_t levels) {
    const auto e = per_machine(shape.edges, model);
    const auto b = per_machine(shape.vertices, model);
    return layout_memory(model, shape, levels, 3 * e + 3 * b, Rider::words(model, levels == 1 ? 0 : slow(model)));
  }
  static std::uint64_t levels(const mpc::Model& model, const Shape& shape) {
    if (whole(model, shape) <= model.memory) return 1;
    return fewest_levels(model, shape, Rule::notes, [&](std::uint64_t k) { return demand(model, shape, k); });
  }

  void run(std::uint64_t live) {
    Rider rider(cluster_, Sum{});
    Reduction reduction(cluster_, tree_, rider, Rule::notes);
    const auto enough = finishable(cluster_.model(), owners_.keys(), tree_.levels());
    const auto known = [&] {
      if (!rider.finished()) return false;
      live = cluster_.agree([&](const auto& me) { return rider.result(me); });
      return live <= enough;
    };
    for (std::uint64_t operation = 0; live > enough; ++operation) {
      const auto phase = cluster_.scope(Rule::name);
      const auto questions = [&](const auto& me, auto&& ask) { rule_.ask(graph_[me], ask); };
      rule_.start(operation);
      auto asked = reduction.up(questions, rule_);
      if (known()) break;
      reduction.down(
          asked, questions, rule_,
          [&](const auto& me, Word vertex, mpc::Knowledge known_of_it) {
            const auto slot = owners_.slot(vertex);
            const auto reply = rule_.answer(known_of_it, vertex);
            auto& mine = graph_[me];
            const bool own = mine.labels.empty() || mine.labels[slot] == 0;
            if (own && reply.moves && reply.label != vertex) mine.moved.push_back(pairing_.pack(slot, reply.label));
            return pairing_.pack(reply.note, reply.label);
          },
          [&](const auto& me, auto answers) { rename(me, answers); });
      if (known()) break;
      // A sum in one round is known a round earlier, and costs q words a machine: only when the end may be near, and these are few.
      const auto machines = cluster_.model().machines;
      const bool hurry = tree_.levels() == 1 && live <= near * enough && machines * machines <= most_in_a_hurry;
      const auto rounds = hurry ? cluster_.model().tree_rounds() : slow(cluster_.model());
      if (!rider.running()) rider.start([&](const auto& me) { return graph_[me].edges.size(); }, rounds);
    }
    if (live != 0) finish(rider);
  }

  /// Fills labels_ with where the machine's labels stand after these answers (labels, with or without a note).
  template <class Machine>
  void move_labels(const Machine& me, std::span<const Word> answers) {
    const auto& mine = graph_[me];
    labels_.assign(owners_.slots(me.id()), 0);
    for (std::size_t slot = 0; slot < labels_.size(); ++slot) {
      const auto label = mine.labels.empty() ? 0 : mine.labels[slot];
      labels_[slot] = label == 0 ? owners_.key(me.id(), slot) : pairing_.low(answers[label - 1]);
    }
    for (const auto moved : mine.moved) labels_[pairing_.high(moved)] = pairing_.low(moved);
  }

  /// New names for the edges and labels of a machine.
  template <class Machine>
  void rename(const Machine& me, std::span<const Word> answers) {
    auto& mine = graph_[me];
    move_labels(me, answers);
    edges_.clear();
    for (const auto edge : mine.edges) {
      const auto [a, b] = local_.indices(edge);
      rule_.rename({mine.keys[a], mine.keys[b]}, answers[a], answers[b], [&](Word x, Word y) { edges_.push_back({x, y}); });
    }
    local_.assemble(me.id(), mine, edges_, labels_);
  }

  /// Everything that is left is solved on machine 0.
  void finish(Rider& rider) {
    const Telling telling(tree_.levels() > 1);
    Reduction reduction(cluster_, tree_, rider, telling.notes());
    const auto phase = cluster_.scope("finish");
    auto gathered = cluster_.template round<Word>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      auto& mine = graph_[me];
      for (const auto edge : mine.edges) {
        const auto [a, b] = local_.indices(edge);
        out.send(mpc::MachineId{0}, pairing_.pack(mine.keys[a], mine.keys[b]));
      }
      const auto labels = local_.labels(me.id(), mine);
      labels_.assign(labels.begin(), labels.end());
      local_.assemble(me.id(), mine, {}, labels_);
    });
    auto solution = cluster_.template make<std::vector<Word>>();
    cluster_.local(gathered, [&](const auto& me, auto inbox) {
      if (me.id().value != 0) return;
      LocalGraph whole;
      edges_.clear();
      for (const auto& [source, edge] : inbox) edges_.push_back({pairing_.high(edge), pairing_.low(edge)});
      local_.assemble(me.id(), whole, edges_, {});
      const auto pieces = local_.pieces(whole, [](Word vertex) { return vertex; });
      for (std::size_t i = 0; i < whole.keys.size(); ++i) {
        if (pieces[i] != i) solution[me].push_back(pairing_.pack(whole.keys[i], whole.keys[pieces[i]]));
      }
    });
    const auto questions = [&](const auto& me, auto&& ask) {
      // A vertex with another name than its own tells the owner; its own name asks.
      for (const auto pair : solution[me]) ask(pairing_.high(pair), Word{0}, pairing_.low(pair));
      std::vector<Word>().swap(solution[me]);
      for (const auto key : graph_[me].keys) ask(key, telling.asks(), key);
    };
    auto asked = reduction.up(questions, telling);
    reduction.down(
        asked, questions, telling,
        [&](const auto& me, Word vertex, mpc::Knowledge known) {
          const auto slot = owners_.slot(vertex);
          auto& mine = graph_[me];
          if (known.value != vertex && mine.labels[slot] == 0) mine.moved.push_back(pairing_.pack(slot, known.value));
          return known.value;
        },
        [&](const auto& me, auto answers) {
          move_labels(me, answers);
          local_.assemble(me.id(), graph_[me], {}, labels_);
        });
  }

  Cluster& cluster_;
  mpc::KeyOwners owners_;
  mpc::CombiningTree tree_;
  mpc::Pairing pairing_;
  LocalGraphs local_;
  Rule rule_;
  decltype(std::declval<Cluster&>().template make<LocalGraph>()) graph_;
  std::vector<NamedEdge> edges_;  // scratch
  std::vector<Word> labels_;      // scratch
};

}  // namespace protocols
