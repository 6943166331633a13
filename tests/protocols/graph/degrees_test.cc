#include "protocols/graph/degrees.h"

#include <gtest/gtest.h>

#include "protocols/graph/generators.h"

#include "tests/protocols/graph/whole_graph.h"

namespace protocols {
namespace {

struct Found {
  bool any = false;
  std::optional<std::uint64_t> original;
  std::uint64_t degree = 0;
  friend bool operator==(const Found&, const Found&) = default;
};

Found odd(const std::vector<Edge>& pairs, std::uint64_t degree, Declared declared = Declared::seen, std::uint64_t count = 0) {
  std::optional<Found> first;
  for (const int size : {1, 2, 3, 5}) {
    const auto all = tests::ThreadedRanks::results(size, [&](mpc::Ranks& ranks) {
      const auto graph = build(RawEdges{tests::dealt(pairs, ranks), declared, count, ""}, Ids::random, 1, ranks);
      const auto vertex = first_vertex_of_degree_other_than(graph, degree, ranks);
      return vertex ? Found{true, vertex->original, vertex->degree} : Found{};
    });
    if (!first) first = all.front();
    for (const auto& found : all) EXPECT_EQ(found, *first) << size << " ranks";
  }
  return *first;
}

const std::vector<Edge> triangle{{10, 20}, {20, 30}, {30, 10}};

TEST(Degrees, FindsNothingInARegularGraph) { EXPECT_EQ(odd(triangle, 2), Found{}); }

TEST(Degrees, FindsTheSmallestOriginalId) {
  EXPECT_EQ(odd(triangle, 3), (Found{true, 10, 2}));
  auto pairs = triangle;
  pairs.push_back({30, 40});
  EXPECT_EQ(odd(pairs, 2), (Found{true, 30, 3}));
  EXPECT_EQ(odd(pairs, 3), (Found{true, 10, 2}));
}

TEST(Degrees, CountsAnEdgeOnce) {
  EXPECT_EQ(odd({{1, 2}, {2, 1}, {1, 1}, {1, 2}}, 1), Found{});
  EXPECT_EQ(odd({{1, 2}, {2, 1}, {1, 1}, {1, 2}}, 2), (Found{true, 1, 1}));
}

TEST(Degrees, CountsIsolatedVertices) {
  auto pairs = triangle;
  pairs.push_back({25, 25});
  EXPECT_EQ(odd(pairs, 2), (Found{true, 25, 0}));
  EXPECT_EQ(odd(triangle, 2, Declared::range, 31), (Found{true, 0, 0}));
  EXPECT_EQ(odd({{0, 1}, {1, 2}, {2, 0}}, 2, Declared::range, 3), Found{});
  EXPECT_EQ(odd({{0, 1}, {1, 2}, {2, 0}}, 2, Declared::range, 4), (Found{true, 3, 0}));
  EXPECT_EQ(odd({{0, 1}, {1, 3}, {3, 0}}, 2, Declared::range, 5), (Found{true, 2, 0}));
  EXPECT_EQ(odd({{5, 5}}, 0), Found{});
}

TEST(Degrees, ReportsACountedVertexLast) {
  EXPECT_EQ(odd(triangle, 2, Declared::count, 4), (Found{true, std::nullopt, 0}));
  EXPECT_EQ(odd(triangle, 1, Declared::count, 4), (Found{true, 10, 2}));
  EXPECT_EQ(odd(triangle, 2, Declared::count, 3), Found{});
}

TEST(Degrees, AddsUpOverManyChunks) {
  for (const int size : {1, 2}) {
    tests::ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
      const auto graph = build(load("star:1200001", {}, 1, ranks), Ids::random, 1, ranks);
      const auto centre = first_vertex_of_degree_other_than(graph, 1, ranks);
      ASSERT_TRUE(centre.has_value());
      EXPECT_EQ(centre->original, 0);
      EXPECT_EQ(centre->degree, 1200000);
      const auto leaf = first_vertex_of_degree_other_than(graph, 1200000, ranks);
      ASSERT_TRUE(leaf.has_value());
      EXPECT_EQ(leaf->original, 1);
    });
  }
}

}  // namespace
}  // namespace protocols
