#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/graph_file.h"

namespace peers {

using Vertex = std::uint32_t;

struct EdgeFile {
  Vertex vertices = 0;  ///< the largest number plus one
  std::vector<std::pair<Vertex, Vertex>> edges;
};

/// Reads a graph into numbers of 32 bits, on this process alone. Throws mpc::Error.
inline EdgeFile read(const std::string& path) {
  mpc::SingleRank alone;
  const auto raw = protocols::read_graph_file(path, std::nullopt, alone);
  EdgeFile file;
  file.edges.reserve(raw.pairs.size());
  for (const auto& [u, v] : raw.pairs) {
    if (std::max(u, v) >= std::numeric_limits<Vertex>::max()) throw mpc::InputError(path + ": a vertex beyond 2^32 - 2");
    file.edges.emplace_back(static_cast<Vertex>(u), static_cast<Vertex>(v));
    file.vertices = std::max({file.vertices, file.edges.back().first + 1, file.edges.back().second + 1});
  }
  return file;
}

}  // namespace peers
