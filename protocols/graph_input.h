#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "mpc/machine.h"
#include "mpc/model.h"
#include "mpc/primitives/key_owners.h"
#include "mpc/word.h"

#include "protocols/protocol.h"

namespace protocols {

/// A graph as it is dealt to the machines of a run: machine j gets the edges [floor(j m / q), floor((j + 1) m / q)) of the sorted list,
/// at most ceil(m / q). Vertices are 0..vertices-1; none of them is isolated.
class GraphInput {
 public:
  /// `share`: the edges of this rank's machines, in order.
  GraphInput(Shape shape, std::uint64_t isolated, Ids ids, std::uint64_t machines, mpc::MachineBlock here, std::vector<Edge> share)
      : shape_(shape), isolated_(isolated), ids_(ids), machines_(machines), first_(first_edge(here.first)), share_(std::move(share)) {}

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
  std::span<const Edge> edges_of(mpc::MachineId machine) const {
    const auto begin = first_edge(machine.value) - first_;
    return std::span(share_).subspan(begin, first_edge(machine.value + 1) - first_ - begin);
  }

  /// floor(j m / q).
  static std::uint64_t first_edge(std::uint64_t machine, std::uint64_t edges, std::uint64_t machines) {
    return static_cast<std::uint64_t>(static_cast<mpc::DoubleWord>(machine) * edges / machines);
  }

 private:
  static constexpr std::uint64_t owner_stream = 11;

  std::uint64_t first_edge(std::uint64_t machine) const { return first_edge(machine, shape_.edges, machines_); }

  Shape shape_;
  std::uint64_t isolated_;
  Ids ids_;
  std::uint64_t machines_, first_;
  std::vector<Edge> share_;
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
