#pragma once

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "bench/command/run_options.h"

namespace roundtrip {

/// `roundtrip run`. Collective. Returns done or unverified; throws mpc::Error, the same on every rank, for everything else.
mpc::Exit run(const RunOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
