#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/edge.h"

#include "bench/command/run_options.h"

namespace roundtrip {

/// A whole graph as its source writes it: edges in their order and direction, loops and duplicates included. Vertices are 0..vertices-1.
struct WrittenGraph {
  std::string name;
  std::uint64_t vertices = 0;
  std::vector<protocols::Edge> edges;
  std::vector<std::uint64_t> originals;  ///< [vertices]: their ids in the source

  /// A line `vertex label` for each vertex, in the order of the original ids; labels: a vertex of the class. Printed is the smallest
  /// original id of the class.
  std::string label_lines(const std::vector<std::uint64_t>& labels) const;
};

/// The graph that the options name, on every rank. Vertices are numbered in the order of their original ids, or with --ids random by a
/// public permutation of that. Collective. Throws as protocols::load() does, and UsageError if there is no --graph.
WrittenGraph load_written(const InputOptions& options, std::uint64_t seed, mpc::Ranks& ranks);

}  // namespace roundtrip
