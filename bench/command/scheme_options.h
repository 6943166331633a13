#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "transformer_bridge/simulate/schemes.h"

namespace CLI {
class App;
}

namespace roundtrip {

/// How a transformer is run over machines.
struct SchemeOptions {
  std::string scheme = "local";
  std::string words;  ///< a number, "min", or empty: the least
  std::optional<std::uint64_t> tile, machines;

  /// Throws UsageError for a value out of range, and for an option that the scheme does not take.
  bridge::SchemeChoice choice() const;
};

void declare(CLI::App& command, SchemeOptions& options);

}  // namespace roundtrip
