#include "protocols/graph/graph.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "protocols/graph/spread.h"

#include "tests/protocols/graph/whole_graph.h"

namespace protocols {
namespace {

using tests::ThreadedRanks;
using tests::Whole;

Whole built(const std::vector<Edge>& pairs, Ids ids, std::uint64_t seed = 1, Declared declared = Declared::seen, std::uint64_t count = 0) {
  return tests::on_any_ranks([&](mpc::Ranks& ranks) {
    return build(RawEdges{tests::dealt(pairs, ranks), declared, count, "x.el"}, ids, seed, ranks);
  });
}

/// Pairs of few ids that are far apart, with loops and duplicates in both directions.
std::vector<Edge> messy(std::uint64_t seed, std::size_t size, std::uint64_t ids) {
  const mpc::PublicHash hash(seed);
  std::vector<Edge> pairs;
  for (std::uint64_t i = 0; i < size; ++i) {
    const auto name = [&](std::uint64_t stream) { return mpc::mix(hash.below(ids, i, stream)) % vertex_limit; };
    pairs.push_back({name(1), name(2)});
    if (i % 5 == 0) pairs.push_back({pairs.back().v, pairs.back().u});
  }
  return pairs;
}

TEST(Build, GivesCompactIdsInOrder) {
  const auto graph = built({{70, 5}, {5, 9}, {9, 70}, {1000, 9}}, Ids::as_given);
  EXPECT_EQ(graph.vertices, 4);
  EXPECT_EQ(graph.active, 4);
  EXPECT_EQ(graph.originals, (std::vector<std::uint64_t>{5, 9, 70, 1000}));
  EXPECT_EQ(graph.edges, (std::vector<Edge>{{0, 1}, {0, 2}, {1, 2}, {1, 3}}));
}

TEST(Build, DropsLoopsAndDuplicates) {
  const auto graph = built({{1, 2}, {2, 1}, {1, 2}, {1, 1}, {7, 7}, {2, 2}, {7, 7}}, Ids::as_given);
  EXPECT_EQ(graph.edges, (std::vector<Edge>{{0, 1}}));
  EXPECT_EQ(graph.vertices, 3);
  EXPECT_EQ(graph.active, 2);
  EXPECT_EQ(graph.isolated, std::vector<std::uint64_t>{7});
}

TEST(Build, KeepsIsolatedVerticesOfAnyPlace) {
  const auto graph = built({{10, 20}, {20, 30}, {5, 5}, {15, 15}, {25, 25}, {99, 99}, {20, 20}}, Ids::random);
  EXPECT_EQ(graph.isolated, (std::vector<std::uint64_t>{5, 15, 25, 99}));
  EXPECT_EQ(graph.vertices, 7);
}

TEST(Build, ImpliesIsolatedVerticesOfARange) {
  const auto graph = built({{2, 3}, {3, 6}, {5, 5}}, Ids::as_given, 1, Declared::range, 9);
  EXPECT_EQ(graph.vertices, 9);
  EXPECT_EQ(graph.active, 3);
  EXPECT_EQ(graph.isolated, (std::vector<std::uint64_t>{0, 1, 4, 5, 7, 8}));
}

TEST(Build, CountsIsolatedVerticesWithoutIds) {
  const auto graph = built({{2, 3}, {3, 6}, {5, 5}}, Ids::as_given, 1, Declared::count, 9);
  EXPECT_EQ(graph.vertices, 9);
  EXPECT_EQ(graph.isolated, std::vector<std::uint64_t>{5});
  EXPECT_EQ(graph.unnamed, 5);
}

TEST(Build, TakesGraphsWithoutEdges) {
  const auto declared = built({}, Ids::random, 1, Declared::range, 3);
  EXPECT_EQ(declared.active, 0);
  EXPECT_EQ(declared.isolated, (std::vector<std::uint64_t>{0, 1, 2}));
  const auto seen = built({{4, 4}, {2, 2}}, Ids::as_given);
  EXPECT_EQ(seen.isolated, (std::vector<std::uint64_t>{2, 4}));
  EXPECT_EQ(built({}, Ids::as_given).vertices, 0);
}

TEST(Build, TakesTheLargestIds) {
  const auto last = vertex_limit - 1;
  EXPECT_EQ(built({{last, 0}, {last, last}}, Ids::as_given).originals, (std::vector<std::uint64_t>{0, last}));
  // 2^48 - 2 isolated vertices, which nobody stores.
  ThreadedRanks::run(3, [&](mpc::Ranks& ranks) {
    const auto graph = build(RawEdges{tests::dealt({{last, 0}}, ranks), Declared::range, vertex_limit, ""}, Ids::as_given, 1, ranks);
    EXPECT_EQ(graph.vertices, vertex_limit);
    graph.ids.isolated([&](std::uint64_t first) {
      EXPECT_EQ(first, 1);
      return false;
    });
  });
}

TEST(Build, PermutesIdsBySeed) {
  const auto pairs = messy(1, 300, 100);
  const auto given = built(pairs, Ids::as_given);
  const auto one = built(pairs, Ids::random, 1);
  const auto two = built(pairs, Ids::random, 2);
  EXPECT_NE(one.originals, given.originals);
  EXPECT_NE(one.originals, two.originals);
  for (const auto& graph : {one, two}) {
    EXPECT_EQ(std::set(graph.originals.begin(), graph.originals.end()), std::set(given.originals.begin(), given.originals.end()));
    EXPECT_EQ(graph.original_edges(), given.original_edges());
  }
}

TEST(Build, AgreesWithASetOfPairs) {
  for (const auto size : {1, 2, 10, 1000, 20000}) {
    const auto pairs = messy(static_cast<std::uint64_t>(size), static_cast<std::size_t>(size), 300);
    std::set<Edge> expected;
    std::set<std::uint64_t> ids, active;
    for (const auto& [u, v] : pairs) {
      ids.insert({u, v});
      if (u == v) continue;
      expected.insert({std::min(u, v), std::max(u, v)});
      active.insert({u, v});
    }
    const auto graph = built(pairs, Ids::random);
    EXPECT_EQ(graph.original_edges(), std::vector(expected.begin(), expected.end())) << size;
    EXPECT_EQ(graph.vertices, ids.size());
    EXPECT_EQ(graph.active, active.size());
  }
}

TEST(Build, DoesNotDependOnTheOrderOfLines) {
  auto pairs = messy(7, 2000, 400);
  const auto graph = built(pairs, Ids::random);
  std::ranges::reverse(pairs);
  for (std::size_t i = 0; i < pairs.size(); i += 3) std::swap(pairs[i].u, pairs[i].v);
  EXPECT_EQ(built(pairs, Ids::random), graph);
  std::ranges::sort(pairs);
  EXPECT_EQ(built(pairs, Ids::random), graph);
}

TEST(Build, BalancesAStar) {
  // One vertex has every edge: a split by vertices would leave it all on one rank. whole() checks the shares.
  std::vector<Edge> pairs;
  for (std::uint64_t leaf = 1; leaf <= 5000; ++leaf) pairs.push_back({0, leaf});
  EXPECT_EQ(built(pairs, Ids::random).edges.size(), 5000);
}

TEST(Build, TakesInputThatIsAllOnOneRank) {
  const auto pairs = messy(9, 3000, 500);
  const auto expected = built(pairs, Ids::random);
  const auto graph = tests::on_any_ranks([&](mpc::Ranks& ranks) {
    const bool last = ranks.rank() + 1 == ranks.size();
    return build(RawEdges{last ? pairs : std::vector<Edge>{}, Declared::seen, 0, "x.el"}, Ids::random, 1, ranks);
  });
  EXPECT_EQ(graph, expected);
}

TEST(Build, RefusesMoreVerticesThanDeclared) {
  for (const int size : {1, 3}) {
    const auto text = tests::error_on(size, mpc::Exit::bad_input, [](mpc::Ranks& ranks) {
      build(RawEdges{tests::dealt({{1, 2}, {3, 4}, {9, 9}}, ranks), Declared::count, 4, "snap.txt"}, Ids::random, 1, ranks);
    });
    EXPECT_EQ(text, "snap.txt: expected at most 4 vertices, as declared, found 5 different ids");
  }
}

TEST(Build, RefusesAnIdOutsideTheRange) {
  for (const int size : {1, 3}) {
    for (const auto& pair : {Edge{0, 4}, Edge{4, 4}}) {
      const auto text = tests::error_on(size, mpc::Exit::bad_input, [&](mpc::Ranks& ranks) {
        build(RawEdges{tests::dealt({{1, 2}, pair}, ranks), Declared::range, 4, "x.el"}, Ids::random, 1, ranks);
      });
      EXPECT_EQ(text, "x.el: expected vertex ids below 4, found 4");
    }
  }
}

TEST(VertexIds, AnswersForAnyOrderAndRepeats) {
  for (const int size : {1, 2, 3, 5}) {
    ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
      const auto graph =
          build(RawEdges{tests::dealt({{10, 20}, {30, 40}, {50, 60}}, ranks), Declared::seen, 0, ""}, Ids::as_given, 1, ranks);
      const std::vector<std::uint64_t> asked{5, 0, 0, 3, 5};
      // Ranks may ask different questions, or none.
      const auto mine = ranks.rank() == 1 ? std::span<const std::uint64_t>() : std::span(asked);
      const auto answers = graph.ids.originals(mine, ranks);
      EXPECT_EQ(answers, mine.empty() ? std::vector<std::uint64_t>{} : (std::vector<std::uint64_t>{60, 10, 10, 40, 60}));
    });
  }
}

