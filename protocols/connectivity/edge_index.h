#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mpc/primitives/key_owners.h"
#include "mpc/word.h"

#include "protocols/graph/packed_edges.h"

namespace protocols {

/// What a machine keeps of a graph whose edges keep their ends: all its different edges, and one word of knowledge about each end.
struct IndexedEdges {
  std::vector<mpc::Word> known;  ///< (vertex, what is known of it), distinct vertices in ascending (owner, vertex) order
  std::vector<mpc::Word> edges;  ///< pairs of indices into known
  mpc::Word shared = 0;          ///< known up to here is of interest to other machines too; in the same order, like what follows

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& known& edges& shared;
  }
};

/// Builds and reads IndexedEdges: local computation, with scratch memory that serves all machines of a rank.
class EdgeIndex {
 public:
  EdgeIndex(mpc::KeyOwners owners, mpc::Pairing pairing) : owners_(owners), pairing_(pairing) {}

  /// The edges without loops and duplicates; every vertex is known by its own name, and shared.
  void assemble(PackedEdges::Range edges, IndexedEdges& to);

  mpc::Word vertex(mpc::Word known) const { return pairing_.high(known); }
  mpc::Word value(mpc::Word known) const { return pairing_.low(known); }

  /// For every vertex the least value of its neighbours.
  std::span<const mpc::Word> least_of_neighbours(const IndexedEdges& graph);

  /// Replaces the values of the first vertices; how many were others.
  std::uint64_t learn(IndexedEdges& graph, std::span<const mpc::Word> values) const;
  /// From now on only the vertices with shared(i) are.
  void share(IndexedEdges& graph, std::span<const char> shared);

 private:
  mpc::KeyOwners owners_;
  mpc::Pairing pairing_;
  std::vector<std::uint64_t> positions_;  // of the vertices, by owner
  std::vector<mpc::Word> least_, moved_;
};

}  // namespace protocols
