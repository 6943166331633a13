#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpc/ledger.h"
#include "mpc/model.h"

#include "bench/command/input_kind.h"
#include "bench/command/registry.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// What the oracle said.
enum class Verdict { verified, wrong, skipped };

/// What the oracle said of an answer.
struct Verification {
  Verdict verdict = Verdict::skipped;
  Fact expected;                       ///< the oracle's value
  std::optional<Distances> distances;  ///< in a graph
};

/// A run, as it is reported. Complete on rank 0.
struct RunResult : Verification {
  protocols::About about;
  protocols::Variant variant;
  mpc::Model model;
  std::string input, note, line;  ///< of the input, for people: see LoadedInput
  ReferenceLines reference_lines;
  Facts facts;  ///< of the input
  int ranks = 1;
  std::string transport;

  protocols::Bounds bounds;  ///< declared, for the path that the run took
  Fact value;
  std::uint64_t retries = 0;
  mpc::Ledger ledger;

  std::optional<std::uint64_t> resumed_after;  ///< a round: what came before it was another run's
  std::vector<std::uint64_t> checkpoints;      ///< rounds of which they were written

  double wall_s = 0;            ///< of the protocol, the slowest rank
  double checkpoint_s = 0;      ///< of writing and reading checkpoints
  double load_s = 0;            ///< of reading or making the input
  std::uint64_t rss_bytes = 0;  ///< the sum of the ranks' peaks

  bool within_bounds() const { return ledger.rounds.size() <= bounds.rounds; }
};

}  // namespace roundtrip
