#include "protocols/connectivity/spanning_forest.h"

#include <numeric>

#include <fmt/core.h>

#include "mpc/error.h"

namespace protocols {

SpanningForest::SpanningForest(std::uint64_t vertices) {
  if (vertices > UINT32_MAX) throw mpc::UsageError(fmt::format("forests take fewer than 2^32 vertices; there are {}", vertices));
  parent_.resize(vertices);
}

std::span<const std::uint32_t> SpanningForest::roots() {
  // In ascending order a parent has its root already.
  for (auto& parent : parent_) parent = parent_[parent];
  return parent_;
}

void SpanningForest::clear() { std::iota(parent_.begin(), parent_.end(), 0U); }

}  // namespace protocols
