#pragma once

#include <optional>
#include <string>

#include "mpc/error.h"
#include "mpc/ranks.h"

namespace CLI {
class App;
}

namespace roundtrip {

struct CompileOptions;

/// The options of `compile --weights`, beside those that `compile` has anyway.
struct WeightsOptions {
  bool on = false;
  std::string onnx, safetensors, input_npy, output_npy;  ///< files; empty: not wanted
  std::optional<std::uint64_t> blocks, threads;
  bool show = false;

  /// One of these that was given, for an error; empty if none.
  std::string given() const;
};

void declare(CLI::App& command, WeightsOptions& options);

/// `roundtrip compile NAME --weights`: a protocol or a program as a transformer in weights, run on an input, checked, and written to
/// files. Rank 0 does all of it. Collective. Returns done or unverified; throws mpc::Error, the same on every rank.
mpc::Exit compile_weights(const CompileOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
