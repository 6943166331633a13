#include "protocols/connectivity.h"

#include <cmath>
#include <tuple>

#include <gtest/gtest.h>

#include "mpc/error.h"

#include "tests/protocols/families.h"
#include "tests/protocols/solve.h"
#include "tests/support/sanitized.h"

namespace tests {
namespace {

using protocols::Ids;
using roundtrip::ModelOptions;

const std::vector<std::string> variants{"local-contraction", "alt"};
const Numbers small_sizes{1, 2, 3, 4, 5, 8, 33};

const roundtrip::Registered& connectivity() { return roundtrip::find_protocol("connectivity"); }

/// A variant on a family of graphs.
class Connectivity : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  const protocols::Settings settings{std::get<0>(GetParam()), false};
  const std::string family = std::get<1>(GetParam());

  /// The model that the options choose finds the components, or is refused; whether it was not.
  bool finds_components(const protocols::Graph& graph, const ModelOptions& options) {
    const auto model = model_or_refusal(options, connectivity(), settings, shape_of(graph));
    if (!model) return false;
    const auto expected = flood(graph);
    Finished run;
    try {
      run = solve(connectivity(), settings, *model, graph);
    } catch (const mpc::Error& error) {
      ADD_FAILURE() << error.what();
      return true;
    }
    EXPECT_EQ(run.answer.value, expected.components + graph.vertices - graph.active);
    EXPECT_EQ(run.answer.retries, 0U);
    if (graph.edges == 0) {
      EXPECT_TRUE(run.ledger.rounds.empty());
      EXPECT_TRUE(run.answer.labels.empty());
    } else {
      expect_labels(run, expected);
    }
    // Stars follow the order of the ids; their declared rounds are for random ones.
    const bool declared = settings.variant != "alt" || graph.ids.numbering() == Ids::random;
    declared ? expect_within_bounds(run) : expect_within_memory(run);
    return true;
  }

