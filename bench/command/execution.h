#pragma once

#include <functional>

#include "mpc/cluster.h"
#include "mpc/ranks.h"
#include "mpc/transport.h"

#include "bench/command/problem.h"
#include "bench/command/run_result.h"

namespace roundtrip {

/// What is known of a problem's run before it starts: the names, the sizes, the model, the declared bounds.
RunResult planned(const Problem& problem, const mpc::Ranks& ranks);

/// Deals the problem's input to the machines of a cluster on this transport, calls prepare(cluster) if there is one, runs the protocol, and
/// checks the answer unless it shall not be verified. Fills in the result. Collective. Throws what the run throws; the result's ledger then
/// holds the rounds that were completed.
protocols::Answer execute(Problem& problem, mpc::Transport& transport, bool verified, RunResult& result, mpc::Ranks& ranks,
                          const std::function<void(mpc::Cluster&)>& prepare = {});

}  // namespace roundtrip
