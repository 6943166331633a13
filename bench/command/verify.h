#pragma once

#include <any>

#include "bench/command/problem.h"
#include "bench/command/run_result.h"

namespace roundtrip {

/// Checks the answer with the protocol's serial oracle, on rank 0 over the whole input (LoadedInput::whole): the value, and where there are
/// labels those too. Sets verdict, expected and distances on every rank; of a text, expected is known on rank 0 only. Collective.
void verify(const Problem& problem, const protocols::Answer& answer, const std::any& whole, Verification& result, mpc::Ranks& ranks);

}  // namespace roundtrip
