#include <numeric>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "mpc/clock.h"

#include "bench/peers/edge_file.h"

namespace {

using peers::Vertex;

/// Disjoint sets as trees in an array; a parent is never larger than its child.
class Sets {
 public:
  explicit Sets(Vertex vertices) : parent_(vertices) { std::iota(parent_.begin(), parent_.end(), Vertex{0}); }

  /// Path halving on the way up, the larger root below the smaller.
  void unite_by_halving(Vertex u, Vertex v) {
    u = root(u);
    v = root(v);
    if (u < v) std::swap(u, v);
    parent_[u] = v;
  }

  /// Rem's algorithm with splicing: one walk up both paths, which also joins them (Patwary, Blair, Manne 2010).
  void unite_by_splicing(Vertex u, Vertex v) {
    while (parent_[u] != parent_[v]) {
      if (parent_[u] < parent_[v]) std::swap(u, v);
      const auto above = parent_[u];
      parent_[u] = parent_[v];
      if (above == u) return;
      u = above;
    }
  }

  /// Makes every vertex's parent the smallest of its set; returns the number of sets.
  Vertex flatten() {
    Vertex sets = 0;
    for (Vertex v = 0; v < parent_.size(); ++v) {
      sets += parent_[v] == v;
      parent_[v] = parent_[parent_[v]];
    }
    return sets;
  }

 private:
  Vertex root(Vertex v) {
    while (parent_[v] != v) v = parent_[v] = parent_[parent_[v]];
    return v;
  }

  std::vector<Vertex> parent_;
};

template <class Unite>
void solve(const char* name, const peers::EdgeFile& file, Unite&& unite) {
  const auto start = mpc::seconds_now();
  Sets sets(file.vertices);
  for (const auto& [u, v] : file.edges) unite(sets, u, v);
  const auto components = sets.flatten();
  fmt::print("{} components {} seconds {:.6f}\n", name, components, mpc::seconds_now() - start);
}

}  // namespace

/// peer_union_find FILE.el: connected components by union-find over the edge list on one core, in two ways; all labels are written.
int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: peer_union_find FILE.el\n");
    return static_cast<int>(mpc::Exit::usage);
  }
  try {
    const auto file = peers::read(argv[1]);
    solve("splicing", file, [](Sets& sets, Vertex u, Vertex v) { sets.unite_by_splicing(u, v); });
    solve("halving", file, [](Sets& sets, Vertex u, Vertex v) { sets.unite_by_halving(u, v); });
  } catch (const mpc::Error& error) {
    fmt::print(stderr, "peer_union_find: {}\n", error.what());
    return static_cast<int>(error.exit());
  }
  return 0;
}
