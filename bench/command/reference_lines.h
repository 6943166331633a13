#pragma once

#include <cstdint>
#include <optional>

#include "bench/command/run_result.h"

namespace roundtrip {

/// What the rounds of a run are held against, three things that must not be confused.
struct ReferenceLines {
  /// Unconditional, for any protocol: the shuffle bound, with s in bits. Tiny.
  std::uint64_t shuffle = 0;
  /// ceil(log2 D): the conditional bound is Omega(log D) and has no constant, so this is a reference and no bound. D is at least what a
  /// double sweep found. Nothing if D was not measured.
  std::optional<std::uint64_t> log_diameter;
  /// ceil(log2 ecc): a floor for protocols that only forward ids that they hold, from the smallest vertex of the largest component.
  std::optional<std::uint64_t> ball_growing;
};

ReferenceLines reference_lines(const RunResult& result);

}  // namespace roundtrip