TEST(VertexIds, MapsCompactIdsBothWays) {
  ThreadedRanks::run(2, [&](mpc::Ranks& ranks) {
    const auto graph = build(RawEdges{messy(3, 100, 50), Declared::seen, 0, ""}, Ids::random, 1, ranks);
    for (std::uint64_t id = 0; id < graph.active; ++id) EXPECT_EQ(graph.ids.compact(graph.ids.protocol_id(id)), id);
    for (std::size_t i = 0; i < graph.ids.block().size(); ++i) {
      EXPECT_EQ(graph.ids.home(graph.ids.block_first() + i), static_cast<std::size_t>(ranks.rank()));
    }
  });
}

std::vector<Edge> gathered(std::span<const Edge> mine, mpc::Ranks& ranks) { return items_of<Edge>(ranks.gather(words_of(mine))); }

TEST(Redistribute, GivesEveryRankItsEdges) {
  const auto pairs = messy(11, 1000, 200);
  for (const int size : {1, 2, 3, 5}) {
    ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
      auto graph = build(RawEdges{tests::dealt(pairs, ranks), Declared::seen, 0, ""}, Ids::random, 1, ranks);
      const auto all = gathered(graph.share, ranks);
      // Uneven, with an empty part, and the same on every rank.
      std::vector<std::uint64_t> starts(static_cast<std::size_t>(size) + 1, graph.edges);
      starts[0] = 0;
      if (size > 1) starts[1] = graph.edges / 7;
      if (size > 2) starts[2] = starts[1];
      const auto mine = redistribute(graph, starts, ranks);
      const auto r = static_cast<std::size_t>(ranks.rank());
      EXPECT_EQ(mine, std::vector(all.begin() + static_cast<long>(starts[r]), all.begin() + static_cast<long>(starts[r + 1])));
      EXPECT_TRUE(graph.share.empty());
      EXPECT_GT(graph.edges, 0);
    });
  }
}

