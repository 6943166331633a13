#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace protocols {

/// Which of a machine's edges close a cycle: union-find over the vertices 0..vertices-1, by the smaller root, with path halving.
class SpanningForest {
 public:
  /// Throws UsageError for 2^32 vertices or more.
  explicit SpanningForest(std::uint64_t vertices);

  /// Every vertex alone.
  void clear();
  /// False if u and v were connected before; else they are now.
  bool add(std::uint64_t u, std::uint64_t v) {
    auto a = root(static_cast<std::uint32_t>(u));
    auto b = root(static_cast<std::uint32_t>(v));
    if (a == b) return false;
    if (a < b) std::swap(a, b);
    parent_[a] = b;
    return true;
  }
  /// The least vertex of the tree.
  std::uint64_t root(std::uint64_t vertex) { return root(static_cast<std::uint32_t>(vertex)); }

 private:
  std::uint32_t root(std::uint32_t vertex) {
    while (parent_[vertex] != vertex) vertex = parent_[vertex] = parent_[parent_[vertex]];
    return vertex;
  }

  std::vector<std::uint32_t> parent_;
};

}  // namespace protocols
