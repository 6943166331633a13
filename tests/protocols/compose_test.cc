#include "protocols/compose.h"

#include <gtest/gtest.h>

#include "mpc/error.h"

#include "tests/protocols/solve.h"

namespace tests {
namespace {

using protocols::Maps;

const roundtrip::Registered& compose() { return roundtrip::find_protocol("compose"); }

/// The entries that the machines hold; a test may choose others than those of the hash.
std::vector<std::uint64_t> entries_of(const Maps& maps) {
  std::vector<std::uint64_t> entries;
  for (std::uint64_t index = 0; index < maps.input_words(); ++index) entries.push_back(maps.entry(index));
  return entries;
}

/// Runs compose on one rank, and compares all images with those of one map after the other.
Finished expect_composed(const Maps& maps, const mpc::Model& model, const std::vector<std::uint64_t>& entries) {
  const protocols::Settings settings{"lookup", true, maps.maps};
  mpc::InProcess transport;
  mpc::Cluster cluster(model, transport);
  auto answer = compose().run(cluster, protocols::MapsInput(maps, model.machines, cluster.machines_here(), entries), settings);
  Finished run{model, compose().bounds(model, maps, settings, 0), std::move(answer), cluster.finish()};
  expect_within_memory(run);
  EXPECT_EQ(run.ledger.rounds.size(), run.bounds.rounds);
  EXPECT_EQ(run.bounds.rounds, maps.maps < 2 ? 0 : 2 * mpc::ceil_log(2, maps.maps));
  EXPECT_EQ(run.answer.labels.size(), maps.points);
  for (std::uint64_t x = 0; x < run.answer.labels.size(); ++x) {
    auto image = x;
    for (std::uint64_t map = 0; map < maps.maps; ++map) image = entries[map * maps.points + image];
    EXPECT_EQ(run.answer.labels[x], (protocols::VertexLabel{x, image}));
    if (x == 0) {
      EXPECT_EQ(run.answer.value, image);
    }
  }
  return run;
}

mpc::Model model_for(const Maps& maps, const std::string& words, std::optional<std::uint64_t> machines = {}) {
  roundtrip::ModelOptions options;
  options.words = words;
  options.machines = machines;
  return roundtrip::choose_model(options, compose(), {"lookup", true, maps.maps}, maps);
}

TEST(Compose, AppliesOneMapAfterTheOther) {
  for (const std::uint64_t points : {1, 2, 3, 10, 100}) {
    for (const std::uint64_t maps : {0, 1, 2, 3, 4, 5, 7, 8, 16, 33}) {
      for (const std::uint64_t machines : {1, 2, 3, 7, 64, 1000}) {
        SCOPED_TRACE(testing::Message() << maps << " maps of " << points << " points, " << machines << " machines");
        const Maps some{points, maps, points + maps};
        expect_composed(some, model_for(some, "min", machines), entries_of(some));
      }
    }
  }
}

TEST(Compose, IsRightInTheDefaultModel) {
  for (const auto& maps : {Maps{2000, 9, 1}, Maps{20, 300, 2}, Maps{1, 1000, 3}, Maps{9000, 2, 4}, Maps{6000, 3, 5}, Maps{5000, 4, 6}})
    expect_composed(maps, model_for(maps, ""), entries_of(maps));
}

TEST(Compose, AgreesWithItsOracle) {
  const Maps maps{50, 6, 7};
  const auto run = expect_composed(maps, model_for(maps, "min"), entries_of(maps));
  const auto expected = compose().oracle(maps, {});
  EXPECT_EQ(expected.value, run.answer.value);
  for (std::uint64_t x = 0; x < maps.points; ++x) EXPECT_EQ(expected.labels[x], run.answer.labels[x].label);
}

/// All images are the same point: a machine asks for it once, and no owner hears of it more often than there are machines.
TEST(Compose, OfConstantMapsAsksForAHotEntryOncePerMachine) {
  const Maps maps{1000, 4, 1};
  const std::vector<std::uint64_t> zeros(maps.input_words(), 0);
  const auto model = model_for(maps, "min", 40);  // 100 entries each, 10 machines for a map
  const auto run = expect_composed(maps, model, zeros);
  ASSERT_EQ(run.ledger.rounds.size(), 4U);
  EXPECT_EQ(run.ledger.rounds[0].messages, 20U);
  EXPECT_EQ(run.ledger.rounds[2].messages, 10U);
}

TEST(Compose, RefusesLessThanItsLeast) {
  const Maps maps{100, 5, 1};
  const auto least = model_for(maps, "min", 10).memory.count;
  // 50 entries each; w = 3 machines hold a map, and all 100 + 50 requests may come at once.
  EXPECT_EQ(least, 50 + 1 + 150U);
  roundtrip::ModelOptions options;
  options.machines = 10;
  options.words = std::to_string(least - 1);
  EXPECT_FALSE(model_or_refusal(options, compose(), {"lookup", true, 5}, maps));
  // Many points: the likely load, far below n.
  for (const std::uint64_t k : {2, 3, 4, 5, 8, 64}) {
    SCOPED_TRACE(testing::Message() << k << " maps");
    EXPECT_LT(model_for({1 << 20, k, 1}, "").memory.count, 1U << 17);
  }
}

}  // namespace
}  // namespace tests
