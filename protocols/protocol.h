#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpc/word.h"

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

/// What a protocol is, for people.
struct About {
  std::string name;
  std::string problem;
  std::string answer;             ///< what the number that it finds is called, e.g. "components"
  std::vector<Variant> variants;  ///< the first is the default
};

/// What the user chose, beside the model.
struct Settings {
  std::string variant;
  bool labels = false;  ///< the answer shall hold a label for every vertex, position or point
  std::uint64_t k = 0;  ///< --k, for protocols whose kind of input takes it
};

/// What a protocol declares about a run, and what every run is checked against.
struct Bounds {
  std::uint64_t rounds = 0;   ///< at most
  mpc::Words least_memory{};  ///< an s at which the protocol finishes
};

/// What a protocol found.
struct Answer {
  std::optional<std::uint64_t> value = 0;  ///< the same on every rank; nothing where the answer is not defined
  std::uint64_t retries = 0;               ///< times that an unlucky draw made it go on
  /// Of what this rank's machines hold. On graphs by protocol id: a word that is the same for all vertices of a class and for no others.
  /// Else what was found of the position or point itself. Empty if it finds none.
  std::vector<VertexLabel> labels{};
};

/// What an oracle found.
struct Expected {
  std::optional<std::uint64_t> value = 0;
  /// Per vertex: equal in a class, different between classes. Per position or point: what is found of it. Empty if not defined.
  std::vector<std::uint64_t> labels{};
};

}  // namespace protocols
