#include "bench/command/execution.h"

#include <any>
#include <optional>
#include <utility>

#include <malloc.h>

#include "mpc/clock.h"

#include "bench/command/verify.h"

namespace roundtrip {

RunResult planned(const Problem& problem, const mpc::Ranks& ranks) {
  RunResult result;
  result.load_s = problem.load_s;
  result.about = problem.protocol.about;
  result.variant = problem.variant;
  result.model = problem.model;
  result.input = problem.input->name();
  result.note = problem.input->note();
  result.line = problem.input->line();
  result.facts = problem.input->facts();
  result.reference_lines = problem.input->reference_lines(result.model, {});
  result.ranks = ranks.size();
  result.bounds = problem.bounds(0);
  return result;
}

protocols::Answer execute(Problem& problem, mpc::Transport& transport, bool verified, RunResult& result, mpc::Ranks& ranks,
                          const std::function<void(mpc::Cluster&)>& prepare) {
  std::optional<mpc::Cluster> cluster(std::in_place, result.model, transport);
  if (prepare) prepare(*cluster);
  std::any input = problem.input->deal(result.model, cluster->machines_here(), ranks);
  cluster->restart_clock();
  const auto start = mpc::seconds_now();
  protocols::Answer answer;
  try {
    answer = problem.protocol.run(*cluster, input, problem.settings);
    result.wall_s = slowest_since(start, ranks);
    result.ledger = cluster->finish();
  } catch (const mpc::Error&) {
    result.ledger = cluster->completed();
    throw;
  }
  // The oracle's memory follows on the run's, and does not come on top.
  cluster.reset();
  input.reset();
  result.value = problem.input->shown(answer.value);
  result.retries = answer.retries;
  result.bounds = problem.bounds(answer.retries);
  if (verified) {
    malloc_trim(0);  // what many small variables leave behind lies scattered
    verify(problem, answer, problem.input->whole(ranks), result, ranks);
    result.reference_lines = problem.input->reference_lines(result.model, result.distances);
  }
  result.rss_bytes = ranks.sum(peak_bytes());
  return answer;
}

}  // namespace roundtrip
