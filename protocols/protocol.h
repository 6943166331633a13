#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mpc/word.h"

#include "protocols/graph/edge.h"
#include "protocols/graph/labels.h"

namespace protocols {

/// One way to solve a problem, as `list` prints it. Formulas are in N, n, m, q, s, T = max(1, ceil(log_f q)), f = max(2, floor(s/4)).
struct Variant {
  std::string name;
  std::string rounds;        ///< at most
  std::string words;         ///< per machine: kept, sent, received
  std::string least_memory;  ///< least s
  std::string source;        ///< paper and statement
};

/// A protocol on graphs.
struct About {
  std::string name;
  std::string problem;
  std::string answer;             ///< what the number that it finds is called, e.g. "components"
  std::vector<Variant> variants;  ///< the first is the default
};

/// What the user chose, beside the model.
struct Settings {
  std::string variant;
  bool labels = false;  ///< the answer shall hold a label for every vertex
};

/// What is known of an input before it runs.
struct Shape {
  std::uint64_t vertices = 0;  ///< that have an edge
  std::uint64_t edges = 0;
};

/// What a protocol declares about a run, and what every run is checked against.
struct Bounds {
  std::uint64_t rounds = 0;   ///< at most
  mpc::Words least_memory{};  ///< an s at which the protocol finishes
};

/// What a protocol found.
struct Answer {
  std::uint64_t value = 0;    ///< the same on every rank
  std::uint64_t retries = 0;  ///< times that an unlucky draw made it go on
  /// Of the vertices that this rank's machines hold, by protocol id: a word that is the same for all vertices of a class and for no
  /// others. Empty if it finds none.
  std::vector<VertexLabel> labels{};
};

/// The whole graph on one rank, for oracles. Vertices are 0..vertices-1, none isolated.
struct WholeGraph {
  std::uint64_t vertices = 0;
  std::uint64_t isolated = 0;
  std::vector<Edge> edges;
};

/// What an oracle found.
struct Expected {
  std::uint64_t value = 0;
  std::vector<std::uint64_t> labels{};  ///< per vertex: equal in a class, different between classes; empty if not defined
};

}  // namespace protocols
