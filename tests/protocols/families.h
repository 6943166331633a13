#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocols/graph/edge.h"
#include "protocols/graph/generators.h"

namespace tests {

using Edges = std::vector<protocols::Edge>;
using Numbers = std::vector<std::uint64_t>;

inline const std::vector<std::string> all_families{"path",     "cycle",       "star", "grid",      "tree",     "er",   "rmat", "cliques",
                                                   "matching", "caterpillar", "hubs", "two_stars", "one_edge", "none", "tiny", "complete"};

/// About n vertices of a kind of graph. Isolated ones are written as loops.
inline Edges edges_of(const std::string& family, std::uint64_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  const auto root = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::sqrt(static_cast<double>(n))));
  Edges edges{{0, 0}};
  const auto clique = [&](std::uint64_t first, std::uint64_t size) {
    for (std::uint64_t v = first; v < first + size; ++v) {
      edges.push_back({v, v});
      for (auto u = first; u < v; ++u) edges.push_back({u, v});
    }
  };
  if (family == "path" || family == "cycle") {
    for (std::uint64_t v = 1; v < n; ++v) edges.push_back({v - 1, v});
    if (family == "cycle" && n > 2) edges.push_back({n - 1, 0});
  } else if (family == "star") {
    for (std::uint64_t v = 1; v < n; ++v) edges.push_back({v, 0});
  } else if (family == "grid") {
    for (std::uint64_t v = 0; v < root * root; ++v) {
      if (v % root != 0) edges.push_back({v - 1, v});
      if (v >= root) edges.push_back({v - root, v});
    }
  } else if (family == "tree") {
    for (std::uint64_t v = 1; v < n; ++v) edges.push_back({below(v), v});
  } else if (family == "er") {
    for (std::uint64_t k = 0; k < n; ++k) edges.push_back({below(n), below(n)});
  } else if (family == "rmat") {
    const auto scale = static_cast<unsigned>(std::max(1.0, std::floor(std::log2(static_cast<double>(n)))));
    const auto spec = protocols::GraphSpec::parse("rmat:" + std::to_string(scale) + ",4", seed);
    for (std::uint64_t k = 0; k < spec->edges(); ++k) edges.push_back(spec->edge(k));
  } else if (family == "cliques") {
    for (std::uint64_t first = 0; first < n; first += 6) clique(first, std::min<std::uint64_t>(6, n - first));
  } else if (family == "matching") {
    for (std::uint64_t v = 1; v < n; v += 2) edges.push_back({v, v - 1});
  } else if (family == "caterpillar") {
    for (std::uint64_t v = 1; v < n; ++v) edges.push_back({v % 4 == 0 ? v - 4 : v - v % 4, v});
  } else if (family == "hubs") {
    for (std::uint64_t v = 1; v < n; ++v) edges.push_back({v % root == 0 ? 0 : v - v % root, v});
  } else if (family == "two_stars") {
    for (std::uint64_t v = 1; v < n; ++v) edges.push_back({v <= n / 2 ? 0 : n / 2, v});
  } else if (family == "one_edge") {
    for (std::uint64_t v = 0; v < n; ++v) edges.push_back({v, v});
    edges.push_back({0, n - 1});
  } else if (family == "none") {
    for (std::uint64_t v = 0; v < n; ++v) edges.push_back({v, v});
  } else if (family == "tiny") {
    for (std::uint64_t v = 0; v < n;) {
      const auto size = 1 + below(5);
      for (std::uint64_t k = 0; k < size; ++k) edges.push_back({k == 0 ? v : v + below(k), v + k});
      v += size;
    }
  } else if (family == "complete") {
    clique(0, std::min(n, 2 * root));
  } else {
    throw std::logic_error("no family is called " + family);
  }
  return edges;
}

/// Cycles of these lengths; their vertices are mixed by the seed.
inline Edges cycles_of(const Numbers& lengths, std::uint64_t seed) {
  std::uint64_t n = 0;
  for (const auto length : lengths) n += length;
  Numbers names(n);
  for (std::uint64_t v = 0; v < n; ++v) names[v] = v;
  std::shuffle(names.begin(), names.end(), std::mt19937_64(seed));
  Edges edges;
  std::uint64_t first = 0;
  for (const auto length : lengths) {
    for (std::uint64_t k = 0; k < length; ++k) edges.push_back({names[first + k], names[first + (k + 1) % length]});
    first += length;
  }
  return edges;
}

}  // namespace tests
