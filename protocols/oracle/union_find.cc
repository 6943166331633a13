#include "protocols/oracle/union_find.h"

#include <numeric>

namespace protocols::oracle {

std::vector<std::uint64_t> component_labels(std::uint64_t vertices, const PackedEdges& edges) {
  std::vector<std::uint64_t> parent(vertices);
  std::iota(parent.begin(), parent.end(), std::uint64_t{0});
  const auto root = [&](std::uint64_t v) {
    while (parent[v] != v) v = parent[v] = parent[parent[v]];
    return v;
  };
  for (const auto& [u, v] : edges) {
    const auto a = root(u);
    const auto b = root(v);
    if (a < b) parent[b] = a;
    if (b < a) parent[a] = b;
  }
  // Parents are smaller than their children, so ascending order sees final parents only.
  for (auto& label : parent) label = parent[label];
  return parent;
}

}  // namespace protocols::oracle
