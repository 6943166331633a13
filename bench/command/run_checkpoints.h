#pragma once

#include <memory>

#include "mpc/checkpoint/checkpoints.h"
#include "mpc/machine.h"
#include "mpc/ranks.h"

#include "protocols/graph_input.h"

#include "bench/command/problem.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// The checkpoints that the options ask for; null: none. What is resumed is opened and checked, so this comes before anything is loaded.
/// Collective.
std::unique_ptr<mpc::Checkpoints> open_checkpoints(const RunOptions& options, mpc::Ranks& ranks);

/// What tells a run from others, beside its model: the protocol, its settings, and the input as it is dealt, whatever file it came from.
/// Collective.
mpc::Identity identity_of(const Problem& problem, const ProblemOptions& options, const protocols::GraphInput& input, mpc::MachineBlock here,
                          mpc::Ranks& ranks);

}  // namespace roundtrip
