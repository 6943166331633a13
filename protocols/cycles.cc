#include "protocols/cycles.h"

#include <fmt/core.h>

#include "protocols/graph/degrees.h"
#include "protocols/oracle/walk.h"

namespace protocols {

About CyclesProtocol::about() {
  const std::string words = "keeps 3b + 5, sends 6b, receives 6b; b = ceil(n/q)";
  return {"cycles",
          "number of cycles of a graph that is a union of cycles (one cycle versus two)",
          "cycles",
          {{"sample", "K + 2 + T, K = ceil(log2((8n/s) ln n)); floor(log2 n) + 3 + 2T if a cycle has no anchor", words,
            "9b + 5; with labels also 3b + 9 + s/4", "anchors of Behnezhad et al. 2019 (SPAA), without adaptive reads"},
           {"doubling", "floor(log2 n) + 1 + T", words, "9b + 5", "pointer doubling; matches the one-versus-two-cycle conjecture"}}};
}

Bounds CyclesProtocol::bounds(const mpc::Model& model, const Shape& shape, const Settings& settings, std::uint64_t retries) {
  if (settings.variant == "doubling") {
    return Cycles<CycleVariant::doubling, mpc::Cluster>::bounds(model, shape.vertices, settings.labels, retries);
  }
  return Cycles<CycleVariant::sample, mpc::Cluster>::bounds(model, shape.vertices, settings.labels, retries);
}

Expected CyclesProtocol::oracle(const WholeGraph& graph) {
  auto walked = oracle::count_cycles(graph.vertices, graph.edges);
  return {walked.count, std::move(walked.smallest)};
}

void CyclesProtocol::check(const Graph& graph, mpc::Ranks& ranks) {
  if (const auto odd = first_vertex_of_degree_other_than(graph, 2, ranks)) {
    const auto vertex = odd->original ? fmt::format("vertex {}", *odd->original) : std::string("an isolated vertex");
    throw mpc::InputError(
        fmt::format("cycles wants a union of cycles, where every vertex has degree 2; {} has degree {}", vertex, odd->degree));
  }
}

}  // namespace protocols
