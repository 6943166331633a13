#pragma once

#include <cstdint>
#include <utility>

#include "mpc/hash.h"
#include "mpc/model.h"
#include "mpc/primitives/neighbourhood_reduction.h"

#include "protocols/connectivity/local_graph.h"

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

  LocalContraction(const mpc::Model& model, LocalGraphs& local)
      : hash_(model.hash()), priority_(hash_.stream(100)), pairing_(model.pairing()), local_(local) {}

  void start(std::uint64_t operation) { priority_ = hash_.stream(100 + operation / 2); }
  template <class Ask>
  void ask(const LocalGraph& graph, Ask&& ask) {
    const auto pieces = local_.pieces(graph, priority_);
    for (std::size_t i = 0; i < graph.keys.size(); ++i) ask(graph.keys[i], mpc::Word{0}, graph.keys[pieces[i]]);
  }
  mpc::Knowledge merge(mpc::Word, mpc::Knowledge a, mpc::Knowledge b) const { return better(b.value, a.value) ? b : a; }
  Reply answer(mpc::Knowledge known, mpc::Word) const { return {known.value, 0, true}; }
  template <class Emit>
  void rename(NamedEdge, mpc::Word answer_a, mpc::Word answer_b, Emit&& emit) const {
    emit(pairing_.low(answer_a), pairing_.low(answer_b));
  }

 private:
  bool better(mpc::Word a, mpc::Word b) const {
    const auto x = priority_(a);
    const auto y = priority_(b);
    return x < y || (x == y && a < b);
  }

  mpc::PublicHash hash_;
  mpc::PublicHash::Stream priority_;
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

  AlternatingStars(const mpc::Model& model, LocalGraphs& local) : pairing_(model.pairing()), local_(local) {}

  void start(std::uint64_t operation) { large_ = operation % 2 == 0; }
  template <class Ask>
  void ask(const LocalGraph& graph, Ask&& ask) {
    const auto neighbours = local_.neighbours(graph);
    for (std::size_t i = 0; i < graph.keys.size(); ++i) {
      const auto& [least, degree, larger] = neighbours[i];
      if (degree == 0) {
        ask(graph.keys[i], label_only, graph.keys[i]);
      } else {
        ask(graph.keys[i], degree == 1 && !larger ? leaf_here : inner, mpc::min(least, graph.keys[i]));
      }
    }
  }
  /// Values are minima; two different only neighbours are two neighbours.
  mpc::Knowledge merge(mpc::Word, mpc::Knowledge a, mpc::Knowledge b) const {
    if (a.note == label_only) return b;
    if (b.note == label_only) return a;
    const bool one_leaf = a.note == leaf_here && b.note == leaf_here && a.value == b.value;
    return {one_leaf ? leaf_here : inner, mpc::min(a.value, b.value)};
  }
  Reply answer(mpc::Knowledge known, mpc::Word vertex) const {
    const bool leaf = known.note == leaf_here;
    return {mpc::min(known.value, vertex), leaf ? leaf_here : mpc::Word{0}, leaf};
  }
  template <class Emit>
  void rename(NamedEdge edge, mpc::Word answer_a, mpc::Word answer_b, Emit&& emit) const {
    if (edge.a > edge.b) {
      std::swap(edge.a, edge.b);
      std::swap(answer_a, answer_b);
    }
    if (pairing_.high(answer_b) == leaf_here) return;
    if (large_) return emit(edge.b, pairing_.low(answer_a));
    const auto least = pairing_.low(answer_b);
    emit(edge.a == least ? edge.b : edge.a, least);
  }

 private:
  static constexpr mpc::Word label_only = 0, leaf_here = 1, inner = 2;

  bool large_ = true;
  mpc::Pairing pairing_;
  LocalGraphs& local_;
};

/// The end of a contraction: one machine tells what it found, others ask, and only these want an answer. What they ask with is the
/// vertex itself; merged questions need a note, for which there is room where questions are merged.
class Telling {
 public:
  explicit Telling(bool merged) : merged_(merged) {}
  mpc::Word notes() const { return merged_ ? 2 : 1; }
  /// The note of a question that asks; 0 tells.
  mpc::Word asks() const { return merged_ ? 1 : 0; }
  mpc::Knowledge merge(mpc::Word vertex, mpc::Knowledge a, mpc::Knowledge b) const {
    return {mpc::max(a.note, b.note), a.value == vertex ? b.value : a.value};
  }
  bool wants(mpc::Word vertex, mpc::Knowledge known) const { return merged_ ? known.note == 1 : known.value == vertex; }

 private:
  bool merged_;
};

}  // namespace protocols
