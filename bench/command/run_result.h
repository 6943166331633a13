#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpc/ledger.h"
#include "mpc/model.h"

#include "bench/command/registry.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// What the oracle said.
enum class Verdict { verified, wrong, skipped };

/// Distances in the graph, from breadth-first searches on one rank.
struct Distances {
  std::uint64_t diameter = 0;      ///< at least
  std::uint64_t eccentricity = 0;  ///< of the smallest vertex of the largest component
};

/// What the oracle said of an answer.
struct Verification {
  Verdict verdict = Verdict::skipped;
  std::uint64_t expected = 0;  ///< the oracle's value
  std::optional<Distances> distances;
};

/// A run, as it is reported. Complete on rank 0.
struct RunResult : Verification {
  protocols::About about;
  protocols::Variant variant;
  mpc::Model model;
  std::uint64_t vertices = 0;  ///< n, isolated ones included
  std::uint64_t isolated = 0;
  std::uint64_t edges = 0;  ///< m
  int ranks = 1;
  std::string transport;

  protocols::Bounds bounds;  ///< declared, for the path that the run took
  std::uint64_t value = 0;
  std::uint64_t retries = 0;
  mpc::Ledger ledger;

  std::optional<std::uint64_t> resumed_after;  ///< a round: what came before it was another run's
  std::vector<std::uint64_t> checkpoints;      ///< rounds of which they were written

  double wall_s = 0;            ///< of the protocol, the slowest rank
  double checkpoint_s = 0;      ///< of writing and reading checkpoints
  double load_s = 0;            ///< of reading or making the graph
  std::uint64_t rss_bytes = 0;  ///< the sum of the ranks' peaks

  bool within_bounds() const { return ledger.rounds.size() <= bounds.rounds; }
};

}  // namespace roundtrip
