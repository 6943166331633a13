#include "bench/command/theorem1_cases.h"

#include <algorithm>
#include <memory>

#include <fmt/core.h>

#include "transformer_bridge/compile/graph_tokens.h"

#include "bench/command/model_choice.h"
#include "bench/command/problem.h"
#include "bench/command/theorem1_primitives.h"
#include "bench/command/verify.h"

namespace roundtrip {
namespace {

using Numbers = std::vector<std::uint64_t>;

// ---- Protocols on graphs ----------------------------------------------------------------------------------------------------------

/// Most packets of a machine, B, at twice the least s: the slots grow like B^4. Where s is given, whatever fits is run.
constexpr std::uint64_t most_packets = 32;

/// A graph protocol's variant on graphs that depend on the number of machines. `bounded`: only where B stays within most_packets.
Theorem1Protocol on_graphs(const std::string& protocol, const std::string& variant, Numbers machines, bool bounded,
                           std::function<std::vector<std::string>(std::uint64_t machines)> graphs) {
  return {protocol + "/" + variant, std::move(machines),
          [=](std::uint64_t q, std::uint64_t words, std::uint64_t multiple, std::uint64_t seed, mpc::Ranks& ranks) {
            std::vector<Theorem1Case> cases;
            for (const auto& graph : graphs(q)) {
              ProblemOptions options;
              options.protocol = protocol;
              options.variant = variant;
              options.graph = graph;
              options.model.machines = q;
              options.model.seed = seed;
              options.model.words = "min";
              auto problem = std::make_shared<Problem>(load_problem(options, false, ranks));
              const auto least = problem->model.memory.count;
              if (words == 0 && bounded && 2 * least > most_packets) continue;
              if (words != 0 || multiple > 1) {
                options.model.words = fmt::format("{}", words != 0 ? words : multiple * least);
                problem->model = choose_model(options.model, problem->protocol, problem->settings, problem->shape());
              }
              Theorem1Case one;
              one.input = graph;
              one.model = problem->model;
              one.rounds_declared = problem->bounds(1).rounds;
              one.dealing = bridge::graph_dealing(problem->graph.edges, q);
              const auto whole = std::make_shared<protocols::WholeGraph>(gather_graph(problem->graph, ranks));
              const auto right = [problem, whole, &ranks](const protocols::Answer& answer) {
                Verification verification;
                verify(problem->protocol, answer, *whole, verification, ranks);
                return verification.verdict == Verdict::verified;
              };
              one.on_messages = [problem, right, &ranks](mpc::Cluster& cluster) {
                auto graph_copy = problem->graph;
                const auto input = deal(graph_copy, problem->model, cluster.machines_here(), ranks);
                return right(problem->protocol.run(cluster, input, problem->settings));
              };
              one.as_transformer = [problem, right, &ranks](bridge::TransformerCluster& cluster) {
                const auto input = bridge::deal_graph(cluster, problem->graph, ranks);
                return right(problem->protocol.run_as_transformer(cluster, input, problem->settings));
              };
              cases.push_back(std::move(one));
            }
            return cases;
          }};
}

std::vector<std::string> cycle_graphs(std::uint64_t machines) {
  if (machines < 6) return {"cycle:" + std::to_string(std::max<std::uint64_t>(3, machines))};
  return {"two-cycles:" + std::to_string(machines)};
}

/// A hub, and no hub. With few machines s holds the whole graph; from 16 on the graph is large enough that it has to be contracted first.
std::vector<std::string> trees(std::uint64_t machines) {
  const auto n = std::to_string(machines < 16 ? std::max<std::uint64_t>(3, machines) : 5 * machines + 1);
  return {"star:" + n, "path:" + n};
}

}  // namespace

const std::vector<Theorem1Protocol>& theorem1_protocols() {
  static const std::vector<Theorem1Protocol> all = [] {
    auto protocols = theorem1_primitives();
    for (auto& protocol : {
             on_graphs("cycles", "doubling", {2, 3, 5, 16, 50, 64, 256, 1024}, false, cycle_graphs),
             on_graphs("cycles", "sample", {3, 5, 16, 50, 64, 256}, true, cycle_graphs),
             on_graphs("connectivity", "alt", {2, 3, 4, 5, 6}, true, trees),
             on_graphs("connectivity", "local-contraction", {2, 3, 4, 5, 6}, true, trees),
         })
      protocols.push_back(protocol);
    return protocols;
  }();
  return all;
}

}  // namespace roundtrip
