#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/command/input_kind.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// A family of inputs of one kind: a generator, and its arguments for every size.
struct Family {
  std::string name;  ///< the generator's
  const InputKind* kind;
  bool takes_k = false;  ///< whether k, the hops or maps, can be chosen
  /// The member of about this size: the vertices of a graph, the words of another input; and of this k, if it takes one that is given.
  std::function<InputOptions(std::uint64_t size, std::optional<std::uint64_t> k)> input;
  std::string meaning;
};

/// Every generator of graphs that takes the number of vertices and no more, and those others for which the arguments follow from it; and
/// the sequences and maps.
std::vector<Family> families();

}  // namespace roundtrip
