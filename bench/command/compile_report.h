#pragma once

#include <string>

#include "mpc/ledger.h"

#include "transformer_bridge/compile/certificate.h"

#include "bench/command/compile.h"
#include "bench/command/problem.h"
#include "bench/command/run_result.h"

namespace roundtrip {

/// A protocol that ran as a transformer, as it is reported. Complete on rank 0.
struct CompileResult : Verification {
  protocols::Answer answer;  ///< labels of this rank's machines
  protocols::Bounds bounds;  ///< declared, for the path that the run took
  mpc::Ledger ledger;
  bridge::Certificate certificate;
  double wall_s = 0;                        ///< of the layers, the slowest rank
  bridge::Lockstep::Seconds layer_seconds;  ///< of rank 0
  std::uint64_t rss_bytes = 0;
  int ranks = 1;

  bool compared = false;                    ///< with the run on messages
  std::optional<std::string> difference{};  ///< from it: the first machine, round and word

  bool within_bounds() const { return ledger.rounds.size() <= bounds.rounds; }
  /// L = R + 1.
  std::uint64_t layers() const { return certificate.layers.size(); }
};

/// What a person reads.
std::string text_report(const CompileResult& result, const Problem& problem, const CompileOptions& options);
/// Schema 1.
std::string json_report(const CompileResult& result, const Problem& problem, const CompileOptions& options);
/// What a run on so many ranks would be at most: for --dry-run.
std::string prediction(const Problem& problem, const CompileOptions& options, int ranks);

/// The layers of a certificate by kind, one line each.
std::string certificate_table(const bridge::Certificate& certificate);

}  // namespace roundtrip
