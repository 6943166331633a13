#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace roundtrip {

/// The options of `rounds`.
struct RoundsOptions {
  std::string preset;
  // What is swept over; an empty list: the preset's, or the default.
  std::vector<std::string> protocols;  ///< "cycles" (all variants), "cycles/doubling"
  std::vector<std::string> families;
  std::vector<std::uint64_t> sizes;
  std::vector<std::uint64_t> ks;  ///< of hops or maps; empty: the families', which grow with the size
  std::vector<double> deltas;
  std::vector<std::string> words;  ///< numbers, or "min"; in place of delta
  std::vector<std::uint64_t> seeds;
  double c = 8, slack = 8, gamma = 0;
  bool fit = false, no_verify = false;
  std::string json, csv, svg;  ///< files; empty: not wanted; "-": standard output

  /// Whether a file goes to standard output, which then holds nothing else.
  bool stdout_taken() const { return json == "-" || csv == "-" || svg == "-"; }
};

/// Declares the options on a CLI11 subcommand; they are parsed into `options`, which must outlive it.
void declare(CLI::App& command, RoundsOptions& options);

/// The options with every list filled in, from the preset or the defaults, but for protocols and families where all are meant. Throws
/// UsageError for what the parser cannot check.
RoundsOptions completed(RoundsOptions options);

/// What the plot of these options is called.
std::string title(const RoundsOptions& options);

}  // namespace roundtrip
