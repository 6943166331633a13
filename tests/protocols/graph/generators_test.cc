#include "protocols/graph/generators.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "protocols/graph/spread.h"
#include "protocols/oracle/union_find.h"

#include "tests/protocols/graph/whole_graph.h"

namespace protocols {
namespace {

using tests::ThreadedRanks;

/// All edges as generated, in order; the same for any number of ranks.
std::vector<Edge> listed(const std::string& spec, std::uint64_t seed = 1) {
  std::vector<Edge> first;
  for (const int size : {1, 2, 3, 5}) {
    const auto parts = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) { return load(spec, {}, seed, ranks); });
    std::vector<Edge> all;
    for (const auto& part : parts) {
      EXPECT_EQ(part.declared, Declared::range);
      EXPECT_EQ(part.count, GraphSpec::parse(spec, seed)->vertices());
      all.insert(all.end(), part.pairs.begin(), part.pairs.end());
    }
    if (size == 1) first = all;
    EXPECT_EQ(all, first) << spec << " on " << size << " ranks";
  }
  for (const auto& [u, v] : first) EXPECT_LT(std::max(u, v), GraphSpec::parse(spec, seed)->vertices());
  return first;
}

std::uint64_t vertices(const std::string& spec) { return GraphSpec::parse(spec, 1)->vertices(); }

/// Degree -> number of vertices.
std::map<std::uint64_t, std::uint64_t> degrees(const std::string& spec, std::uint64_t seed = 1) {
  std::vector<std::uint64_t> degree(vertices(spec));
  for (const auto& [u, v] : listed(spec, seed)) ++degree[u], ++degree[v];
  std::map<std::uint64_t, std::uint64_t> result;
  for (const auto d : degree) ++result[d];
  return result;
}
using Degrees = std::map<std::uint64_t, std::uint64_t>;

std::uint64_t components(const std::string& spec) {
  const auto labels = oracle::component_labels(vertices(spec), listed(spec));
  return std::set(labels.begin(), labels.end()).size();
}

bool distinct(const std::vector<Edge>& edges) {
  std::set<Edge> seen;
  return std::ranges::all_of(edges, [&](const Edge& e) {
    return e.u != e.v && seen.insert({std::min(e.u, e.v), std::max(e.u, e.v)}).second;
  });
}

TEST(Generators, Cycle) {
  EXPECT_EQ(listed("cycle:4"), (std::vector<Edge>{{0, 1}, {1, 2}, {2, 3}, {3, 0}}));
  EXPECT_EQ(degrees("cycle:1001"), (Degrees{{2, 1001}}));
  EXPECT_EQ(components("cycle:1001"), 1);
}

TEST(Generators, TwoCycles) {
  EXPECT_EQ(listed("two-cycles:7"), (std::vector<Edge>{{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 6}, {6, 3}}));
  EXPECT_EQ(degrees("two-cycles:1000"), (Degrees{{2, 1000}}));
  EXPECT_EQ(components("two-cycles:1000"), 2);
}

TEST(Generators, Path) {
  EXPECT_EQ(listed("path:3"), (std::vector<Edge>{{0, 1}, {1, 2}}));
  EXPECT_TRUE(listed("path:1").empty());
  EXPECT_EQ(vertices("path:1"), 1);
}

TEST(Generators, Grid) {
  EXPECT_EQ(listed("grid:2x3"), (std::vector<Edge>{{0, 1}, {1, 2}, {3, 4}, {4, 5}, {0, 3}, {1, 4}, {2, 5}}));
  EXPECT_EQ(degrees("grid:10x20"), (Degrees{{2, 4}, {3, 52}, {4, 144}}));
  EXPECT_EQ(components("grid:10x20"), 1);
  EXPECT_EQ(listed("grid:1x3"), listed("path:3"));
  EXPECT_EQ(listed("grid:3x1"), listed("path:3"));
  EXPECT_TRUE(listed("grid:1x1").empty());
}

TEST(Generators, Star) {
  EXPECT_EQ(listed("star:4"), (std::vector<Edge>{{0, 1}, {0, 2}, {0, 3}}));
  EXPECT_TRUE(listed("star:1").empty());
}

TEST(Generators, Tree) {
  const auto edges = listed("tree:5000");
  EXPECT_EQ(edges.size(), 4999);
  for (std::size_t k = 0; k < edges.size(); ++k) {
    EXPECT_EQ(edges[k].v, k + 1);
    EXPECT_LE(edges[k].u, k);
  }
  EXPECT_EQ(components("tree:5000"), 1);
  // Half of the vertices of a random recursive tree are leaves.
  EXPECT_NEAR(static_cast<double>(degrees("tree:5000")[1]), 2500, 100);
  EXPECT_NE(listed("tree:5000", 2), edges);
}

