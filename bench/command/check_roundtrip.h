#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "transformer_bridge/compile/number_type.h"

#include "bench/command/device_options.h"

namespace CLI {
class App;
}

namespace roundtrip {

/// The options of `check roundtrip`.
struct CheckRoundtripOptions {
  std::vector<std::string> protocols;   ///< empty: all that can be traced
  std::vector<std::uint64_t> machines;  ///< of the protocol; empty: its own sizes
  std::string words = "min";            ///< s of the machines that simulate, or min
  std::uint64_t tile = 1;               ///< tokens a machine
  std::string dtype = "f32";
  std::uint64_t seed = 1;
  DeviceOptions device;
  std::string json;
};

void declare(CLI::App& command, CheckRoundtripOptions& options);

/// `roundtrip check roundtrip`: a protocol on messages; traced into a transformer in weights; and that transformer's forward pass run as a
/// protocol by Theorem 2, on the ranks. The same answer three times, and a serial oracle's; R rounds, R + 1 layers, 2 D (R + 1) + 2 rounds.
/// Collective. Returns done if all rows are so, else unverified.
mpc::Exit check_roundtrip(const CheckRoundtripOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
