#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpc/model.h"

#include "protocols/graph/graph_format.h"
#include "protocols/graph/vertex_ids.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace roundtrip {

/// How the model of a run is chosen: `--delta`, or `--words`, and the constants.
struct ModelOptions {
  std::optional<double> delta;  ///< 0.5 if neither delta nor words is given
  std::string words;            ///< a number, "min", or empty
  double c = 8, slack = 8, gamma = 0;
  std::optional<std::uint64_t> machines;
  std::uint64_t seed = 1;
};

/// What the input is. Which of these a protocol takes depends on its kind of input.
struct InputOptions {
  std::optional<std::string> graph, input;
  std::optional<std::uint64_t> vertices, n, k;
  std::optional<protocols::Format> format;
  std::optional<protocols::Ids> ids;

  /// The names of those that were given, with their dashes.
  std::vector<std::string> given() const;
};

/// A protocol, an input and a model.
struct ProblemOptions : InputOptions {
  std::string protocol, variant;
  ModelOptions model;
};

/// The options of `run`.
struct RunOptions : ProblemOptions {
  std::string transport = "auto";
  std::string json, csv, ledger, labels;  ///< files; empty: not wanted; "-": standard output
  std::string checkpoint, resume;         ///< folders; empty: not wanted
  std::uint64_t checkpoint_every = 10;    ///< rounds
  bool explain = false, dry_run = false, no_verify = false;

  /// Whether a file goes to standard output, which then holds nothing else.
  bool stdout_taken() const { return json == "-" || csv == "-" || ledger == "-" || labels == "-"; }
};

/// Declares the options on a CLI11 subcommand; they are parsed into `options`, which must outlive it.
void declare(CLI::App& command, RunOptions& options);
void declare(CLI::App& command, ProblemOptions& options);

/// Throws UsageError if two output options, each with its file, name the same one, by whatever name, since it would hold one of the two; or
/// if one of them names a file that is read.
void check_outputs(const std::vector<std::pair<std::string, std::string>>& files, const std::vector<std::string>& inputs = {});
/// The files that are read for these options; a generator is none.
std::vector<std::string> files_read(const InputOptions& options);
/// What the parser cannot check: throws UsageError.
void check(const RunOptions& options);
void check(const ProblemOptions& options);

/// The value of --words: throws UsageError if it is neither a positive whole number nor "min".
void check_words(const std::string& words);

/// Declares `--format` on a subcommand that reads graphs.
void declare_format(CLI::App& command, std::optional<protocols::Format>& format);

/// Declares an option that takes a whole number.
CLI::Option& whole_option(CLI::App& command, const std::string& name, const std::function<void(std::uint64_t)>& set,
                          const std::string& text);

/// A whole number from a command-line word: throws UsageError, naming the option.
std::uint64_t whole_number(const std::string& text, const std::string& option);

}  // namespace roundtrip
