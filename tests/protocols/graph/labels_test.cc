#include "protocols/graph/labels.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "protocols/graph/generators.h"
#include "protocols/graph/spread.h"
#include "protocols/oracle/union_find.h"

#include "tests/protocols/graph/whole_graph.h"

namespace protocols {
namespace {

using tests::ThreadedRanks;
using Labels = std::vector<VertexLabel>;

/// Right but opaque labels of all active vertices, by the oracle; rank v % size holds vertex v.
Labels opaque(const Graph& graph, mpc::Ranks& ranks) {
  const auto edges = items_of<Edge>(ranks.gather(words_of(std::span<const Edge>(graph.share))));
  const auto roots = oracle::component_labels(graph.active, edges);
  Labels labels;
  for (auto v = static_cast<std::uint64_t>(ranks.rank()); v < graph.active; v += static_cast<std::uint64_t>(ranks.size())) {
    labels.push_back({v, mpc::mix(roots[v])});
  }
  std::ranges::reverse(labels);
  return labels;
}

/// The labels of the whole graph; the same for any ranks.
Labels labelled(const std::vector<Edge>& pairs, Declared declared = Declared::seen, std::uint64_t count = 0) {
  std::optional<Labels> first;
  for (const int size : {1, 2, 3, 5, 8}) {
    const auto all = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) {
      const auto graph = build(RawEdges{tests::dealt(pairs, ranks), declared, count, ""}, Ids::random, 1, ranks);
      const auto mine = smallest_original(graph, opaque(graph, ranks), ranks);
      return items_of<VertexLabel>(ranks.gather(words_of(std::span<const VertexLabel>(mine))));
    });
    if (!first) first = all.front();
    EXPECT_EQ(all.front(), *first) << size << " ranks";
  }
  return *first;
}

TEST(Labels, AreTheSmallestOriginalIds) {
  EXPECT_EQ(labelled({{50, 40}, {40, 60}, {10, 90}, {20, 30}}),
            (Labels{{10, 10}, {20, 20}, {30, 20}, {40, 40}, {50, 40}, {60, 40}, {90, 10}}));
}

TEST(Labels, IncludeKnownIsolatedVertices) {
  EXPECT_EQ(labelled({{5, 3}, {1, 1}, {4, 4}, {9, 9}}), (Labels{{1, 1}, {3, 3}, {4, 4}, {5, 3}, {9, 9}}));
  EXPECT_EQ(labelled({{5, 3}, {1, 1}}, Declared::range, 7), (Labels{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 3}, {6, 6}}));
  EXPECT_EQ(labelled({{5, 3}, {1, 1}}, Declared::count, 7), (Labels{{1, 1}, {3, 3}, {5, 3}}));
  EXPECT_EQ(labelled({}, Declared::range, 2), (Labels{{0, 0}, {1, 1}}));
}

TEST(Labels, AgreeWithTheOracleOnOriginalIds) {
  const mpc::PublicHash hash(5);
  std::vector<Edge> pairs;
  for (std::uint64_t i = 0; i < 900; ++i) pairs.push_back({hash.below(1000, i, 1), hash.below(1000, i, 2)});
  const auto expected = oracle::component_labels(1000, pairs);
  const auto labels = labelled(pairs, Declared::range, 1000);
  ASSERT_EQ(labels.size(), 1000);
  for (std::uint64_t v = 0; v < 1000; ++v) EXPECT_EQ(labels[v], (VertexLabel{v, expected[v]}));
}

TEST(Labels, AreWrittenInOrder) {
  const tests::Folder folder;
  for (const auto* name : {"labels.txt", "labels.gz"}) {
    for (const int size : {1, 2, 3, 5}) {
      ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
        const auto graph =
            build(RawEdges{tests::dealt({{50, 40}, {40, 60}, {7, 7}, {100, 2}}, ranks), Declared::seen, 0, ""}, Ids::random, 1, ranks);
        write_labels(folder.path(name), smallest_original(graph, opaque(graph, ranks), ranks), ranks);
      });
      EXPECT_EQ(tests::text_of(folder.path(name)), "2 2\n7 7\n40 40\n50 40\n60 40\n100 2\n");
    }
  }
}

TEST(Labels, AreWrittenInManyPieces) {
  const tests::Folder folder;
  std::string expected;
  for (int v = 0; v < 600000; ++v) expected += std::to_string(v) + " 0\n";
  for (const int size : {1, 2}) {
    ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
      const auto graph = build(load("cycle:600000", {}, 1, ranks), Ids::random, 1, ranks);
      write_labels(folder.path("labels.txt"), smallest_original(graph, opaque(graph, ranks), ranks), ranks);
    });
    EXPECT_EQ(tests::bytes_of(folder.path("labels.txt")), expected);
  }
}

TEST(Labels, RefuseMissingDoubleAndUnknownVertices) {
  for (const int size : {1, 2, 3}) {
    const auto refused = [&](auto change) {
      return tests::error_on(size, mpc::Exit::fault, [&](mpc::Ranks& ranks) {
        const auto graph = build(RawEdges{tests::dealt({{50, 40}, {40, 60}}, ranks), Declared::seen, 0, ""}, Ids::as_given, 1, ranks);
        auto labels = opaque(graph, ranks);
        change(labels, ranks.rank());
        smallest_original(graph, labels, ranks);
      });
    };
    EXPECT_EQ(refused([](Labels& labels, int) { std::erase_if(labels, [](const VertexLabel& item) { return item.vertex == 1; }); }),
              "labels: expected one for every vertex, found none for vertex 50");
    EXPECT_EQ(refused([&](Labels& labels, int rank) {
                if (rank == size - 1) labels.push_back({2, 7});
              }),
              "labels: expected one for every vertex, found two for vertex 60");
    EXPECT_EQ(refused([](Labels& labels, int rank) {
                if (rank == 0) labels.push_back({3, 7});
              }),
              "labels: expected vertices below 3, found 3");
  }
}

}  // namespace
}  // namespace protocols