TEST(Generators, Cliques) {
  EXPECT_EQ(listed("cliques:2,3"), (std::vector<Edge>{{0, 1}, {0, 2}, {1, 2}, {3, 4}, {3, 5}, {4, 5}}));
  EXPECT_EQ(degrees("cliques:7,12"), (Degrees{{11, 84}}));
  EXPECT_TRUE(distinct(listed("cliques:7,12")));
  EXPECT_EQ(components("cliques:7,12"), 7);
  EXPECT_TRUE(listed("cliques:9,1").empty());
  EXPECT_EQ(vertices("cliques:9,1"), 9);
}

TEST(Generators, ShuffledPath) {
  EXPECT_EQ(degrees("shuffled-path:1000"), (Degrees{{1, 2}, {2, 998}}));
  EXPECT_EQ(components("shuffled-path:1000"), 1);
  EXPECT_TRUE(listed("shuffled-path:1").empty());
  const auto edges = listed("shuffled-path:1000");
  EXPECT_NE(listed("shuffled-path:1000", 2), edges);
  EXPECT_LT(std::ranges::count_if(edges, [](const Edge& e) { return e.u + 1 == e.v || e.v + 1 == e.u; }), 20);
}

TEST(Generators, Pairs) {
  EXPECT_EQ(listed("pairs:3"), (std::vector<Edge>{{0, 1}, {2, 3}, {4, 5}}));
  EXPECT_EQ(vertices("pairs:3"), 6);
}

TEST(Generators, Lollipop) {
  EXPECT_EQ(listed("lollipop:3,2"), (std::vector<Edge>{{0, 1}, {0, 2}, {1, 2}, {2, 3}, {3, 4}}));
  EXPECT_EQ(listed("lollipop:1,2"), listed("path:3"));
  EXPECT_EQ(degrees("lollipop:20,30"), (Degrees{{1, 1}, {2, 29}, {19, 19}, {20, 1}}));
  EXPECT_EQ(vertices("lollipop:20,30"), 50);
  EXPECT_EQ(listed("lollipop:4,0"), listed("cliques:1,4"));
}

TEST(Generators, Barbell) {
  EXPECT_EQ(listed("barbell:3,1"), (std::vector<Edge>{{0, 1}, {0, 2}, {1, 2}, {4, 5}, {4, 6}, {5, 6}, {2, 3}, {3, 4}}));
  EXPECT_EQ(listed("barbell:1,2"), listed("path:4"));
  EXPECT_EQ(listed("barbell:2,0"), (std::vector<Edge>{{0, 1}, {2, 3}, {1, 2}}));
  EXPECT_EQ(degrees("barbell:20,30"), (Degrees{{2, 30}, {19, 38}, {20, 2}}));
  EXPECT_EQ(components("barbell:20,30"), 1);
}

TEST(Generators, Hubs) {
  EXPECT_EQ(listed("hubs:2,2"), (std::vector<Edge>{{0, 1}, {0, 2}, {1, 3}, {1, 4}, {2, 5}, {2, 6}}));
  EXPECT_EQ(listed("hubs:5,0"), listed("star:6"));
  EXPECT_EQ(degrees("hubs:30,20"), (Degrees{{1, 600}, {21, 30}, {30, 1}}));
  EXPECT_EQ(components("hubs:30,20"), 1);
}

TEST(Generators, Caterpillar) {
  EXPECT_EQ(listed("caterpillar:2,2"), (std::vector<Edge>{{0, 1}, {0, 2}, {0, 3}, {1, 4}, {1, 5}}));
  EXPECT_EQ(listed("caterpillar:4,0"), listed("path:4"));
  EXPECT_EQ(listed("caterpillar:1,3"), listed("star:4"));
  EXPECT_EQ(degrees("caterpillar:50,7"), (Degrees{{1, 350}, {8, 2}, {9, 48}}));
  EXPECT_EQ(components("caterpillar:50,7"), 1);
}

