#pragma once

#include <cstdint>
#include <string>

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "bench/command/device_options.h"

namespace CLI {
class App;
}

namespace roundtrip {

/// The options of `check theorem2`.
struct CheckTheorem2Options {
  std::uint64_t seed = 1;
  std::string model, tokens;    ///< a model of one's own, in place of the installed one
  std::string words = "16384";  ///< of the model's run
  bool no_model = false;
  DeviceOptions device;
  std::string json;
};

void declare(CLI::App& command, CheckTheorem2Options& options);

/// Runs random transformers, and a real model where there is one, under every scheme in float64 and float32. Collective.
mpc::Exit check_theorem2(const CheckTheorem2Options& options, mpc::Ranks& ranks);

}  // namespace roundtrip
