#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "mpc/primitives/key_owners.h"
#include "mpc/word.h"

namespace protocols {

/// What a machine keeps of the graph in the edge layout: the edges that it was dealt, under their present names, as a forest, and the
/// labels of the vertices that it owns.
struct LocalGraph {
  std::vector<mpc::Word> keys;    ///< the vertices that occur in edges and labels, distinct, in ascending (owner, vertex) order
  std::vector<mpc::Word> edges;   ///< pairs of indices into keys
  std::vector<mpc::Word> labels;  ///< per owned vertex: 1 + index of its label in keys, or 0 if it is its own label; empty: all 0
  std::vector<mpc::Word> moved;   ///< (slot, label) of owned vertices whose label is not yet among the keys

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& keys& edges& labels& moved;
  }
};

/// Two vertices, by name.
struct NamedEdge {
  mpc::Word a, b;
};

/// Builds and reads LocalGraphs: local computation, with scratch memory that serves all machines of a rank.
class LocalGraphs {
 public:
  LocalGraphs(mpc::KeyOwners owners, mpc::Pairing pairing) : owners_(owners), pairing_(pairing) {}

  /// Replaces the graph by these edges, without loops, duplicates and edges that close a cycle here, and these labels by slot
  /// (a vertex that is its own label has the label key(me, slot)). Empty labels: every vertex is its own.
  void assemble(mpc::MachineId me, LocalGraph& graph, std::span<const NamedEdge> edges, std::span<const mpc::Word> labels);

  /// The edge as indices into keys.
  NamedEdge indices(mpc::Word edge) const { return {pairing_.high(edge), pairing_.low(edge)}; }

  /// For every key, the index of the key that stands for its connected piece: the one with the smallest priority(key).
  /// priority is called once a key; ties go to the smaller key.
  template <class Priority>
  std::span<const std::uint32_t> pieces(const LocalGraph& graph, Priority&& priority) {
    find_pieces(graph);
    priorities_.resize(graph.keys.size());
    for (std::size_t i = 0; i < graph.keys.size(); ++i) priorities_[i] = priority(graph.keys[i]);
    choose_representatives(graph);
    return representative_;
  }

  /// A key's neighbours among the machine's edges.
  struct Neighbours {
    mpc::Word least = UINT64_MAX;  ///< by name
    std::uint32_t degree = 0;
    bool larger = false;  ///< whether one of them has a larger name than the key
  };
  std::span<const Neighbours> neighbours(const LocalGraph& graph);

  /// Labels by slot, by name, of a graph that has some.
  std::span<const mpc::Word> labels(mpc::MachineId me, const LocalGraph& graph);

 private:
  std::uint32_t root(std::uint32_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  bool unite(std::uint32_t a, std::uint32_t b);
  void find_pieces(const LocalGraph& graph);
  void choose_representatives(const LocalGraph& graph);
  void sort_occurrences();

  mpc::KeyOwners owners_;
  mpc::Pairing pairing_;
  std::vector<std::uint64_t> occurrences_, other_;  // (position of the vertex, which occurrence)
  std::vector<std::uint32_t> index_, parent_, representative_, best_;
  std::vector<std::uint64_t> priorities_;
  std::vector<mpc::Word> keys_, edges_, labels_;
  std::vector<Neighbours> neighbours_;
};

}  // namespace protocols
