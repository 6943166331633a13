#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "transformer_bridge/trace/schedule.h"

namespace bridge {

/// Where every value of a schedule stands.
struct Allocation {
  std::size_t width = 0;                              ///< m
  std::vector<std::map<Atom, std::size_t>> held;      ///< [L + 1]: when each layer's attention begins, and after the last
  std::vector<std::map<Atom, std::size_t>> received;  ///< [L]: what its attention writes, into columns that hold nothing before
};

/// Every value keeps its column for as long as it is held, and gives it back then: a layer's row function may write into the columns of
/// values that end with it. Columns that attention writes are free before it.
Allocation allocate(const Schedule& schedule);

}  // namespace bridge
