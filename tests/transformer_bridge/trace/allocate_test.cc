#include "transformer_bridge/trace/allocate.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "protocols/straight_line/bitonic_sort.h"
#include "protocols/straight_line/compose_maps.h"
#include "protocols/straight_line/label_cycles.h"

#include "tests/transformer_bridge/trace/compiled_run.h"
#include "tests/transformer_bridge/trace/small_protocols.h"

namespace bridge {
namespace {

std::set<Atom> atoms_of(const std::map<Atom, std::size_t>& columns) {
  std::set<Atom> atoms;
  for (const auto& [atom, column] : columns) atoms.insert(atom);
  return atoms;
}
std::set<Atom> set_of(const std::vector<Atom>& atoms) { return {atoms.begin(), atoms.end()}; }

/// What every allocation keeps to.
void expect_sound(const Schedule& schedule) {
  const auto layers = schedule.layers.size();
  const auto result = allocate(schedule);
  ASSERT_EQ(result.held.size(), layers + 1);
  ASSERT_EQ(result.received.size(), layers);
  std::size_t peak = 0;
  for (std::size_t l = 0; l <= layers; ++l) {
    EXPECT_EQ(atoms_of(result.held[l]), set_of(l < layers ? schedule.layers[l].held : schedule.end)) << l;
    std::set<std::size_t> taken;
    for (const auto& [atom, column] : result.held[l]) EXPECT_TRUE(taken.insert(column).second) << "column " << column << " twice";
    if (l < layers) {
      EXPECT_EQ(atoms_of(result.received[l]), set_of(schedule.layers[l].received)) << l;
      for (const auto& [atom, column] : result.received[l]) EXPECT_TRUE(taken.insert(column).second) << "received over column " << column;
      // A value stays where it is.
      for (const auto* before : {&result.held[l], &result.received[l]}) {
        for (const auto& [atom, column] : *before) {
          const auto later = result.held[l + 1].find(atom);
          EXPECT_TRUE(later == result.held[l + 1].end() || later->second == column);
        }
      }
    }
    for (const auto column : taken) EXPECT_LT(column, result.width);
    peak = std::max(peak, taken.size());
  }
  EXPECT_EQ(result.width, peak);
}

TEST(Allocations, AreSoundForEveryProtocol) {
  using tests::model_of;
  using tests::trace_of;
  for (const std::uint64_t q : {1U, 2U, 5U, 8U, 13U}) {
    expect_sound(schedule(trace_of(protocols::BitonicSort(), model_of(q, 4), 1)));
    expect_sound(schedule(trace_of(protocols::LabelCycles(), model_of(q, 4), 1)));
    expect_sound(schedule(trace_of(protocols::ComposeMaps(3), model_of(q, 2), 3)));
    expect_sound(schedule(trace_of(tests::Gossip<8>(), model_of(q, 8), 3)));
    expect_sound(schedule(trace_of(tests::Corners(), model_of(q, 7), 1)));
    expect_sound(schedule(trace_of(tests::Late(), model_of(q, 6), 2)));
    expect_sound(schedule(trace_of(tests::Reverse(), model_of(q, 5), 1)));
    expect_sound(schedule(trace_of(tests::Silence(), model_of(q, 6), 2)));
  }
}

ScheduledLayer layer_of(std::vector<Atom> held, std::vector<Atom> received, const std::vector<Atom>& made) {
  ScheduledLayer layer{"", std::move(held), {}, std::move(received), {}};
  for (const auto atom : made) layer.made.push_back({atom, 0});
  return layer;
}

TEST(Allocations, GiveColumnsBackWhereValuesEnd) {
  Schedule schedule;
  // 0 and 1 end in the first layer, 2 stays; 10 comes and goes; what is made takes the lowest columns that are free then.
  schedule.layers.push_back(layer_of({0, 1, 2}, {10}, {3, 4}));
  schedule.layers.push_back(layer_of({2, 3, 4}, {11, 12}, {5}));
  schedule.layers.push_back(layer_of({2, 5}, {}, {6, 7, 8}));
  schedule.end = {2, 6, 7, 8};
  using Columns = std::map<Atom, std::size_t>;
  const auto result = allocate(schedule);
  EXPECT_EQ(result.held,
            (std::vector<Columns>{{{0, 0}, {1, 1}, {2, 2}}, {{2, 2}, {3, 0}, {4, 1}}, {{2, 2}, {5, 0}}, {{2, 2}, {6, 0}, {7, 1}, {8, 3}}}));
  EXPECT_EQ(result.received, (std::vector<Columns>{{{10, 3}}, {{11, 3}, {12, 4}}, {}}));
  EXPECT_EQ(result.width, 5U);
  expect_sound(schedule);
}

TEST(Allocations, ReceiveIntoHoles) {
  Schedule schedule;
  schedule.layers.push_back(layer_of({0, 1, 2}, {}, {}));
  schedule.layers.push_back(layer_of({0, 2}, {10, 11}, {3}));  // column 1 is free, and the one behind
  schedule.end = {0, 2, 3};
  const auto result = allocate(schedule);
  EXPECT_EQ(result.received[1], (std::map<Atom, std::size_t>{{10, 1}, {11, 3}}));
  EXPECT_EQ(result.held[2].at(3), 1U);  // where a received value stood
  EXPECT_EQ(result.width, 4U);
  expect_sound(schedule);
}

TEST(Allocations, OfProtocolsUseColumnsAgain) {
  const auto scheduled = schedule(tests::trace_of(protocols::BitonicSort(), tests::model_of(8, 4), 1));
  const auto result = allocate(scheduled);
  std::set<Atom> values;
  for (const auto& held : result.held) values.merge(atoms_of(held));
  EXPECT_GT(values.size(), result.width);
}

}  // namespace
}  // namespace bridge