TEST(Redistribute, MayLeaveEdgesOut) {
  for (const int size : {1, 2, 3}) {
    ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
      auto graph = build(RawEdges{tests::dealt(messy(12, 100, 50), ranks), Declared::seen, 0, ""}, Ids::random, 1, ranks);
      const auto all = gathered(graph.share, ranks);
      std::vector<std::uint64_t> starts(static_cast<std::size_t>(size) + 1, 9);
      starts[0] = 4;
      EXPECT_EQ(gathered(redistribute(graph, starts, ranks), ranks), std::vector(all.begin() + 4, all.begin() + 9));
    });
  }
}

TEST(Spread, SplittersMakeEvenRanges) {
  for (const int size : {2, 3, 5}) {
    ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
      std::vector<std::uint64_t> mine;
      for (std::uint64_t i = 0; i < 3000; ++i) mine.push_back(mpc::mix(i * 8 + static_cast<std::uint64_t>(ranks.rank())));
      std::ranges::sort(mine);
      const std::span<const std::uint64_t> view(mine);
      auto counts = counts_below<std::uint64_t>(view, splitters(view, ranks));
      for (auto& count : counts) count = ranks.sum(count);
      EXPECT_LE(*std::ranges::max_element(counts), 3300);
    });
  }
}

TEST(ThreadedRanks, ARankThatLeavesIsNoHang) {
  EXPECT_THROW(ThreadedRanks::run(3,
                                  [](mpc::Ranks& ranks) {
                                    if (ranks.rank() == 1) return;
                                    ranks.sum(1);
                                  }),
               std::logic_error);
}

}  // namespace
}  // namespace protocols
