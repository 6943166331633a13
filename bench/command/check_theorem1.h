#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "bench/command/compile.h"

namespace roundtrip {

/// The options of `check theorem1`.
struct CheckTheorem1Options {
  std::vector<std::string> protocols;   ///< empty: all
  std::vector<std::uint64_t> machines;  ///< empty: every protocol's own
  std::vector<std::uint64_t> words;     ///< empty: the least s and twice that
  std::uint64_t seed = 1;
  TransformerOptions transformer;
  std::string json;
};

void declare(CLI::App& command, CheckTheorem1Options& options);

/// `roundtrip check theorem1`: runs protocols on messages and as transformers, and compares every machine's memory after every round.
/// Collective. Returns done if all cases are identical and within their formulas, unverified if one is not; a case that cannot run is a
/// row with its reason, and the exit code is then that reason's.
mpc::Exit check_theorem1(const CheckTheorem1Options& options, mpc::Ranks& ranks);

}  // namespace roundtrip
