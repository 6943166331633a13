#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpc/error.h"
#include "mpc/ranks.h"

namespace CLI {
class App;
}

namespace roundtrip {

/// The options of `check programs`.
struct CheckProgramsOptions {
  std::vector<std::string> programs;  ///< empty: all
  std::uint64_t sequences = 26;       ///< of hops and induction, for every k
  std::uint64_t positions = 100;
  std::uint64_t most_hops = 64;
  std::vector<std::uint64_t> vertices;  ///< of components, powers of 4; empty: 64 and 256
  std::uint64_t graphs = 10;            ///< of each family
  std::uint64_t more_blocks = 0;
  std::string kernel = "routed";
  std::optional<std::uint64_t> threads;
  std::uint64_t seed = 1;
  std::string json;
};

void declare(CLI::App& command, CheckProgramsOptions& options);

/// `roundtrip check programs`: the programs in weights on many inputs, each answer against a serial oracle. Rank 0 does all of it.
/// Collective. Returns done if nothing is wrong but what labels say themselves (components that need more blocks), else unverified.
mpc::Exit check_programs(const CheckProgramsOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