TEST(Generators, SmallWorld) {
  EXPECT_EQ(listed("small-world:5,2,0"), listed("cycle:5"));
  EXPECT_EQ(listed("small-world:5,4,0"),
            (std::vector<Edge>{{0, 1}, {0, 2}, {1, 2}, {1, 3}, {2, 3}, {2, 4}, {3, 4}, {3, 0}, {4, 0}, {4, 1}}));
  const auto moved = [](const std::string& spec) {
    const auto edges = listed(spec);
    EXPECT_EQ(edges.size(), 10000);
    EXPECT_TRUE(std::ranges::none_of(edges, [](const Edge& e) { return e.u == e.v; }));
    return std::ranges::count_if(edges, [](const Edge& e) { return (e.v + 2000 - e.u) % 2000 > 5; });
  };
  EXPECT_EQ(moved("small-world:2000,10,0"), 0);
  EXPECT_NEAR(static_cast<double>(moved("small-world:2000,10,0.25")), 2500, 150);
  EXPECT_NEAR(static_cast<double>(moved("small-world:2000,10,1")), 9975, 25);
  EXPECT_NE(listed("small-world:2000,10,0.25", 2), listed("small-world:2000,10,0.25"));
}

TEST(Generators, PowerLaw) {
  EXPECT_EQ(listed("power-law:1,3"), (std::vector<Edge>(3, {0, 0})));
  EXPECT_EQ(listed("power-law:2000,10000"), listed("power-law:2000,10000,2.5"));
  EXPECT_NE(listed("power-law:2000,10000", 2), listed("power-law:2000,10000"));
  // The share of vertices of degree at least d falls like d^(1 - exponent).
  for (const double exponent : {2.2, 2.5, 3.0}) {
    const auto all = degrees(fmt::format("power-law:40000,400000,{}", exponent));
    const auto at_least = [&](std::uint64_t d) {
      double sum = 0;
      for (const auto& [degree, count] : all) sum += degree >= d ? static_cast<double>(count) : 0;
      return sum;
    };
    EXPECT_NEAR(std::log(at_least(60) / at_least(240)) / std::log(4), exponent - 1, .12) << exponent;
  }
}

TEST(Generators, ErdosRenyiHasExactlyMDistinctEdges) {
  for (const auto* spec : {"er:1000,5000", "er:2,1", "er:50,1225", "er:1,0", "er:7,0"}) {
    const auto edges = listed(spec);
    EXPECT_EQ(edges.size(), std::stoull(std::string(spec).substr(std::string(spec).find(',') + 1)));
    EXPECT_TRUE(distinct(edges)) << spec;
  }
  EXPECT_EQ(degrees("er:50,1225"), (Degrees{{49, 50}})) << "all pairs";
  EXPECT_NE(listed("er:1000,5000", 2), listed("er:1000,5000"));
  // Binomial degrees: mean 10, and e^-10 of the vertices isolated.
  const auto all = degrees("er:20000,100000");
  double variance = 0;
  for (const auto& [degree, count] : all)
    variance += static_cast<double>(count) * (static_cast<double>(degree) - 10) * (static_cast<double>(degree) - 10) / 20000;
  EXPECT_NEAR(variance, 10, 1);
}

TEST(Generators, ErdosRenyiOnTheLargestVertexSet) {
  const auto edges = listed("er:4294967295,1000");
  EXPECT_TRUE(distinct(edges));
  EXPECT_GT(std::ranges::max(edges, {}, &Edge::v).v, std::uint64_t{1} << 31);
}

TEST(Generators, Rmat) {
  const auto edges = listed("rmat:12,8");
  EXPECT_EQ(vertices("rmat:12,8"), 4096);
  EXPECT_EQ(edges.size(), 8 * 4096);
  EXPECT_NE(listed("rmat:12,8", 2), edges);
  const auto graph = tests::on_any_ranks([](mpc::Ranks& ranks) { return build(load("rmat:12,8", {}, 1, ranks), Ids::as_given, 1, ranks); });
  EXPECT_LT(graph.edges.size(), edges.size());
  EXPECT_GT(graph.isolated.size(), 100) << "skewed: many vertices get nothing";
  EXPECT_EQ(graph.vertices, 4096);
  EXPECT_GT(degrees("rmat:12,8").rbegin()->first, 400) << "and a few get much";
}

TEST(Generators, RmatHasTheQuadrantsOfItsProbabilities) {
  // With one level an edge is its quadrant, up to the names: a and d are loops, b and c the two directions.
  const auto edges = listed("rmat:1,20000");
  std::map<Edge, double> share;
  for (const auto& edge : edges) share[edge] += 1.0 / static_cast<double>(edges.size());
  EXPECT_NEAR(std::max(share[{0, 0}], share[{1, 1}]), .57, .02);
  EXPECT_NEAR(std::min(share[{0, 0}], share[{1, 1}]), .05, .02);
  EXPECT_NEAR((share[{0, 1}]), .19, .02);
  EXPECT_NEAR((share[{1, 0}]), .19, .02);
}

