#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "mpc/machine.h"
#include "mpc/model.h"
#include "mpc/primitives/key_owners.h"
#include "mpc/word.h"

#include "protocols/even_share.h"
#include "protocols/graph/graph.h"
#include "protocols/graph/packed_edges.h"
#include "protocols/protocol.h"

namespace protocols {

/// What is known of a graph before a run.
struct Shape {
  std::uint64_t vertices = 0;  ///< that have an edge
  std::uint64_t edges = 0;

  std::uint64_t input_words() const { return 2 * edges; }  ///< N
  std::uint64_t ids() const { return vertices; }           ///< n of the model
};

/// The whole graph on one rank, for oracles. Vertices are 0..vertices-1, none isolated.
struct WholeGraph {
  std::uint64_t vertices = 0;
  std::uint64_t isolated = 0;
  PackedEdges edges;
};

/// A graph as it is dealt to the machines of a run, by the edges of the sorted list. Vertices are 0..vertices-1; none of them is isolated.
class GraphInput {
 public:
  using Shape = protocols::Shape;
  using Whole = WholeGraph;
  using Loaded = Graph;  ///< as it was read, on the ranks

  /// `share`: the edges of this rank's machines, in order.
  GraphInput(Shape shape, std::uint64_t isolated, Ids ids, std::uint64_t machines, mpc::MachineBlock here, const std::vector<Edge>& share)
      : shape_(shape),
        isolated_(isolated),
        ids_(ids),
        machines_(machines),
        first_(first_item(here.first, shape.edges, machines)),
        share_(std::make_shared<const PackedEdges>(share, shape.vertices)) {}

  const Shape& shape() const { return shape_; }
  std::uint64_t vertices() const { return shape_.vertices; }
  std::uint64_t edges() const { return shape_.edges; }
  /// Vertices without an edge: no machine hears of them, but they count where vertices do.
  std::uint64_t isolated() const { return isolated_; }

  /// Who owns the vertices. Random ids are dealt out in turn; ids as given may follow a pattern and are permuted first.
  mpc::KeyOwners owners(const mpc::Model& model) const {
    if (ids_ == Ids::random || shape_.vertices == 0) return {shape_.vertices, model.machines};
    return {shape_.vertices, model.machines, mpc::PublicPermutation(shape_.vertices, model.hash()(shape_.vertices, owner_stream))};
  }

  /// The edges dealt to a machine of this rank. A protocol reads them once, before its first round, into a PerMachine.
  PackedEdges::Range edges_of(mpc::MachineId machine) const {
    return share_->range(first_item(machine.value, shape_.edges, machines_) - first_,
                         first_item(machine.value + 1, shape_.edges, machines_) - first_);
  }
  /// The edges of all machines of this rank; whoever needs them for longer than the input may keep them.
  std::shared_ptr<const PackedEdges> share() const { return share_; }

 private:
  static constexpr std::uint64_t owner_stream = 11;

  Shape shape_;
  std::uint64_t isolated_;
  Ids ids_;
  std::uint64_t machines_, first_;
  std::shared_ptr<const PackedEdges> share_;
};

/// Every machine's edges, packed as (u, v), u < v, one word each, and charged.
template <class Cluster>
auto deal(Cluster& cluster, const GraphInput& input) {
  return cluster.template make<std::vector<typename Cluster::Word>>([&](const auto& me) {
    const auto pairing = cluster.model().pairing();
    std::vector<typename Cluster::Word> edges;
    for (const auto& edge : input.edges_of(me.id())) edges.push_back(pairing.pack(edge.u, edge.v));
    return edges;
  });
}

}  // namespace protocols
