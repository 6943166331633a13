#pragma once

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "bench/command/rounds_options.h"

namespace roundtrip {

/// `roundtrip rounds`: runs every protocol, family, memory, size and seed that was asked for, and reports the rounds against what was
/// declared and against the reference lines. Collective. A run that fails is a row with its reason, and the sweep goes on. Returns done, or
/// the worst row's exit code: fault before unverified, then over_budget, bad_input, usage. Throws mpc::Error, the same on every rank, for
/// wrong use and for files that cannot be written.
mpc::Exit rounds(const RoundsOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
