#include "protocols/cycles.h"

#include <tuple>

#include <gtest/gtest.h>

#include "mpc/error.h"

#include "tests/protocols/families.h"
#include "tests/protocols/solve.h"

namespace tests {
namespace {

using protocols::Ids;
using roundtrip::ModelOptions;
using Lengths = Numbers;

const roundtrip::Registered& cycles() { return roundtrip::find_protocol("cycles"); }

Lengths lengths_of(const std::string& kind) {
  if (kind == "triangle") return {3};
  if (kind == "two_triangles") return {3, 3};
  if (kind == "three_and_four") return {4, 3};
  if (kind == "triangles") return Lengths(341, 3);
  if (kind == "squares") return Lengths(256, 4);
  if (kind == "one") return {1024};
  if (kind == "two") return {511, 512};
  if (kind == "every") {
    Lengths lengths;
    for (std::uint64_t length = 3; length <= 20; ++length) lengths.insert(lengths.end(), {length, length});
    return lengths;
  }
  if (kind == "long_and_short") {
    Lengths lengths(100, 3);
    lengths.insert(lengths.begin() + 50, 2000);
    return lengths;
  }
  if (kind == "powers") return {4, 8, 16, 32, 64, 128, 256, 512, 1024};
  if (kind == "around_powers") return {3, 5, 7, 9, 15, 17, 31, 33, 63, 65, 127, 129, 255, 257};
  throw std::logic_error("no lengths are called " + kind);
}

/// A variant, with or without labels, on cycles.
class Cycles : public testing::TestWithParam<std::tuple<std::string, bool, std::string>> {
 protected:
  const protocols::Settings settings{std::get<0>(GetParam()), std::get<1>(GetParam())};
  const Lengths lengths = lengths_of(std::get<2>(GetParam()));

  /// The model that the options choose counts the cycles.
  Finished counts_cycles(const protocols::Graph& graph, const ModelOptions& options) {
    const auto model = roundtrip::choose_model(options, cycles(), settings, shape_of(graph));
    auto run = solve(cycles(), settings, model, graph);
    EXPECT_EQ(run.answer.value, lengths.size());
    EXPECT_LE(run.answer.retries, settings.variant == "sample" ? 1U : 0U);
    if (settings.labels) expect_labels(run, flood(graph));
    expect_within_bounds(run);
    return run;
  }

  template <class Test>
  void for_each_graph(std::uint64_t seeds, Test&& test) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      for (const auto ids : {Ids::random, Ids::as_given}) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << (ids == Ids::random ? " random" : " as given"));
        test(graph_of(cycles_of(lengths, seed), ids, seed), seed);
      }
    }
  }
};

TEST_P(Cycles, AreCountedByTheDefaultModel) {
  for_each_graph(3, [&](const auto& graph, std::uint64_t seed) {
    ModelOptions options;
    options.seed = seed;
    counts_cycles(graph, options);
  });
}

TEST_P(Cycles, AreCountedForOtherDeltas) {
  for (const double delta : {.3, .7, 1.}) {
    SCOPED_TRACE(testing::Message() << "delta " << delta);
    for_each_graph(1, [&](const auto& graph, std::uint64_t) {
      ModelOptions options;
      options.delta = delta;
      // 8 N^.3 can be less than what a machine has to hold, and is refused then.
      const auto model = model_or_refusal(options, cycles(), settings, shape_of(graph));
      ASSERT_TRUE(model || delta < .5);
      if (model) counts_cycles(graph, options);
    });
  }
}

TEST_P(Cycles, AreCountedInTheLeastMemoryAndInNoLess) {
  for_each_graph(3, [&](const auto& graph, std::uint64_t seed) {
    ModelOptions options;
    options.words = "min";
    options.seed = seed;
    const auto least = counts_cycles(graph, options).model.memory.count;
    options.words = std::to_string(least - 1);
    EXPECT_FALSE(model_or_refusal(options, cycles(), settings, shape_of(graph)));
  });
}

