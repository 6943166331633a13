#pragma once

#include <exception>
#include <initializer_list>
#include <memory>
#include <string>

#include "mpc/error.h"
#include "mpc/model.h"
#include "mpc/ranks.h"

#include "protocols/protocol.h"

#include "bench/command/input_kind.h"
#include "bench/command/registry.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// What the options name: a protocol, an input that was read or made, and the model for both.
struct Problem {
  const Registered& protocol;
  protocols::Variant variant;
  protocols::Settings settings;
  std::unique_ptr<LoadedInput> input;
  mpc::Model model;
  double load_s = 0;  ///< of reading or making the input

  /// Declared, for a run with so many unlucky draws.
  protocols::Bounds bounds(std::uint64_t retries) const { return protocol.bounds(model, input->shape(), settings, retries); }
};

/// Throws, the same on every rank, for unknown names, bad input and a budget below the protocol's least. Collective.
Problem load_problem(const ProblemOptions& options, bool labels, mpc::Ranks& ranks);

/// Peak memory of this process, in bytes.
std::uint64_t peak_bytes();

/// Rank 0 writes a whole text, if the path is not empty; a failure is a failure on every rank. Collective.
void write_text(const std::string& path, const std::string& text, mpc::Ranks& ranks);

/// Throws Fault for the first of these files that cannot be written, so that a long run does not find it out at its end. Empty paths, "-",
/// pipes and devices are not tried. Collective.
void expect_writable(std::initializer_list<std::string> paths, mpc::Ranks& ranks);

/// Several outputs, each of which is attempted whatever became of the others; then the first failure is thrown.
class Outputs {
 public:
  template <class Write>
  void attempt(Write&& write) {
    try {
      write();
    } catch (const mpc::Error&) {
      if (!first_) first_ = std::current_exception();
    }
  }
  void finish() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::exception_ptr first_;
};

/// Seconds since `start` (mpc::seconds_now()) on the slowest rank. Collective.
double slowest_since(double start, mpc::Ranks& ranks);

/// Writes the answer's labels. Throws UsageError if there are none. Collective.
void write_labels(const std::string& path, const Problem& problem, const protocols::Answer& answer, mpc::Ranks& ranks);

}  // namespace roundtrip
