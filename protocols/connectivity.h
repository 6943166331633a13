#pragma once

#include <cstdint>

#include "mpc/cluster.h"

#include "protocols/connectivity/contraction.h"
#include "protocols/connectivity/fastsv.h"
#include "protocols/connectivity/forests.h"
#include "protocols/connectivity/hash_min.h"
#include "protocols/connectivity/hash_to_min.h"
#include "protocols/graph_input.h"

namespace protocols {

/// The protocol, as the command knows it.
struct ConnectivityProtocol {
  static About about();
  static Bounds bounds(const mpc::Model& model, const Shape& shape, const Settings& settings, std::uint64_t retries);
  static Expected oracle(const WholeGraph& graph);

  template <class Cluster>
  static Answer run(Cluster& cluster, const GraphInput& input, const Settings& settings) {
    if (input.edges() == 0) return {.value = input.isolated()};
    if (settings.variant == "alt") return answer(Contraction<AlternatingStars, Cluster>(cluster, input), cluster, input);
    if (settings.variant == "fastsv") return answer(FastSv<Cluster>(cluster, input), cluster, input);
    if (settings.variant == "hash-min") return answer(HashMin<Cluster>(cluster, input), cluster, input);
    if (settings.variant == "hash-to-min") return answer(HashToMin<Cluster>(cluster, input), cluster, input);
    if (settings.variant == "forests") return answer(Forests<Cluster>(cluster, input), cluster, input);
    return answer(Contraction<LocalContraction, Cluster>(cluster, input), cluster, input);
  }

 private:
  template <class Solved, class Cluster>
  static Answer answer(Solved&& solved, Cluster& cluster, const GraphInput& input) {
    Answer answer;
    answer.labels.reserve(cluster.machines_here().count * per_machine(input.vertices(), cluster.model()));
    std::uint64_t roots = 0;
    cluster.inspect([&](const auto& me) {
      solved.labels(me, [&](auto vertex, auto label) {
        answer.labels.push_back({vertex, label});
        if (vertex == label) ++roots;
      });
    });
    answer.value = input.isolated() + cluster.total(roots);
    return answer;
  }
};

}  // namespace protocols
