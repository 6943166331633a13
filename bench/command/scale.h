#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "bench/command/run_options.h"

namespace roundtrip {

/// The options of `scale`.
struct ScaleOptions : ProblemOptions {  // its input is that of strong scaling
  std::string weak;                     ///< FAMILY:SIZE, of that size a rank; empty: no weak scaling
  std::vector<std::uint64_t> ranks;     ///< empty: 1, 2, 4, ... and all
  std::uint64_t repeat = 3;
  std::string transport = "auto";
  bool no_verify = false;
  std::string json, csv;  ///< files; empty: not wanted; "-": standard output

  /// Whether there is an input for strong scaling; k alone is for weak scaling.
  bool strong() const { return graph || input || n; }
  /// Whether a file goes to standard output, which then holds nothing else.
  bool stdout_taken() const { return json == "-" || csv == "-"; }
};

/// Declares the options on a CLI11 subcommand; they are parsed into `options`, which must outlive it.
void declare(CLI::App& command, ScaleOptions& options);

/// `roundtrip scale`: runs a protocol on the first 1, 2, 4, ... ranks, on one input (strong scaling) and on inputs that grow with the ranks
/// (weak); the other ranks sleep. Collective. Returns unverified if an answer is wrong, rounds exceed the declared ones, or one input has
/// two digests; throws, the same on every rank, what a run throws, after the rows before it were written.
mpc::Exit scale(const ScaleOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