TEST(GraphSpec, KnowsItsSizeWithoutMakingIt) {
  const auto spec = GraphSpec::parse("cycle:281474976710656", 1);
  EXPECT_EQ(spec->vertices(), vertex_limit);
  EXPECT_EQ(spec->edges(), vertex_limit);
  EXPECT_EQ(spec->edge(vertex_limit - 1), (Edge{vertex_limit - 1, 0}));
  EXPECT_EQ(spec->text(), "cycle:281474976710656");
}

TEST(GraphSpec, RefusesArgumentsOutOfRange) {
  const std::map<std::string, std::string> expected{
      {"cycle", "cycle:N with 3 <= N <= 2^48"},
      {"two-cycles", "two-cycles:N with 6 <= N <= 2^48"},
      {"path", "path:N with 1 <= N <= 2^48"},
      {"grid", "grid:RxC with R, C >= 1 and R*C <= 2^48"},
      {"shuffled-path", "shuffled-path:N with 1 <= N <= 2^48"},
      {"hubs", "hubs:H,L with H >= 1, L >= 0 and at most 2^48 vertices"},
      {"caterpillar", "caterpillar:S,L with S >= 1, L >= 0 and at most 2^48 vertices"},
      {"pairs", "pairs:N with 1 <= N <= 2^47"},
      {"lollipop", "lollipop:K,P with K >= 1, P >= 0 and at most 2^48 vertices and edges"},
      {"barbell", "barbell:K,P with K >= 1, P >= 0 and at most 2^48 vertices and edges"},
      {"small-world", "small-world:N,K,P with K even, 2 <= K < N, N*K/2 <= 2^48 and 0 <= P <= 1"},
      {"power-law", "power-law:N,M[,EXPONENT] with 1 <= N <= 2^48, M <= 2^48 and 2 < EXPONENT <= 10"},
      {"star", "star:N with 1 <= N <= 2^48"},
      {"tree", "tree:N with 1 <= N <= 2^48"},
      {"cliques", "cliques:COUNT,SIZE with COUNT, SIZE >= 1 and at most 2^48 vertices and edges"},
      {"er", "er:N,M with 1 <= N < 2^32 and M <= min(N(N-1)/2, 2^48)"},
      {"rmat", "rmat:SCALE,EDGEFACTOR with 1 <= SCALE <= 40 and at most 2^48 edges"},
  };
  for (const auto* spec : {"cycle:",
                           "cycle:2",
                           "cycle:-5",
                           "cycle:+5",
                           "cycle:5x",
                           "cycle: 5",
                           "cycle:5,6",
                           "cycle:0x10",
                           "cycle:5.0",
                           "cycle:281474976710657",
                           "cycle:99999999999999999999999",
                           "two-cycles:5",
                           "path:0",
                           "path:",
                           "grid:3",
                           "grid:3,4",
                           "grid:0x4",
                           "grid:4x0",
                           "grid:x",
                           "grid:4x",
                           "grid:4x5x6",
                           "grid:16777217x16777217",
                           "grid:281474976710656x281474976710656",
                           "star:0",
                           "tree:0",
                           "cliques:0,3",
                           "cliques:3,0",
                           "cliques:3",
                           "cliques:1,4294967296",
                           "cliques:281474976710656,2",
                           "cliques:1,23726567",
                           "cliques:65536,4294967295",
                           "er:0,0",
                           "er:5,11",
                           "er:1,1",
                           "er:5,",
                           "er:,5",
                           "er:5",
                           "er:5,-1",
                           "er:4294967296,1",
                           "er:5,6,7",
                           "rmat:0,1",
                           "rmat:41,1",
                           "rmat:40,257",
                           "rmat:10",
                           "rmat:a,b",
                           "shuffled-path:0",
                           "hubs:0,1",
                           "hubs:1,281474976710655",
                           "hubs:281474976710656,281474976710656",
                           "caterpillar:0,1",
                           "caterpillar:1,281474976710656",
                           "pairs:0",
                           "pairs:140737488355329",
                           "lollipop:0,1",
                           "lollipop:1,281474976710656",
                           "lollipop:4294967295,281474976710656",
                           "lollipop:23726567,0",
                           "barbell:0,1",
                           "barbell:4294967295,281474976710656",
                           "barbell:16777217,0",
                           "barbell:1,281474976710655",
                           "small-world:5,2",
                           "small-world:5,3,0",
                           "small-world:5,0,0",
                           "small-world:4,4,0",
                           "small-world:281474976710656,4,0",
                           "small-world:5,2,1.01",
                           "small-world:5,2,-0.5",
                           "small-world:5,2,nan",
                           "small-world:5,2,inf",
                           "small-world:5,2,.5x",
                           "small-world:5,2,1e-1",
                           "small-world:5,2,0,0",
                           "power-law:0,5",
                           "power-law:5",
                           "power-law:5,5,",
                           "power-law:5,5,2",
                           "power-law:5,5,10.5",
                           "power-law:5,5,3,3"}) {
    const std::string text = spec;
    try {
      GraphSpec::parse(text, 1);
      ADD_FAILURE() << text << " was accepted";
    } catch (const mpc::UsageError& error) {
      EXPECT_EQ(error.what(), text + ": expected " + expected.at(text.substr(0, text.find(':'))));
    }
  }
}

