#pragma once

#include <compare>
#include <cstdint>

namespace protocols {

/// Two vertices. In a Graph u < v.
struct Edge {
  std::uint64_t u = 0, v = 0;
  friend constexpr auto operator<=>(const Edge&, const Edge&) = default;
};

/// Ids in files have at most 48 bits.
inline constexpr std::uint64_t vertex_limit = std::uint64_t{1} << 48;

}  // namespace protocols
