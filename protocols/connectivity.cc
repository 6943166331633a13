#include "protocols/connectivity.h"

#include "protocols/oracle/union_find.h"

namespace protocols {

About ConnectivityProtocol::about() {
  const std::string rounds = "2 max(0, ceil(1.75 log2(8m/s))) + 4 + T";
  const std::string words = "keeps 3e + 3b, sends 2e + b, receives at most q per owned vertex; e = ceil(m/q), b = ceil(n/q)";
  const std::string least = "min(m + 3b + 8, 5e + 3b + 6 + 3q), q in place of 3q if 4m < 3n; the first if q < 4";
  return {"connectivity",
          "connected components of an undirected graph",
          "components",
          {{"local-contraction", rounds, words, least, "Lacki, Mirrokni, Wlodarczyk 2018 (LocalContraction), in an edge layout of our own"},
           {"alt", rounds + ", for random ids", words, least,
            "Kiveris et al. 2014 (alternating large-star and small-star), with a leaf stop, in the same layout"}}};
}

Bounds ConnectivityProtocol::bounds(const mpc::Model& model, const Shape& shape, const Settings&, std::uint64_t) {
  return Connectivity<LocalContraction, mpc::Cluster>::bounds(model, shape);
}

Expected ConnectivityProtocol::oracle(const WholeGraph& graph) {
  auto labels = oracle::component_labels(graph.vertices, graph.edges);
  auto components = graph.isolated;
  for (std::uint64_t vertex = 0; vertex < graph.vertices; ++vertex) components += labels[vertex] == vertex ? 1U : 0U;
  return {components, std::move(labels)};
}

}  // namespace protocols
