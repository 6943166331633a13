#include <algorithm>
#include <map>

#include "mpc/primitives/all_reduce.h"

#include "bench/roundtrip.h"

/// The largest degree of a graph. A machine counts, for every vertex, the edges that it was dealt, and sends one word, (slot, count), to
/// the vertex's owner. The owners add up, and an all-reduce finds the maximum. Rounds: 1 + T.  Words, e = ceil(m/q): keeps e, sends at most
/// 2e, receives 2e on average and at most q about one vertex.
struct LargestDegree {
  static protocols::About about() {
    const protocols::Variant count{"count", "1 + T", "keeps e, sends 2e, receives 4e + q; e = ceil(m/q)", "4e + q + 4", "folklore"};
    return {"largest-degree", "largest degree of a graph", "degree", {count}};
  }
  static protocols::Bounds bounds(const mpc::Model& model, const protocols::Shape& shape, const protocols::Settings&, std::uint64_t) {
    const auto e = (shape.edges + model.machines - 1) / model.machines;
    return {1 + model.tree_rounds(), mpc::Words{4 * e + model.machines + 4}};
  }

  template <class Cluster>
  static protocols::Answer run(Cluster& cluster, const protocols::GraphInput& input, const protocols::Settings&) {
    using Word = typename Cluster::Word;
    const auto owners = input.owners(cluster.model());
    const auto pairing = cluster.model().pairing();
    auto edges = protocols::deal(cluster, input);
    auto counts = cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      std::map<Word, Word> degrees;
      for (const auto edge : edges[me]) ++degrees[pairing.high(edge)], ++degrees[pairing.low(edge)];
      for (const auto& [vertex, degree] : degrees) out.send(owners.owner(vertex), pairing.pack(owners.slot(vertex), degree));
      edges[me].clear();
    });
    auto largest = cluster.template make<Word>();
    cluster.local(counts, [&](const auto& me, auto inbox) {
      std::vector<Word> degrees(owners.slots(me.id()));
      for (const auto& [source, count] : inbox) degrees[pairing.high(count)] += pairing.low(count);
      for (const auto degree : degrees) largest[me] = mpc::max(largest[me], degree);
    });
    mpc::all_reduce(cluster, largest, mpc::max);
    return {.value = cluster.agree([&](const auto& me) { return largest[me]; })};
  }

  static protocols::Expected oracle(const protocols::WholeGraph& graph) {
    std::vector<std::uint64_t> degrees(graph.vertices + 1);
    for (const auto& [u, v] : graph.edges) ++degrees[u], ++degrees[v];
    return {*std::ranges::max_element(degrees)};
  }
};

int main(int argc, char** argv) {
  roundtrip::add<LargestDegree>();
  return roundtrip::main(argc, argv);
}
