// How many blocks of two layers connected components need, for several rules of what a layer does; on integers, not in weights:
//   blocks_needed [GRAPHS [SEED]]        by default 100000 random graphs and seed 1; half a minute
// Every rule costs two layers a block, O(log n) columns and at most two heads a layer. Prints tables in Markdown: how many graphs need more
// than ceil(log2 n) blocks, and how many blocks more than that the worst one needs.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"
#include "mpc/model.h"

#include "protocols/graph/edge.h"

#include "transformer_bridge/programs/components.h"

namespace {

using bridge::ComponentsRule;
using protocols::Edge;

struct Graph {
  std::uint64_t n = 0;
  std::vector<Edge> edges;
};

// ---- Rules ----------------------------------------------------------------------------------------------------------------------

/// Labels and edges of a rule that the library lacks. T(x): the smallest label or edge end at x; f: the labels.
struct State {
  std::vector<std::uint64_t> f;
  std::vector<Edge> edges;

  std::vector<std::uint64_t> smallest() const {
    auto least = f;
    for (const auto& [a, b] : edges) {
      least[a] = std::min(least[a], b);
      least[b] = std::min(least[b], a);
    }
    return least;
  }
  /// Edges follow `to`.
  void follow(const std::vector<std::uint64_t>& to) {
    for (auto& [a, b] : edges) a = to[a], b = to[b];
  }
};

/// Layer l of the rule: from one state to the next.
using Step = std::function<void(State&, std::uint64_t l)>;

void shortcut(State& s) {
  const auto f = s.f;
  for (auto& label : s.f) label = f[label];
  s.follow(f);
}

/// f(v) = min(T(v), f(f(v))).
void connect_and_jump(State& s) {
  auto next = s.smallest();
  for (std::size_t v = 0; v < next.size(); ++v) next[v] = std::min(next[v], s.f[s.f[v]]);
  s.f.swap(next);
}

std::uint64_t layers_of(const Graph& graph, const Step& step) {
  State s{std::vector<std::uint64_t>(graph.n), graph.edges};
  std::iota(s.f.begin(), s.f.end(), std::uint64_t{0});
  std::uint64_t l = 0;
  for (; !bridge::labels_settled(s.f, graph.edges); ++l) step(s, l);
  return l;
}

Graph renamed(Graph graph, const std::function<std::uint64_t(std::uint64_t)>& key) {
  std::vector<std::uint64_t> order(graph.n), name(graph.n);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  std::ranges::sort(order, {}, [&](std::uint64_t v) { return std::pair(key(v), v); });
  for (std::uint64_t i = 0; i < graph.n; ++i) name[order[i]] = i;
  for (auto& [u, v] : graph.edges) u = name[u], v = name[v];
  return graph;
}

std::uint64_t bit_reversed(std::uint64_t v) {
  std::uint64_t reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= (v >> bit & 1) << (31 - bit);
  return reversed;
}

struct Rule {
  const char* name;
  const char* meaning;
  std::function<std::uint64_t(const Graph&)> layers;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> list{
      {"shortcut", "ComponentsRule::shortcut: f(v) = T(v); then f = f(f), edges follow f",
       [](const Graph& g) { return bridge::layers_needed(g.n, g.edges, ComponentsRule::shortcut); }},
      {"hashed", "shortcut, hooking by a hash of the id in place of the id",
       [](const Graph& g) {
         const auto other = renamed(g, [](std::uint64_t v) { return mpc::mix(v + 1); });
         return bridge::layers_needed(g.n, other.edges, ComponentsRule::shortcut);
       }},
      {"reversed", "shortcut, hooking by the reversed bits of the id",
       [](const Graph& g) { return bridge::layers_needed(g.n, renamed(g, bit_reversed).edges, ComponentsRule::shortcut); }},
      {"edges twice", "shortcut, and edges follow the labels of before in the first layer too",
       [](const Graph& g) {
         return layers_of(g, [](State& s, std::uint64_t l) {
           if (l % 2 != 0) return shortcut(s);
           auto least = s.smallest();
           s.follow(s.f);
           s.f.swap(least);
         });
       }},
      {"labels twice", "first layer: f(v) = min(T(v), f(f(v))); second layer as in shortcut",
       [](const Graph& g) { return layers_of(g, [](State& s, std::uint64_t l) { l % 2 == 0 ? connect_and_jump(s) : shortcut(s); }); }},
      {"all in each", "every layer: f(v) = min(T(v), f(f(v))), edges follow f",
       [](const Graph& g) {
         return layers_of(g, [](State& s, std::uint64_t) {
           const auto f = s.f;
           connect_and_jump(s);
           s.follow(f);
         });
       }},
      {"grandparents", "every layer, as FastSV hooks: f(v) = min(T(v), T(f(v))), edges follow f",
       [](const Graph& g) {
         return layers_of(g, [](State& s, std::uint64_t) {
           const auto least = s.smallest();
           const auto f = s.f;
           for (std::size_t v = 0; v < f.size(); ++v) s.f[v] = std::min(least[v], least[f[v]]);
           s.follow(f);
         });
       }},
      {"contract", "ComponentsRule::contract, every layer: f(v) = T(f(v)), edges follow T",
       [](const Graph& g) { return bridge::layers_needed(g.n, g.edges, ComponentsRule::contract); }},
  };
  return list;
}

// ---- Graphs ---------------------------------------------------------------------------------------------------------------------

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(mpc::mix(seed)) {}
  std::uint64_t below(std::uint64_t bound) { return (state_ = mpc::mix(state_ + 0x9e3779b97f4a7c15U)) % bound; }
  std::vector<std::uint64_t> order(std::uint64_t n) {
    std::vector<std::uint64_t> order(n);
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    for (auto i = n; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
    return order;
  }

 private:
  std::uint64_t state_;
};

void add_path(Graph& graph, std::span<const std::uint64_t> order, bool close) {
  for (std::size_t i = 1; i < order.size(); ++i) graph.edges.push_back({order[i - 1], order[i]});
  if (close) graph.edges.push_back({order.back(), order.front()});
}

struct Family {
  const char* name;
  std::function<Graph(std::uint64_t n, Draw&)> draw;
};

Graph random_tree(std::uint64_t n, std::uint64_t window, Draw& draw) {
  Graph graph{n, {}};
  const auto order = draw.order(n);
  for (std::uint64_t i = 1; i < n; ++i) graph.edges.push_back({order[i], order[i - 1 - draw.below(std::min(i, window))]});
  return graph;
}
Graph random_edges(std::uint64_t n, std::uint64_t m, Draw& draw) {
  Graph graph{n, {}};
  for (std::uint64_t e = 0; e < m; ++e) graph.edges.push_back({draw.below(n), draw.below(n)});
  return graph;
}

const std::vector<Family>& families() {
  static const std::vector<Family> list{
      {"path, sorted ids",
       [](std::uint64_t n, Draw&) {
         Graph graph{n, {}};
         for (std::uint64_t v = 1; v < n; ++v) graph.edges.push_back({v - 1, v});
         return graph;
       }},
      {"path, random ids",
       [](std::uint64_t n, Draw& draw) {
         Graph graph{n, {}};
         add_path(graph, draw.order(n), false);
         return graph;
       }},
      {"cycle, random ids",
       [](std::uint64_t n, Draw& draw) {
         Graph graph{n, {}};
         add_path(graph, draw.order(n), true);
         return graph;
       }},
      {"two cycles, random ids",
       [](std::uint64_t n, Draw& draw) {
         Graph graph{n, {}};
         const auto order = draw.order(n);
         add_path(graph, std::span(order).first(n / 2), true);
         add_path(graph, std::span(order).subspan(n / 2), true);
         return graph;
       }},
      {"random recursive tree", [](std::uint64_t n, Draw& draw) { return random_tree(n, n, draw); }},
      {"long random tree", [](std::uint64_t n, Draw& draw) { return random_tree(n, 3, draw); }},
      {"n/2 random edges", [](std::uint64_t n, Draw& draw) { return random_edges(n, n / 2, draw); }},
      {"n random edges", [](std::uint64_t n, Draw& draw) { return random_edges(n, n, draw); }},
  };
  return list;
}

// ---- Tables ---------------------------------------------------------------------------------------------------------------------

/// Of one rule on some graphs.
struct Count {
  std::uint64_t over = 0;
  std::int64_t most_layers = -1000, most_blocks = -1000;  // more than ceil(log2 n)
  void add(std::uint64_t n, std::uint64_t layers) {
    const auto log = static_cast<std::int64_t>(mpc::ceil_log(2, n));
    const auto blocks = static_cast<std::int64_t>(layers + 1) / 2;
    over += blocks > log ? 1 : 0;
    most_blocks = std::max(most_blocks, blocks - log);
    most_layers = std::max(most_layers, static_cast<std::int64_t>(layers) - log);
  }
};

void print_header(const char* title) {
  fmt::print("\n{}: graphs that need more than ceil(log2 n) blocks (worst blocks, worst layers, less ceil(log2 n))\n\n", title);
  fmt::print("| graphs |  |");
  for (const auto& rule : rules()) fmt::print(" {} |", rule.name);
  fmt::print("\n|---|--:|");
  for (std::size_t r = 0; r < rules().size(); ++r) fmt::print("--:|");
  fmt::print("\n");
}

void print_row(const std::string& name, std::uint64_t graphs, const std::vector<Count>& counts) {
  fmt::print("| {} | {} |", name, graphs);
  for (const auto& count : counts) fmt::print(" {} ({:+}, {:+}) |", count.over, count.most_blocks, count.most_layers);
  fmt::print("\n");
}

void add(std::vector<Count>& counts, const Graph& graph) {
  for (std::size_t r = 0; r < rules().size(); ++r) counts[r].add(graph.n, rules()[r].layers(graph));
}

void all_paths(std::uint64_t n) {
  std::vector<Count> counts(rules().size());
  std::vector<std::uint64_t> order(n);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  std::uint64_t graphs = 0;
  do {
    if (order.front() > order.back()) continue;
    Graph graph{n, {}};
    add_path(graph, order, false);
    add(counts, graph);
    ++graphs;
  } while (std::ranges::next_permutation(order).found);
  print_row(fmt::format("all paths, n = {}", n), graphs, counts);
}

void all_graphs(std::uint64_t n) {
  std::vector<Count> counts(rules().size());
  const auto pairs = n * (n - 1) / 2;
  for (std::uint64_t chosen = 0; chosen < std::uint64_t{1} << pairs; ++chosen) {
    Graph graph{n, {}};
    std::uint64_t bit = 0;
    for (std::uint64_t u = 0; u < n; ++u) {
      for (auto v = u + 1; v < n; ++v, ++bit) {
        if ((chosen >> bit & 1) != 0) graph.edges.push_back({u, v});
      }
    }
    add(counts, graph);
  }
  print_row(fmt::format("all graphs, n = {}", n), std::uint64_t{1} << pairs, counts);
}

/// Swaps two vertices of a path as long as the rule does not need fewer layers for it.
void climb(std::uint64_t n, std::uint64_t starts, std::uint64_t steps, Draw& draw) {
  std::vector<Count> counts(rules().size());
  for (std::size_t r = 0; r < rules().size(); ++r) {
    for (std::uint64_t start = 0; start < starts; ++start) {
      auto order = draw.order(n);
      std::uint64_t most = 0;
      for (std::uint64_t step = 0; step < steps; ++step) {
        const auto i = draw.below(n), j = draw.below(n);
        std::swap(order[i], order[j]);
        Graph graph{n, {}};
        add_path(graph, order, false);
        const auto layers = rules()[r].layers(graph);
        if (layers < most) std::swap(order[i], order[j]);
        most = std::max(most, layers);
      }
      counts[r].add(n, most);
    }
  }
  print_row(fmt::format("climbed paths, n = {}", n), starts, counts);
}

void print_tables(std::uint64_t graphs, std::uint64_t seed) {
  for (const auto& rule : rules()) fmt::print("{}: {}\n", rule.name, rule.meaning);
  print_header("Exhaustively");
  for (std::uint64_t n = 2; n <= 9; ++n) all_paths(n);
  for (std::uint64_t n = 2; n <= 6; ++n) all_graphs(n);
  Draw draw(seed);
  const auto each = std::max<std::uint64_t>(1, graphs / families().size());
  print_header(fmt::format("At random, n from 2 to 64, seed {}", seed).c_str());
  for (const auto& family : families()) {
    std::vector<Count> counts(rules().size());
    for (std::uint64_t g = 0; g < each; ++g) add(counts, family.draw(2 + draw.below(63), draw));
    print_row(family.name, each, counts);
  }
  print_header("At random");
  for (const auto n : {std::uint64_t{256}, std::uint64_t{1024}}) {
    for (const auto& family : families()) {
      std::vector<Count> counts(rules().size());
      for (std::uint64_t g = 0; g < each / 20; ++g) add(counts, family.draw(n, draw));
      print_row(fmt::format("{}, n = {}", family.name, n), each / 20, counts);
    }
  }
  print_header("Sought by hill climbing");
  for (const auto n : {std::uint64_t{16}, std::uint64_t{32}, std::uint64_t{64}, std::uint64_t{128}}) climb(n, 10, graphs / 50, draw);
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value > 100000000) throw mpc::UsageError(fmt::format("expected a number up to 10^9, got '{}'", text));
    value = 10 * value + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count > 3) throw mpc::UsageError("expected at most two arguments: GRAPHS and SEED");
    print_tables(count > 1 ? number_of(arguments[1]) : 100000, count > 2 ? number_of(arguments[2]) : 1);
  } catch (const mpc::Error& error) {
    fmt::print(stderr, "blocks_needed: {}\n", error.what());
    return static_cast<int>(error.exit());
  }
  return 0;
}