  /// Calls test(graph) for sizes, and for both numberings.
  template <class Sizes, class Test>
  void for_each_graph(const Sizes& sizes, std::uint64_t seeds, Test&& test) {
    for (const std::uint64_t n : sizes) {
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        for (const auto ids : {Ids::random, Ids::as_given}) {
          SCOPED_TRACE(testing::Message() << family << " n " << n << " seed " << seed << (ids == Ids::random ? " random" : " as given"));
          test(graph_of(edges_of(family, n, seed), ids, seed), seed);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
};

TEST_P(Connectivity, FindsTheComponentsOfSmallGraphsByTheDefaultModel) {
  for_each_graph(small_sizes, 3, [&](const auto& graph, std::uint64_t seed) {
    ModelOptions options;
    options.seed = seed;
    EXPECT_TRUE(finds_components(graph, options));
  });
}

TEST_P(Connectivity, FindsTheComponentsByTheDefaultModel) {
  for_each_graph(Numbers{1024, 4096}, 3, [&](const auto& graph, std::uint64_t seed) {
    ModelOptions options;
    options.seed = seed;
    EXPECT_TRUE(finds_components(graph, options));
  });
}

TEST_P(Connectivity, FindsTheComponentsForOtherDeltas) {
  for (const double delta : {.3, .7, 1.}) {
    SCOPED_TRACE(testing::Message() << "delta " << delta);
    for_each_graph(Numbers{3, 1024}, 1, [&](const auto& graph, std::uint64_t) {
      ModelOptions options;
      options.delta = delta;
      // 8 N^.3 can be less than what a machine has to hold, and is refused then.
      EXPECT_TRUE(finds_components(graph, options) || delta < .5);
    });
  }
}

TEST_P(Connectivity, FindsTheComponentsInTheLeastMemory) {
  for_each_graph(Numbers{1, 2, 3, 8, 33, 1024, 2048}, 3, [&](const auto& graph, std::uint64_t seed) {
    ModelOptions options;
    options.words = "min";
    options.seed = seed;
    EXPECT_TRUE(finds_components(graph, options));
  });
  for_each_graph(Numbers{16384}, 1, [&](const auto& graph, std::uint64_t) {
    ModelOptions options;
    options.words = "min";
    EXPECT_TRUE(finds_components(graph, options));
  });
}

TEST_P(Connectivity, RefusesLessThanTheLeastMemory) {
  for_each_graph(Numbers{3, 1024}, 1, [&](const auto& graph, std::uint64_t) {
    const auto least = roundtrip::least_model({}, connectivity(), settings, shape_of(graph)).memory.count;
    if (graph.edges == 0) {
      EXPECT_EQ(least, 1U);
      return;
    }
    ModelOptions options;
    options.words = std::to_string(least - 1);
    try {
      roundtrip::choose_model(options, connectivity(), settings, shape_of(graph));
      ADD_FAILURE() << "accepts " << options.words << " words";
    } catch (const mpc::Error& error) {
      EXPECT_EQ(error.exit(), mpc::Exit::over_budget);
      EXPECT_NE(std::string(error.what()).find(" at least " + std::to_string(least) + " words"), std::string::npos) << error.what();
    }
    options.words = std::to_string(least);
    EXPECT_EQ(roundtrip::choose_model(options, connectivity(), settings, shape_of(graph)).memory.count, least);
  });
}

TEST_P(Connectivity, FindsTheComponentsOnAnyNumberOfMachines) {
  for (const auto machines : Numbers{1, 2, 3, 5, 8, 64, 1000}) {
    SCOPED_TRACE(testing::Message() << machines << " machines");
    for_each_graph(Numbers{2, 3, 10, 1024}, 1, [&](const auto& graph, std::uint64_t) {
      ModelOptions options;
      options.machines = machines;
      options.words = "min";
      EXPECT_TRUE(finds_components(graph, options));
      options.words = std::to_string(10 * machines + 10 * graph.edges + 10 * graph.active + 100);
      EXPECT_TRUE(finds_components(graph, options));
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Connectivity, testing::Combine(testing::ValuesIn(variants), testing::ValuesIn(all_families)),
                         [](const auto& test) {
                           return (std::get<0>(test.param) == "alt" ? "Stars_" : "Contraction_") + std::get<1>(test.param);
                         });

TEST(ConnectivityOnHubs, ADegreeFarAboveMemoryIsNormal) {
  for (const auto& variant : variants) {
    for (const auto* family : {"star", "two_stars"}) {
      SCOPED_TRACE(testing::Message() << variant << " " << family);
      const auto graph = graph_of(edges_of(family, 40000, 1), Ids::random, 1);
      const auto model = roundtrip::choose_model({}, connectivity(), {variant, false}, shape_of(graph));
      std::vector<std::uint64_t> degrees(graph.active, 0);
      for (const auto& [u, v] : graph.share) ++degrees[u], ++degrees[v];
      ASSERT_GT(*std::ranges::max_element(degrees), model.memory.count);
      const auto run = solve(connectivity(), {variant, false}, model, graph);
      EXPECT_EQ(run.answer.value, 1U);
      expect_within_bounds(run);
    }
  }
}

/// max(0, ceil(1.75 log2(8m/s))) operations of 2 rounds, 4 more, and T: worked out by hand.
TEST(ConnectivityBounds, DeclaredRounds) {
  const auto declared = [](std::uint64_t vertices, std::uint64_t edges, std::uint64_t machines, std::uint64_t memory) {
    mpc::Model model;
    model.input_words = 2 * edges;
    model.n = vertices;
    model.machines = machines;
    model.memory = mpc::Words{memory};
    const auto rounds = connectivity().bounds(model, protocols::Shape{vertices, edges}, {"local-contraction", false}, 0).rounds;
    EXPECT_EQ(connectivity().bounds(model, protocols::Shape{vertices, edges}, {"alt", false}, 0).rounds, rounds);
    return rounds;
  };
  EXPECT_EQ(declared(2048, 2048, 32, 1024), 2 * 7 + 4 + 1U);       // log2 16 = 4
  EXPECT_EQ(declared(2048, 2049, 32, 1024), 2 * 8 + 4 + 1U);       // just above
  EXPECT_EQ(declared(1024, 1023, 16, 1024), 2 * 6 + 4 + 1U);       // 1.75 * 2.9986 = 5.25
  EXPECT_EQ(declared(1024, 1023, 1, 16384), 0 + 4 + 1U);           // 8m < s
  EXPECT_EQ(declared(1024, 1024, 1, 8192), 0 + 4 + 1U);            // 8m = s
  EXPECT_EQ(declared(1024, 1025, 1, 8192), 2 * 1 + 4 + 1U);        // 8m > s
  EXPECT_EQ(declared(2048, 2048, 256, 64), 2 * 14 + 4 + 2U);       // 1.75 * 8; 16^2 = 256 machines
  EXPECT_EQ(declared(2048, 2048, 257, 64), 2 * 14 + 4 + 3U);       // one more
  EXPECT_EQ(declared(58040, 248270, 705, 5638), 2 * 15 + 4 + 1U);  // 1.75 * 8.4606 = 14.81
  EXPECT_EQ(declared(131072, 131071, 512, 4096), 2 * 14 + 4 + 1U);
  EXPECT_EQ(declared(0, 0, 1, 1), 0U);
  EXPECT_EQ(declared(2, 1, 8, 8), 0 + 4 + 3U);  // f = 2
}

/// What is promised for 2^17 vertices.
TEST(ConnectivityBounds, MeasuredRoundsOfLargeGraphs) {
  struct Promise {
    const char* graph;
    std::uint64_t rounds;
  };
  mpc::SingleRank alone;
  for (const auto& [spec, most] :
       {Promise{"path:131072", 29}, {"grid:362x362", 31}, {"tree:131072", 19}, {"er:131072,524288", 19}, {"rmat:16,16", 16}}) {
    for (const auto seed : sanitized ? Numbers{1} : Numbers{1, 2}) {
      SCOPED_TRACE(testing::Message() << spec << " seed " << seed);
      const auto graph = protocols::build(protocols::load(spec, {}, seed, alone), Ids::random, seed, alone);
      ModelOptions options;
      options.seed = seed;
      const auto model = roundtrip::choose_model(options, connectivity(), {"local-contraction", false}, shape_of(graph));
      const auto run = solve(connectivity(), {"local-contraction", false}, model, graph);
      EXPECT_LE(run.ledger.rounds.size(), most);
      EXPECT_EQ(run.answer.value, flood(graph).components + graph.vertices - graph.active);
      expect_within_bounds(run);
    }
  }
}

TEST(ConnectivityOracle, CountsIsolatedVertices) {
  const auto expected = connectivity().oracle(protocols::WholeGraph{5, 7, {{0, 1}, {1, 2}, {3, 4}}}, {});
  EXPECT_EQ(expected.value, 9U);
  EXPECT_EQ(expected.labels, (std::vector<std::uint64_t>{0, 0, 0, 3, 3}));
}

}  // namespace
}  // namespace tests
