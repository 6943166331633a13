#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/command/input_kind.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// A family of inputs of one kind: a generator, and its arguments for every size.
struct Family {
  std::string name;  ///< the generator's
  const InputKind* kind;
  std::function<InputOptions(std::uint64_t)> input;  ///< the member of about this size: of a graph, with n vertices, or nearly n
  std::string meaning;
};

/// Every generator that takes the number of vertices and no more, and those others for which the arguments follow from it.
std::vector<Family> families();

}  // namespace roundtrip
