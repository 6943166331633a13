#pragma once

#include <cstdint>

#include "transformer_bridge/programs/hops.h"

namespace bridge {

/// The standard induction head: two layers, one head each. It predicts for every position the symbol that came after the last occurrence of
/// the same symbol before, or none. It is one hop: rows, tokens and answers are those of hops.h. One layer whose head reads one token
/// cannot do it: tests/transformer_bridge/programs/induction_test.cc goes through all of them at small sizes.
CompiledModel induction(std::uint64_t positions, std::uint64_t symbols, NumberType type);

}  // namespace bridge
