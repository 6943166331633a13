#include "protocols/connectivity.h"

#include "protocols/oracle/union_find.h"

namespace protocols {

About ConnectivityProtocol::about() {
  const std::string contraction = "2k max(0, ceil(1.75 log2(8m/s))) + 3k + 1 + T, k levels";
  const std::string words = "keeps 3e + 3b, sends 2e + b, receives at most q per owned vertex; e = ceil(m/q), b = ceil(n/q)";
  const std::string least = "min(m + 3b + 8, 5e + 3b + 6 + 3q), q in place of 3q if 4m < 3n; the first if q < 4; less with k > 1";
  return {"connectivity",
          "connected components of an undirected graph",
          "components",
          {{"local-contraction", contraction, words, least,
            "Lacki, Mirrokni, Wlodarczyk 2018 (LocalContraction), in an edge layout of our own"},
           {"alt", contraction + ", for random ids", words, least,
            "Kiveris et al. 2014 (alternating large-star and small-star), with a leaf stop, in the same layout"},
           {"fastsv", "6k (ceil(log2 n) + 5) + k + T, for random ids", "keeps 3e + 3b, sends 2e + b, receives at most q per owned vertex",
            "5e + 3b + 6 + 3q; less with k > 1", "Zhang, Azad, Hu 2020 (FastSV), in the same layout"},
           {"hash-min", "2k (D + 3) + k + max(4, T) at diameter D; declared for D = n - 1",
            "keeps 3e + b, sends 2e, receives at most q per owned vertex", "5e + b + 7 + 3q; less with k > 1",
            "label propagation, the baseline; Rastogi et al. 2013 (Hash-Min)"},
           {"hash-to-min", "2 ceil(log2 n) + 3 + T, for random ids", "a component on one machine, several times over",
            "9n + 6e + 6b + 8 and a sum's words, on paths and trees with random ids; no promise for others",
            "Rastogi et al. 2013 (Hash-to-Min)"},
           {"forests", "ceil(log_h q) + 1, h = floor(s / (n - 1))", "keeps max(n - 1, e), sends n, receives (h - 1)(n - 1)", "max(2n, e)",
            "Lattanzi et al. 2011 (filtering), Karloff et al. 2010; for machines that hold all vertices"}}};
}

Bounds ConnectivityProtocol::bounds(const mpc::Model& model, const Shape& shape, const Settings& settings, std::uint64_t) {
  if (shape.edges == 0) return {0, mpc::Words{1}};
  if (settings.variant == "alt") return Contraction<AlternatingStars, mpc::Cluster>::bounds(model, shape);
  if (settings.variant == "fastsv") return FastSv<mpc::Cluster>::bounds(model, shape);
  if (settings.variant == "hash-min") return HashMin<mpc::Cluster>::bounds(model, shape);
  if (settings.variant == "hash-to-min") return HashToMin<mpc::Cluster>::bounds(model, shape);
  if (settings.variant == "forests") return Forests<mpc::Cluster>::bounds(model, shape);
  return Contraction<LocalContraction, mpc::Cluster>::bounds(model, shape);
}

Expected ConnectivityProtocol::oracle(const WholeGraph& graph) {
  auto labels = oracle::component_labels(graph.vertices, graph.edges);
  auto components = graph.isolated;
  for (std::uint64_t vertex = 0; vertex < graph.vertices; ++vertex) components += labels[vertex] == vertex ? 1U : 0U;
  return {components, std::move(labels)};
}

}  // namespace protocols
