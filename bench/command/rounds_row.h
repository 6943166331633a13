#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mpc/error.h"

#include "bench/command/run_options.h"
#include "bench/command/run_result.h"

namespace roundtrip {

/// A run that a sweep asks for.
struct RoundsCase {
  ProblemOptions problem;
  std::string family;
  std::uint64_t size = 0;          ///< what the family was asked for
  std::optional<std::uint64_t> k;  ///< if it was asked for one

  /// What the input is called: "er:1024,4096", "sequence:1024,32", "maps:32,32" for n and k.
  std::string input() const;
  /// What the series is about: "er", "sequence k=8".
  std::string members() const { return family + (k ? " k=" + std::to_string(*k) : ""); }
  /// "cycles/doubling"
  std::string protocol() const { return problem.protocol + "/" + problem.variant; }
  /// "delta 0.5", "s 1024" or "s min"
  std::string memory() const;
};

/// How it came out.
struct RoundsRow {
  RoundsCase asked;
  RunResult result{};        ///< as far as it got
  bool planned = false;      ///< the input was loaded and the model chosen
  bool finished = false;     ///< the protocol ended by itself, and its answer was checked if it was to be
  std::string failure = {};  ///< why it did not finish
  mpc::Exit exit = mpc::Exit::done;

  double log_input() const;  ///< log2 N
  /// What is known of the input under this name: see LoadedInput::facts.
  Fact fact(const std::string& name) const;
  std::optional<std::uint64_t> reference(const char* name) const { return rounds_of(result.reference_lines, name); }
  double rounds() const { return static_cast<double>(result.ledger.rounds.size()); }
  /// "verified", "not checked", "WRONG", "EXCEEDED" (the declared rounds), or the kind of failure.
  std::string verdict() const;
};

/// The row's series: what a line of the plot and a fit are about, the seeds and sizes of one protocol, family and choice of memory.
bool same_series(const RoundsCase& a, const RoundsCase& b);

}  // namespace roundtrip
