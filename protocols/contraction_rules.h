#pragma once

#include <cstdint>
#include <utility>

#include "mpc/hash.h"
#include "mpc/model.h"

#include "protocols/local_graph.h"

namespace protocols {

/// An owner's word about a vertex.
struct Reply {
  mpc::Word label;  ///< where labels that stand at the vertex go
  mpc::Word note;   ///< for the machines that hold its edges
  bool moves;       ///< whether the vertex itself takes the label
};

/// Every vertex takes the name of the best vertex in the pieces of its neighbourhood: a machine proposes for each vertex the
/// best one of the whole connected piece that the machine's edges form around it, and the owner takes the best proposal. Both ends
/// of every edge are renamed, so the graph is contracted. "Best" is a public hash that holds for two operations: long enough for
/// pieces to run together, short enough not to follow a chain.
class LocalContraction {
 public:
  static constexpr const char* name = "contract";
  static constexpr std::uint64_t notes = 1;
  struct Summary {
    mpc::Word best = 0;
    bool some = false;
  };

  LocalContraction(const mpc::Model& model, LocalGraphs& local) : hash_(model.hash()), pairing_(model.pairing()), local_(local) {}

  template <class Ask>
  void ask(const LocalGraph& graph, std::uint64_t operation, Ask&& ask) {
    const auto pieces = local_.pieces(graph, [&](mpc::Word vertex) { return priority(vertex, operation); });
    for (std::size_t i = 0; i < graph.keys.size(); ++i) ask(graph.keys[i], graph.keys[pieces[i]], mpc::Word{0});
  }
  void combine(Summary& summary, mpc::Word, mpc::Word value, std::uint64_t operation) const {
    if (!summary.some || better(value, summary.best, operation)) summary = {value, true};
  }
  Reply answer(const Summary& summary, mpc::Word, std::uint64_t) const { return {summary.best, 0, true}; }
  template <class Emit>
  void rename(NamedEdge, mpc::Word answer_a, mpc::Word answer_b, std::uint64_t, Emit&& emit) const {
    emit(pairing_.low(answer_a), pairing_.low(answer_b));
  }

 private:
  std::uint64_t priority(mpc::Word vertex, std::uint64_t operation) const { return hash_(vertex, 100 + operation / 2); }
  bool better(mpc::Word a, mpc::Word b, std::uint64_t operation) const {
    const auto x = priority(a, operation);
    const auto y = priority(b, operation);
    return x < y || (x == y && a < b);
  }

  mpc::PublicHash hash_;
  mpc::Pairing pairing_;
  LocalGraphs& local_;
};

/// Alternating large-star and small-star operations (Kiveris et al. 2014): with m(x) the least of x and its neighbours, large-star turns
/// an edge u < v into {v, m(u)}, small-star into {u, m(v)}, or keeps it if u = m(v). A vertex whose only neighbour is smaller
/// is a leaf: it takes that neighbour as its label and its edge is settled (the leaf stop).
class AlternatingStars {
 public:
  static constexpr const char* name = "star";
  static constexpr std::uint64_t notes = 3;
  struct Summary {
    mpc::Word least = 0;
    mpc::Word parent = 0;  // of a leaf
    bool some = false, edge = false, inner = false;
  };

  AlternatingStars(const mpc::Model& model, LocalGraphs& local) : pairing_(model.pairing()), local_(local) {}

  template <class Ask>
  void ask(const LocalGraph& graph, std::uint64_t, Ask&& ask) {
    const auto neighbours = local_.neighbours(graph);
    for (std::size_t i = 0; i < graph.keys.size(); ++i) {
      const auto& [least, degree, larger] = neighbours[i];
      if (degree == 0) {
        ask(graph.keys[i], graph.keys[i], label_only);
      } else {
        ask(graph.keys[i], mpc::min(least, graph.keys[i]), degree == 1 && !larger ? leaf_here : inner);
      }
    }
  }
  void combine(Summary& summary, mpc::Word note, mpc::Word value, std::uint64_t) const {
    summary.least = summary.some ? mpc::min(summary.least, value) : value;
    summary.some = true;
    if (note == label_only) return;
    if (note == inner || (summary.edge && value != summary.parent)) summary.inner = true;
    summary.edge = true;
    summary.parent = value;
  }
  Reply answer(const Summary& summary, mpc::Word vertex, std::uint64_t) const {
    const bool leaf = summary.edge && !summary.inner;
    return {mpc::min(summary.least, vertex), leaf ? leaf_here : mpc::Word{0}, leaf};
  }
  template <class Emit>
  void rename(NamedEdge edge, mpc::Word answer_a, mpc::Word answer_b, std::uint64_t operation, Emit&& emit) const {
    if (edge.a > edge.b) {
      std::swap(edge.a, edge.b);
      std::swap(answer_a, answer_b);
    }
    if (pairing_.high(answer_b) == leaf_here) return;
    if (operation % 2 == 0) return emit(edge.b, pairing_.low(answer_a));
    const auto least = pairing_.low(answer_b);
    emit(edge.a == least ? edge.b : edge.a, least);
  }

 private:
  static constexpr mpc::Word label_only = 0, leaf_here = 1, inner = 2;

  mpc::Pairing pairing_;
  LocalGraphs& local_;
};

}  // namespace protocols
