#include "bench/command/execution.h"

#include "mpc/clock.h"

#include "bench/command/verify.h"

namespace roundtrip {

RunResult planned(const Problem& problem, const mpc::Ranks& ranks) {
  RunResult result;
  result.load_s = problem.load_s;
  result.about = problem.protocol.about;
  result.variant = problem.variant;
  result.model = problem.model;
  result.vertices = problem.graph.vertices;
  result.isolated = problem.graph.vertices - problem.graph.active;
  result.edges = problem.graph.edges;
  result.ranks = ranks.size();
  result.bounds = problem.bounds(0);
  return result;
}

protocols::Answer execute(Problem& problem, mpc::Cluster& cluster, bool verified, RunResult& result, mpc::Ranks& ranks) {
  protocols::WholeGraph whole;
  if (verified) whole = gather_graph(problem.graph, ranks);
  const auto input = deal(problem.graph, result.model, cluster.machines_here(), ranks);
  const auto start = mpc::seconds_now();
  protocols::Answer answer;
  try {
    answer = problem.protocol.run(cluster, input, problem.settings);
    result.wall_s = slowest_since(start, ranks);
    result.ledger = cluster.finish();
  } catch (const mpc::Error&) {
    result.ledger = cluster.completed();
    throw;
  }
  result.value = answer.value;
  result.retries = answer.retries;
  result.bounds = problem.bounds(answer.retries);
  if (verified) verify(problem.protocol, answer, whole, result, ranks);
  return answer;
}

}  // namespace roundtrip
