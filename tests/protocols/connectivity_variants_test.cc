#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "mpc/error.h"

#include "protocols/connectivity.h"

#include "tests/protocols/families.h"
#include "tests/protocols/solve.h"
#include "tests/support/sanitized.h"

/// The graphs that break connectivity algorithms, under every variant, at several memories, on one process. tests/protocols/ranks_test.cc
/// has numbers of ranks.

namespace tests {
namespace {

using protocols::Ids;
using roundtrip::ModelOptions;

const roundtrip::Registered& connectivity() { return roundtrip::find_protocol("connectivity"); }

protocols::Graph generated(const std::string& spec, std::uint64_t seed = 1, Ids ids = Ids::random) {
  mpc::SingleRank alone;
  return protocols::build(protocols::load(spec, {}, seed, alone), ids, seed, alone);
}

const std::vector<std::string> hard{"one edge",       "one loop",    "loops and duplicates", "far apart ids",       "lollipop:30,400",
                                    "barbell:20,200", "hubs:20,40",  "caterpillar:300,3",    "power-law:2000,4000", "small-world:600,4,0.1",
                                    "er:4096,2048",   "pairs:20000", "shuffled-path:1000"};

protocols::Graph hard_graph(const std::string& name) {
  if (name == "one edge") return graph_of({{0, 1}}, Ids::random, 1);
  if (name == "one loop") return graph_of({{0, 0}}, Ids::random, 1);
  if (name == "loops and duplicates") {
    return graph_of({{1, 1}, {1, 2}, {2, 1}, {1, 2}, {2, 2}, {7, 7}, {3, 4}, {4, 3}, {5, 5}, {4, 5}}, Ids::random, 1);
  }
  const auto far = std::uint64_t{1} << 47;
  if (name == "far apart ids")
    return graph_of({{0, far}, {far, 3 * (far / 2)}, {12345678901234, 5}, {5, 17}, {999, far / 3}}, Ids::random, 1);
  return generated(name);
}

class Variants : public testing::TestWithParam<std::string> {
 protected:
  protocols::Settings settings() const { return {GetParam(), false, 0}; }

