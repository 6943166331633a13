#pragma once

#include "mpc/cluster.h"
#include "mpc/ranks.h"

#include "bench/command/problem.h"
#include "bench/command/run_result.h"

namespace roundtrip {

/// What is known of a problem's run before it starts: the names, the sizes, the model, the declared bounds.
RunResult planned(const Problem& problem, const mpc::Ranks& ranks);

/// Deals the problem's input to the cluster's machines (it is taken out of the problem), runs the protocol, and checks the answer unless it
/// shall not be verified. Fills in the result. Collective. Throws what the run throws; the result's ledger then holds the rounds that were
/// completed.
protocols::Answer execute(Problem& problem, mpc::Cluster& cluster, bool verified, RunResult& result, mpc::Ranks& ranks);

}  // namespace roundtrip