TEST_P(Cycles, AreCountedOnAnyNumberOfMachines) {
  for (const auto machines : Numbers{1, 2, 3, 5, 8, 64, 1000}) {
    SCOPED_TRACE(testing::Message() << machines << " machines");
    for_each_graph(1, [&](const auto& graph, std::uint64_t) {
      ModelOptions options;
      options.machines = machines;
      options.words = "min";
      counts_cycles(graph, options);
      options.words = std::to_string(10 * graph.active + 100);
      counts_cycles(graph, options);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Cycles,
                         testing::Combine(testing::Values("sample", "doubling"), testing::Bool(),
                                          testing::Values("triangle", "two_triangles", "three_and_four", "triangles", "squares", "one",
                                                          "two", "every", "long_and_short", "powers", "around_powers")),
                         [](const auto& test) {
                           return std::get<0>(test.param) + (std::get<1>(test.param) ? "_labels_" : "_") + std::get<2>(test.param);
                         });

/// A run with a given s on the machines that follow from it.
Finished run_with(const protocols::Graph& graph, const protocols::Settings& settings, std::uint64_t words, std::uint64_t seed = 1) {
  ModelOptions options;
  options.words = std::to_string(words);
  options.seed = seed;
  return solve(cycles(), settings, roundtrip::choose_model(options, cycles(), settings, shape_of(graph)), graph);
}

TEST(CyclesOfEveryLength, AreCountedAloneAndInPairs) {
  for (const auto* variant : {"sample", "doubling"}) {
    for (std::uint64_t length = 3; length <= 70; ++length) {
      for (const auto& lengths : {Lengths{length}, {length, length}, {3, length}}) {
        SCOPED_TRACE(testing::Message() << variant << " " << lengths.size() << " of " << length);
        const auto graph = graph_of(cycles_of(lengths, length), Ids::random, length);
        ModelOptions options;
        options.words = "min";
        const protocols::Settings settings{variant, true};
        const auto run = solve(cycles(), settings, roundtrip::choose_model(options, cycles(), settings, shape_of(graph)), graph);
        EXPECT_EQ(run.answer.value, lengths.size());
        expect_labels(run, flood(graph));
        expect_within_bounds(run);
      }
    }
  }
}

/// 46 anchors do not meet 341 triangles: doubling goes on.
TEST(CyclesWithoutAnchors, AreCountedAfterARetry) {
  const auto graph = graph_of(cycles_of(Lengths(341, 3), 1), Ids::random, 1);
  for (const bool labels : {false, true}) {
    const auto run = run_with(graph, {"sample", labels}, 362);
    ASSERT_EQ(run.model.machines, 46U);
    EXPECT_EQ(run.answer.retries, 1U);
    EXPECT_EQ(run.answer.value, 341U);
    // floor(log2 1023) + 3 + 2T; with labels a list of 48 words to 46 machines, 3 of them a round, takes 3 rounds, and twice.
    const std::uint64_t fan_out = (362 - (3 * 23 + 5 + 48)) / 48;
    EXPECT_EQ(fan_out, 5U);
    EXPECT_EQ(run.bounds.rounds, labels ? 9 + 3 + 1 + 2 * 3U : 9 + 3 + 2U);
    EXPECT_EQ(run.ledger.rounds.size(), run.bounds.rounds);
  }
}

/// One cycle, whose anchors do not see each other after the sampled doublings: then they do, and nothing is counted twice or not at all.
TEST(CyclesWithALongGap, AreCountedAfterARetry) {
  for (const bool labels : {false, true}) {
    int retries = 0;
    for (std::uint64_t seed = 1; seed <= 200 && retries < 3; ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << (labels ? " labels" : ""));
      const auto graph = graph_of(cycles_of({1100}, 1), Ids::random, seed);
      const auto run = run_with(graph, {"sample", labels}, 560, seed);
      retries += static_cast<int>(run.answer.retries);
      EXPECT_EQ(run.answer.value, 1U);
      if (labels) expect_labels(run, flood(graph));
      expect_within_bounds(run);
    }
    EXPECT_GT(retries, 0);
  }
}

TEST(CyclesBounds, DeclaredRounds) {
  const auto declared = [](std::uint64_t n, std::uint64_t machines, std::uint64_t memory, const char* variant, std::uint64_t retries = 0) {
    mpc::Model model;
    model.input_words = 2 * n;
    model.n = n;
    model.machines = machines;
    model.memory = mpc::Words{memory};
    return cycles().bounds(model, protocols::Shape{n, n}, {variant, false}, retries).rounds;
  };
  // (8n/s) ln n = 8192 * 13.863 = 113566: 17 doublings; 256^2 > 16384.
  EXPECT_EQ(declared(1 << 20, 16384, 1024, "sample"), 17 + 2 + 2U);
  EXPECT_EQ(declared(1 << 20, 16384, 1024, "sample", 1), 20 + 3 + 4U);
  EXPECT_EQ(declared(1 << 20, 16384, 1024, "doubling"), 20 + 1 + 2U);
  EXPECT_EQ(declared((1 << 20) - 1, 16384, 1024, "doubling"), 19 + 1 + 2U);
  EXPECT_EQ(declared(1023, 256, 64, "doubling"), 9 + 1 + 2U);
  EXPECT_EQ(declared(1023, 257, 64, "doubling"), 9 + 1 + 3U);
  // (8n/s) ln n = 7.99 * 6.93 = 55.4.
  EXPECT_EQ(declared(1023, 16, 1024, "sample"), 6 + 2 + 1U);
  // Never more doublings than floor(log2 n).
  EXPECT_EQ(declared(1023, 256, 64, "sample"), 9 + 2 + 2U);
  EXPECT_EQ(declared(3, 1, 64, "sample"), 0 + 2 + 1U);  // 8n/s * ln n = 0.41
  EXPECT_EQ(declared(3, 1, 64, "doubling"), 1 + 1 + 1U);
  EXPECT_EQ(declared(4, 1, 64, "doubling"), 2 + 1 + 1U);
  EXPECT_EQ(declared(0, 1, 1, "sample"), 0U);
}

TEST(CyclesBounds, MeasuredRoundsAreTheDeclaredOnes) {
  for (const auto n : Numbers{1000, 1024, 5000}) {
    const auto graph = graph_of(cycles_of({n / 2, n - n / 2}, n), Ids::random, 1);
    const auto doubling = run_with(graph, {"doubling", false}, 512);
    EXPECT_EQ(doubling.ledger.rounds.size(), doubling.bounds.rounds);
    const auto sample = run_with(graph, {"sample", false}, 512);
    ASSERT_EQ(sample.answer.retries, 0U);
    EXPECT_EQ(sample.ledger.rounds.size(), sample.bounds.rounds);
    EXPECT_LT(sample.ledger.rounds.size(), doubling.ledger.rounds.size());
  }
}

TEST(CyclesOfNothing, AreNone) {
  const auto graph = graph_of({}, Ids::random, 1);
  const auto run = solve(cycles(), {"sample", true}, roundtrip::choose_model({}, cycles(), {"sample", true}, protocols::Shape{}), graph);
  EXPECT_EQ(run.answer.value, 0U);
  EXPECT_TRUE(run.ledger.rounds.empty());
}

TEST(CyclesCheck, NamesAVertexOfAnotherDegree) {
  mpc::SingleRank alone;
  const auto refusal = [&](const Edges& edges) -> std::string {
    try {
      cycles().check(graph_of(edges, Ids::random, 1), alone);
      return "";
    } catch (const mpc::InputError& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal(cycles_of({3, 4, 5}, 1)), "");
  EXPECT_NE(refusal({{10, 20}, {20, 30}}).find("vertex 10 has degree 1"), std::string::npos);
  EXPECT_NE(refusal({{1, 2}, {2, 3}, {3, 1}, {7, 7}}).find("vertex 7 has degree 0"), std::string::npos);
  EXPECT_NE(refusal({{1, 2}, {2, 3}, {3, 1}, {3, 4}, {4, 5}, {5, 3}}).find("vertex 3 has degree 4"), std::string::npos);
}

}  // namespace
}  // namespace tests
