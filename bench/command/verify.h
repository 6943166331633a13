#pragma once

#include "protocols/graph/graph.h"

#include "bench/command/run_result.h"

namespace roundtrip {

/// Checks the answer with the protocol's serial oracle, on rank 0 over the whole graph: the number, and where there are labels that they
/// fall into the oracle's classes. Sets verdict, expected and distances on every rank. Collective.
void verify(const Registered& protocol, const protocols::Answer& answer, const protocols::WholeGraph& graph, Verification& result,
            mpc::Ranks& ranks);

/// The edges of all ranks on rank 0. Collective.
protocols::WholeGraph gather_graph(const protocols::Graph& graph, mpc::Ranks& ranks);

}  // namespace roundtrip
