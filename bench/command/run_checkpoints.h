#pragma once

#include <memory>

#include "mpc/checkpoint/checkpoints.h"
#include "mpc/ranks.h"

#include "bench/command/problem.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// The checkpoints that the options ask for; null: none. What is resumed is opened and checked, so this comes before anything is loaded.
/// Collective.
std::unique_ptr<mpc::Checkpoints> open_checkpoints(const RunOptions& options, mpc::Ranks& ranks);

/// What tells a run from others, beside its model: the protocol, its settings, and the input, whatever file it came from. Before the input
/// is dealt. Collective.
mpc::Identity identity_of(const Problem& problem, mpc::Ranks& ranks);

}  // namespace roundtrip
