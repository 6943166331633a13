#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace roundtrip {

/// A family of inputs: a generator, and its arguments for every size.
struct Family {
  std::string name;                                 ///< the generator's
  std::function<std::string(std::uint64_t)> input;  ///< the spec of the member with n vertices, or nearly n
  std::string meaning;
};

/// Every generator that takes the number of vertices and no more, and those others for which the arguments follow from it.
std::vector<Family> families();

}  // namespace roundtrip
