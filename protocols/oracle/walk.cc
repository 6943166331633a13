#include "protocols/oracle/walk.h"

#include <array>

#include <fmt/core.h>

#include "mpc/error.h"

namespace protocols::oracle {

Cycles count_cycles(std::uint64_t vertices, const PackedEdges& edges) {
  std::vector<std::array<std::uint64_t, 2>> neighbours(vertices);
  std::vector<std::uint8_t> degree(vertices);
  const auto join = [&](std::uint64_t from, std::uint64_t to) {
    if (from >= vertices) throw mpc::Fault(fmt::format("count_cycles: expected vertices below {}, found {}", vertices, from));
    if (degree[from] == 2) throw mpc::Fault(fmt::format("count_cycles: expected degree 2, vertex {} has more", from));
    neighbours[from][degree[from]++] = to;
  };
  for (const auto& [u, v] : edges) {
    join(u, v);
    join(v, u);
  }
  for (std::uint64_t v = 0; v < vertices; ++v) {
    if (degree[v] != 2) throw mpc::Fault(fmt::format("count_cycles: expected degree 2, vertex {} has {}", v, degree[v]));
  }

  constexpr auto unseen = UINT64_MAX;
  Cycles cycles{0, std::vector<std::uint64_t>(vertices, unseen)};
  for (std::uint64_t start = 0; start < vertices; ++start) {
    if (cycles.smallest[start] != unseen) continue;
    ++cycles.count;  // starts ascend, so this is the smallest vertex of its cycle
    auto from = neighbours[start][1];
    auto at = start;
    do {
      cycles.smallest[at] = start;
      const auto [a, b] = neighbours[at];
      const auto next = a == from ? b : a;
      from = at;
      at = next;
    } while (at != start);
  }
  return cycles;
}

}  // namespace protocols::oracle