  void expect_components(const protocols::Graph& graph, const mpc::Model& model, const Flood& expected) {
    Finished run;
    try {
      run = solve(connectivity(), settings(), model, graph);
    } catch (const mpc::Error& error) {
      FAIL() << error.what();
    }
    EXPECT_EQ(run.answer.value, expected.components + graph.vertices - graph.active);
    if (graph.edges != 0) expect_labels(run, expected);
    // The rounds of alt are declared for random ids.
    const bool declared = graph.ids.numbering() == Ids::random || GetParam() != "alt";
    declared ? expect_within_bounds(run) : expect_within_memory(run);
  }
};

TEST_P(Variants, FindTheComponentsOfHardGraphsAtThreeMemories) {
  for (const auto& name : hard) {
    SCOPED_TRACE(name);
    const auto graph = hard_graph(name);
    const auto expected = flood(graph);
    const auto least = roundtrip::least_model({}, connectivity(), settings(), shape_of(graph));
    for (const auto tenths : sanitized ? Numbers{10} : Numbers{10, 15, 30}) {
      SCOPED_TRACE(testing::Message() << tenths << "/10 of the least s");
      ModelOptions options;
      options.machines = least.machines;
      options.words = std::to_string(least.memory.count * tenths / 10);
      expect_components(graph, roundtrip::choose_model(options, connectivity(), settings(), shape_of(graph)), expected);
      if (HasFailure()) return;
    }
  }
}

TEST_P(Variants, FindTheComponentsOnAnyNumberOfMachines) {
  for (const auto machines : Numbers{1, 2, 3, 5, 64, 1000}) {
    for (const auto* spec : {"path:40", "star:40", "er:60,50"}) {
      for (const auto ids : {Ids::random, Ids::as_given}) {
        if (ids == Ids::as_given && GetParam() == "hash-to-min") continue;  // see HashToMin below
        SCOPED_TRACE(testing::Message() << machines << " machines, " << spec << (ids == Ids::random ? " random" : " as given"));
        const auto graph = generated(spec, 1, ids);
        ModelOptions options;
        options.machines = machines;
        options.words = "min";
        expect_components(graph, roundtrip::choose_model(options, connectivity(), settings(), shape_of(graph)), flood(graph));
      }
    }
  }
}

/// In the least memory, hot keys are asked about by more machines than s has words.
TEST_P(Variants, CombineWhatIsKnownOfAHubInATree) {
  if (GetParam() == "hash-to-min" || GetParam() == "forests") return;  // no neighbourhood reductions
  for (const auto* spec : {"star:6000", "hubs:60,100", "power-law:5000,20000"}) {
    SCOPED_TRACE(spec);
    const auto graph = generated(spec);
    const auto model = roundtrip::least_model({}, connectivity(), settings(), shape_of(graph));
    ASSERT_GT(model.machines, model.memory.count);
    expect_components(graph, model, flood(graph));
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Variants, testing::Values("local-contraction", "alt", "fastsv", "hash-min", "hash-to-min", "forests"),
                         [](const auto& test) {
                           auto name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(HashMin, TakesAReductionPerStepFromTheLeastVertex) {
  const protocols::Settings settings{"hash-min", false, 0};
  for (const std::uint64_t n : {2, 3, 50, 400}) {
    const auto graph = generated("path:" + std::to_string(n), 1, Ids::as_given);
    ModelOptions options;
    options.machines = 16;
    options.words = "2000";
    const auto model = roundtrip::choose_model(options, connectivity(), settings, shape_of(graph));
    const auto run = solve(connectivity(), settings, model, graph);
    // n - 1 steps, two rounds each, at least; then a sum has to say that nothing changes, and owners are told.
    EXPECT_GE(run.ledger.rounds.size(), 2 * (n - 1));
    EXPECT_LE(run.ledger.rounds.size(), run.bounds.rounds);
    EXPECT_LE(run.bounds.rounds, 2 * (n + 2) + 1 + 4 + model.tree_rounds());
    for (const auto& [vertex, label] : run.answer.labels) EXPECT_EQ(label, 0U) << vertex;
  }
}

/// FastSV's iterations on graphs of a kind do not depend on their size much: 4 or 5 on er, as in its paper's tables.
TEST(FastSv, TakesAsManyIterationsAsPublished) {
  const protocols::Settings settings{"fastsv", false, 0};
  for (const auto& [spec, most] : std::map<std::string, std::uint64_t>{{"er:8192,32768", 6}, {"rmat:12,16", 5}, {"path:8192", 17}}) {
    const auto graph = generated(spec);
    const auto run = solve(connectivity(), settings, roundtrip::choose_model({}, connectivity(), settings, shape_of(graph)), graph);
    EXPECT_LE((run.ledger.rounds.size() + 5) / 6, most) << spec;
    EXPECT_GE(run.ledger.rounds.size(), 6U * 2) << spec;
  }
}

/// The trap that enforcement is for: with ids in order, clusters overlap all along the path before they are handed on.
TEST(HashToMin, OverflowsOnAPathWithSortedIds) {
  const protocols::Settings settings{"hash-to-min", false, 0};
  const auto model_for = [&](const protocols::Graph& graph) {
    ModelOptions options;
    options.machines = 16;
    options.words = "min";
    return roundtrip::choose_model(options, connectivity(), settings, shape_of(graph));
  };
  const auto random = generated("path:2048");
  EXPECT_EQ(solve(connectivity(), settings, model_for(random), random).answer.value, 1U);
  const auto sorted = generated("path:2048", 1, Ids::as_given);
  try {
    solve(connectivity(), settings, model_for(sorted), sorted);
    FAIL() << "no violation";
  } catch (const mpc::Error& error) {
    EXPECT_EQ(error.exit(), mpc::Exit::over_budget);
    EXPECT_NE(std::string(error.what()).find("hash-to-min"), std::string::npos) << error.what();
  }
}

TEST(Forests, RoundsAndLeastMemoryByHand) {
  const protocols::Settings settings{"forests", false, 0};
  const auto bounds = [&](std::uint64_t vertices, std::uint64_t edges, std::uint64_t machines, std::uint64_t memory) {
    mpc::Model model;
    model.machines = machines;
    model.memory = mpc::Words{memory};
    model.n = vertices;
    return connectivity().bounds(model, protocols::Shape{vertices, edges}, settings, 0);
  };
  EXPECT_EQ(bounds(101, 150, 2, 202).rounds, 2U);  // h = 2: one merge, one to tell
  EXPECT_EQ(bounds(101, 150, 4, 202).rounds, 3U);
  EXPECT_EQ(bounds(101, 150, 5, 202).rounds, 4U);
  EXPECT_EQ(bounds(101, 150, 5, 500).rounds, 2U);  // h = 5
  EXPECT_EQ(bounds(101, 150, 6, 500).rounds, 3U);
  EXPECT_EQ(bounds(101, 150, 1, 101).rounds, 1U);
  EXPECT_EQ(bounds(101, 150, 2, 202).least_memory.count, 202U);
  EXPECT_EQ(bounds(101, 1000, 2, 202).least_memory.count, 500U);  // the input has to lie somewhere
  EXPECT_EQ(bounds(101, 100, 1, 202).least_memory.count, 103U);
}

}  // namespace
}  // namespace tests
