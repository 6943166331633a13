#pragma once

#include <stdexcept>
#include <string>

namespace mpc {

/// How a run ends; the command's exit codes.
enum class Exit : int {
  done = 0,         ///< finished and verified
  unverified = 1,   ///< finished, but an answer or a declared bound did not hold
  usage = 2,        ///< an unknown name or an option's value out of range
  bad_input = 3,    ///< a file or a graph of the wrong kind
  over_budget = 4,  ///< a limit of the model was exceeded
  inexact = 5,      ///< not exact in the number type that was asked for
  fault = 6,        ///< a step threw, a rank died, or I/O failed
};

/// An error that ends the run with a documented exit code. The text is complete: what, where, what was expected.
class Error : public std::runtime_error {
 public:
  Error(Exit exit, const std::string& text) : std::runtime_error(text), exit_(exit) {}
  Exit exit() const noexcept { return exit_; }

 private:
  Exit exit_;
};

class UsageError : public Error {
 public:
  explicit UsageError(const std::string& text) : Error(Exit::usage, text) {}
};

class InputError : public Error {
 public:
  explicit InputError(const std::string& text) : Error(Exit::bad_input, text) {}
};

class Fault : public Error {
 public:
  explicit Fault(const std::string& text) : Error(Exit::fault, text) {}
};

}  // namespace mpc
