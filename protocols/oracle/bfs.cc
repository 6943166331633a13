#include "protocols/oracle/bfs.h"

#include <numeric>
#include <vector>

namespace protocols::oracle {
namespace {

/// Compressed rows: the neighbours of v are targets[starts[v]] .. targets[starts[v + 1]].
template <class Vertex>
struct Rows {
  std::vector<std::uint64_t> starts;
  std::vector<Vertex> targets;
};

template <class Vertex>
Rows<Vertex> rows_of(std::uint64_t vertices, const PackedEdges& edges) {
  Rows<Vertex> rows{std::vector<std::uint64_t>(vertices + 1), std::vector<Vertex>(2 * edges.size())};
  for (const auto& [u, v] : edges) {
    ++rows.starts[u];
    ++rows.starts[v];
  }
  std::partial_sum(rows.starts.begin(), rows.starts.end(), rows.starts.begin());
  // Filling from the end of each row turns the ends into starts.
  for (const auto& [u, v] : edges) {
    rows.targets[--rows.starts[u]] = static_cast<Vertex>(v);
    rows.targets[--rows.starts[v]] = static_cast<Vertex>(u);
  }
  return rows;
}

template <class Vertex>
class Search {
 public:
  Search(std::uint64_t vertices, const PackedEdges& edges) : rows_(rows_of<Vertex>(vertices, edges)), stamp_(vertices) {}

  /// Visits the component of `start`; returns the distance of the last vertex.
  std::uint64_t from(std::uint64_t start) {
    ++search_;
    order_.assign(1, static_cast<Vertex>(start));
    stamp_[start] = search_;
    std::uint64_t distance = 0;
    for (std::size_t level = 0, next = 1;; ++distance) {
      for (; level < next; ++level) {
        const auto v = order_[level];
        for (auto i = rows_.starts[v]; i < rows_.starts[v + 1]; ++i) {
          const auto w = rows_.targets[i];
          if (stamp_[w] == search_) continue;
          stamp_[w] = search_;
          order_.push_back(w);
        }
      }
      if (order_.size() == next) return distance;
      next = order_.size();
    }
  }
  bool seen(std::uint64_t v) const { return stamp_[v] != 0; }
  std::uint64_t reached() const { return order_.size(); }
  std::uint64_t last() const { return order_.back(); }

 private:
  Rows<Vertex> rows_;
  std::vector<Vertex> stamp_;  // the search that saw the vertex last; there is one search more than vertices at most
  std::vector<Vertex> order_;
  Vertex search_ = 0;
};

template <class Vertex>
Sweep sweep_with(std::uint64_t vertices, const PackedEdges& edges) {
  Search<Vertex> search(vertices, edges);
  std::uint64_t largest = 0;
  std::uint64_t farthest = 0;
  Sweep sweep;
  for (std::uint64_t v = 0; v < vertices; ++v) {
    if (search.seen(v)) continue;
    const auto distance = search.from(v);
    if (search.reached() <= largest) continue;
    largest = search.reached();
    farthest = search.last();
    sweep.eccentricity = distance;
  }
  if (vertices != 0) sweep.diameter = search.from(farthest);
  return sweep;
}

}  // namespace

Sweep double_sweep(std::uint64_t vertices, const PackedEdges& edges, std::uint64_t narrow_below) {
  return vertices < narrow_below ? sweep_with<std::uint32_t>(vertices, edges) : sweep_with<std::uint64_t>(vertices, edges);
}

}  // namespace protocols::oracle