TEST(GraphSpec, AcceptsTheLimits) {
  for (const auto* spec :
       {"cycle:3", "two-cycles:6", "grid:16777216x16777216", "cliques:1,23726566", "er:5,10", "er:1,0", "rmat:40,256", "rmat:1,0",
        "hubs:1,281474976710654", "caterpillar:1,281474976710655", "pairs:140737488355328", "lollipop:1,281474976710655",
        "barbell:16777216,1", "small-world:3,2,1", "small-world:5,2,0.5", "power-law:281474976710656,281474976710656,10"}) {
    EXPECT_TRUE(GraphSpec::parse(spec, 1).has_value()) << spec;
  }
}

TEST(GraphSpec, ListsTheKindsForAnUnknownOne) {
  for (const auto* spec : {"torus:5", ":5", "Cycle:5", "/no/such:file"}) {
    try {
      GraphSpec::parse(spec, 1);
      ADD_FAILURE() << spec << " was accepted";
    } catch (const mpc::UsageError& error) {
      EXPECT_EQ(error.what(), std::string(spec) +
                                  ": no such file, and no such kind of graph: expected one of cycle:N, two-cycles:N, path:N, "
                                  "shuffled-path:N, grid:RxC, star:N, hubs:H,L, caterpillar:S,L, tree:N, pairs:N, cliques:COUNT,SIZE, "
                                  "lollipop:K,P, barbell:K,P, er:N,M, small-world:N,K,P, power-law:N,M[,EXPONENT], rmat:SCALE,EDGEFACTOR");
    }
  }
}

TEST(GraphKinds, AreAllDescribed) {
  const auto kinds = graph_kinds();
  EXPECT_EQ(kinds.size(), 17);
  for (const auto& kind : kinds) EXPECT_FALSE(kind.name.empty() || kind.arguments.empty() || kind.meaning.empty());
}

TEST(Load, ReadsFilesWithAndWithoutAColon) {
  const tests::Folder folder;
  for (const auto* name : {"a.el", "a:b.el"}) {
    const auto path = folder.write(name, "3 4\n");
    EXPECT_FALSE(GraphSpec::parse(path, 1).has_value());
    for (const int size : {1, 3}) {
      const auto parts = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) { return load(path, 9, 1, ranks); });
      std::size_t pairs = 0;
      for (const auto& part : parts) pairs += part.pairs.size();
      EXPECT_EQ(pairs, 1);
      EXPECT_EQ(parts.back().count, 9);
      EXPECT_EQ(parts.back().source, path);
    }
  }
}

TEST(Load, RefusesTogether) {
  for (const int size : {1, 3}) {
    const auto refused = [&](const std::string& spec, mpc::Exit exit, std::optional<std::uint64_t> vertices = {}) {
      return tests::error_on(size, exit, [&](mpc::Ranks& ranks) { load(spec, vertices, 1, ranks); });
    };
    EXPECT_EQ(refused("cycle:2", mpc::Exit::usage), "cycle:2: expected cycle:N with 3 <= N <= 2^48");
    EXPECT_EQ(refused("none.el", mpc::Exit::bad_input), "none.el: expected a file that can be read: No such file or directory");
    EXPECT_EQ(refused("cycle:8", mpc::Exit::usage, 9), "cycle:8: has 8 vertices, not 9: a number of vertices is for files");
    EXPECT_EQ(refused("cycle:8", mpc::Exit::usage, 8), "no error");
  }
}

}  // namespace
}  // namespace protocols
