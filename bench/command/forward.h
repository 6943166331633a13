#pragma once

#include <string>

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "bench/command/device_options.h"
#include "bench/command/scheme_options.h"

namespace CLI {
class App;
}

namespace roundtrip {

/// The options of `forward`.
struct ForwardOptions {
  std::string model, tokens;  ///< a folder, a file
  std::string dtype = "f32";
  SchemeOptions scheme;
  DeviceOptions device;
  std::string pool;       ///< empty or "mean"
  std::string out, json;  ///< files; empty: not wanted
  bool dry_run = false;
};

void declare(CLI::App& command, ForwardOptions& options);

/// Runs a model on sequences of tokens. Collective.
mpc::Exit forward(const ForwardOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
