#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace protocols {

/// Which of a machine's edges close a cycle: union-find over the vertices 0..vertices-1, where a parent is never larger than its child.
/// Source: Rem's algorithm with splicing, which walks up both paths at once (Patwary, Blair, Manne 2010).
class SpanningForest {
 public:
  /// Throws UsageError for 2^32 vertices or more.
  explicit SpanningForest(std::uint64_t vertices);

  /// Every vertex alone.
  void clear();
  /// False if u and v were connected before; else they are now.
  bool add(std::uint64_t u, std::uint64_t v) {
    auto a = static_cast<std::uint32_t>(u);
    auto b = static_cast<std::uint32_t>(v);
    while (parent_[a] != parent_[b]) {
      if (parent_[a] < parent_[b]) std::swap(a, b);
      const auto above = std::exchange(parent_[a], parent_[b]);
      if (above == a) return true;
      a = above;
    }
    return false;
  }
  /// For every vertex the least one of its tree.
  std::span<const std::uint32_t> roots();

 private:
  std::vector<std::uint32_t> parent_;
};

}  // namespace protocols
