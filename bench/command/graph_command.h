#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mpc/ranks.h"

#include "protocols/graph/graph_format.h"

namespace CLI {
class App;
}

namespace roundtrip {

/// The options of `graph`.
struct GraphOptions {
  std::string spec, out;
  std::optional<std::uint64_t> vertices;
  std::optional<protocols::Format> format;
  std::uint64_t seed = 1;
};

void declare(CLI::App& command, GraphOptions& options);

/// `roundtrip graph`: generates or reads a graph and writes it (write_graph_file). Collective.
void write_graph(const GraphOptions& options, mpc::Ranks& ranks);

}  // namespace roundtrip
