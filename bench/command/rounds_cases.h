#pragma once

#include <vector>

#include "mpc/ranks.h"

#include "bench/command/rounds_options.h"
#include "bench/command/rounds_row.h"

namespace roundtrip {

/// Every run of the sweep: by protocol, family, k, memory, size and seed, in this order. A family that does not fit a protocol is left out;
/// a protocol without a family, a family without a protocol, and a size that a family cannot have are UsageErrors. Collective.
std::vector<RoundsCase> rounds_cases(const RoundsOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
