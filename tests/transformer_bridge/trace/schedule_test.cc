#include "transformer_bridge/trace/schedule.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocols/straight_line/bitonic_sort.h"
#include "protocols/straight_line/compose_maps.h"
#include "protocols/straight_line/label_cycles.h"
#include "protocols/straight_line/trees.h"

#include "tests/transformer_bridge/trace/compiled_run.h"
#include "tests/transformer_bridge/trace/small_protocols.h"

namespace bridge {
namespace {

using tests::model_of;
using tests::trace_of;

std::vector<Trace> all_traces() {
  std::vector<Trace> traces;
  for (const std::uint64_t q : {1U, 2U, 5U, 8U, 13U}) {
    traces.push_back(trace_of(protocols::BitonicSort(), model_of(q, 4), 1));
    traces.push_back(trace_of(protocols::LabelCycles(), model_of(q, 4), 1));
    traces.push_back(trace_of(protocols::TreeBroadcast(), model_of(q, 4), 1));
    traces.push_back(trace_of(protocols::ComposeMaps(3), model_of(q, 2), 3));
    traces.push_back(trace_of(tests::Gossip<8>(), model_of(q, 8), 3));
    traces.push_back(trace_of(tests::Corners(), model_of(q, 7), 1));
    traces.push_back(trace_of(tests::Late(), model_of(q, 6), 2));
    traces.push_back(trace_of(tests::Reverse(), model_of(q, 5), 1));
    traces.push_back(trace_of(tests::Silence(), model_of(q, 6), 2));
  }
  return traces;
}

/// The columns that an expression is made of.
void add_columns(const Circuit& circuit, const Expression& e, std::set<Atom>& columns) {
  for (const auto& [atom, weight] : e.terms) {
    const auto& unit = circuit.unit(atom);
    if (unit.is_column()) {
      columns.insert(atom);
    } else {
      add_columns(circuit, unit.input, columns);
    }
  }
}

std::set<Atom> set_of(const std::vector<Atom>& atoms) { return {atoms.begin(), atoms.end()}; }

std::set<Atom> made_in(const ScheduledLayer& layer) {
  std::set<Atom> made;
  for (const auto& column : layer.made) made.insert(column.atom);
  return made;
}

/// Held is what is needed, exactly: by a head, by what is made, or by a layer that comes later.
TEST(Schedules, HoldWhatIsNeededAndNothingElse) {
  std::size_t values = 0;
  for (const auto& trace : all_traces()) {
    const auto scheduled = schedule(trace);
    ASSERT_EQ(scheduled.layers.size(), trace.rounds.size() + 1);
    for (std::size_t l = 0; l < scheduled.layers.size(); ++l) {
      const auto& layer = scheduled.layers[l];
      const auto next = set_of(l + 1 < scheduled.layers.size() ? scheduled.layers[l + 1].held : scheduled.end);
      const auto made = made_in(layer);
      std::set<Atom> needed;
      for (const auto& column : layer.made) add_columns(scheduled.circuit, column.value, needed);
      for (const auto atom : next) {
        if (!made.contains(atom)) needed.insert(atom);
      }
      std::set<Atom> received = set_of(layer.received);
      for (const auto atom : received) EXPECT_TRUE(needed.contains(atom));  // nothing is brought in vain
      for (const auto atom : received) needed.erase(atom);
      for (const auto& head : layer.heads) {
        add_columns(scheduled.circuit, head.present, needed);
        for (const auto& bit : head.destination) add_columns(scheduled.circuit, bit, needed);
        for (const auto& [column, value] : head.brought) {
          add_columns(scheduled.circuit, value, needed);
          EXPECT_TRUE(received.contains(column));
        }
      }
      if (!layer.heads.empty()) needed.insert(trace.own_id.begin(), trace.own_id.end());
      if (l == 0) {
        const auto held = set_of(layer.held);
        EXPECT_TRUE(std::ranges::includes(held, needed));
      } else {
        EXPECT_EQ(set_of(layer.held), needed) << "layer " << l;
      }
      for (const auto atom : made) EXPECT_TRUE(next.contains(atom)) << "made in vain";
      values += next.size();
    }
  }
  EXPECT_GT(values, 1000U);
}

/// Heads read the row alone.
TEST(Schedules, HeadsAreLinear) {
  std::size_t heads = 0;
  for (const auto& trace : all_traces()) {
    const auto scheduled = schedule(trace);
    for (const auto& layer : scheduled.layers) {
      for (const auto& head : layer.heads) {
        ++heads;
        EXPECT_EQ(scheduled.circuit.depth(head.present), 0U);
        for (const auto& bit : head.destination) EXPECT_EQ(scheduled.circuit.depth(bit), 0U);
        for (const auto& [column, value] : head.brought) EXPECT_EQ(scheduled.circuit.depth(value), 0U);
        EXPECT_FALSE(head.brought.empty());
        EXPECT_EQ(head.destination.size(), trace.own_id.size());
      }
    }
  }
  EXPECT_GT(heads, 30U);
}

/// Where what is sent has units, the layer before makes a column of it.
TEST(Schedules, WhatIsSentAndNotLinearGetsAColumn) {
  const auto trace = trace_of(protocols::TreeBroadcast(), model_of(8, 4), 1);
  const auto scheduled = schedule(trace);
  const auto made_names = [&](std::size_t l) {
    std::set<std::string> names;
    for (const auto& column : scheduled.layers[l].made) names.insert(scheduled.names.at(column.atom).text());
    return names;
  };
  // Round 1 sends from machine 0 to 0 + 1: the condition and the sum are made by the first layer.
  EXPECT_TRUE(made_names(0).contains("machine.letter 0 sent[0]"));
  EXPECT_TRUE(made_names(1).contains("machine.letter 0 destination[1]"));
  EXPECT_FALSE(made_names(3).contains("machine.letter 0 sent[0]"));  // no round comes after
  EXPECT_GT(trace.circuit.depth(trace.rounds[0].sends[0].present), 0U);

  // A send of words as they are, to whom they name, needs none.
  const auto cycles = schedule(trace_of(protocols::LabelCycles(), model_of(8, 4), 1));
  for (const auto& layer : cycles.layers) {
    for (const auto& column : layer.made) {
      const auto name = cycles.names.at(column.atom).text();
      EXPECT_TRUE(&layer == &cycles.layers.front() || name.find("letter") == std::string::npos) << name;
    }
  }
}

/// A machine's word that nobody asks for again is not dealt, not held and not made.
TEST(Schedules, DeadValuesAreNowhere) {
  const auto traced = [](bool read) {
    TracingCluster cluster(model_of(4, 4), 1, 2);
    auto used = cluster.make<TracedWord>([&](const auto&) -> TracedWord { return cluster.dealt(0, 0); });
    auto idle = cluster.make<TracedWord>([&](const auto&) -> TracedWord { return cluster.dealt(0, 1); });
    for (int round = 0; round < 2; ++round) {
      cluster.round<TracedWord>(cluster.nothing(), [&](const auto& me, const auto&, auto& out) { out.send(me.id(), used[me]); });
    }
    return cluster.finish([&](const auto& me) { return std::vector<TracedWord>{used[me], read ? idle[me] : TracedWord(0)}; });
  };
  for (const bool read : {false, true}) {
    const auto trace = traced(read);
    const auto scheduled = schedule(trace);
    std::set<Atom> idle;  // columns of the word that is not used
    for (const auto& bit : trace.memory[0].at(1).bits) add_columns(trace.circuit, bit, idle);
    ASSERT_EQ(idle.size(), 4U);
    for (std::size_t l = 1; l < scheduled.layers.size(); ++l) {
      const auto held = set_of(scheduled.layers[l].held);
      EXPECT_EQ(std::ranges::includes(held, idle), read) << l;
      EXPECT_TRUE(read || std::ranges::none_of(idle, [&](Atom atom) { return held.contains(atom); }));
    }
    EXPECT_EQ(std::ranges::includes(set_of(scheduled.end), idle), read);
    std::size_t dealt = 0;
    for (const auto& head : scheduled.layers[0].heads) dealt += head.brought.size();
    EXPECT_EQ(dealt, read ? 8U : 4U);
    // Letters that nobody reads are not sent either.
    EXPECT_TRUE(scheduled.layers[1].heads.empty());
    EXPECT_TRUE(scheduled.layers[2].heads.empty());
  }
}

/// What is needed at the end stays from the layer that makes it.
TEST(Schedules, WhatIsNeededIsHeldFromWhereItIsMade) {
  const auto trace = trace_of(tests::Gossip<8>(), model_of(5, 8), 3);
  const auto scheduled = schedule(trace);
  std::set<Atom> untouched;
  for (const auto& bit : trace.memory[0].back().bits) add_columns(trace.circuit, bit, untouched);
  ASSERT_EQ(untouched.size(), 8U);
  EXPECT_TRUE(std::ranges::includes(made_in(scheduled.layers[0]), untouched));
  for (std::size_t l = 1; l < scheduled.layers.size(); ++l) {
    EXPECT_TRUE(std::ranges::includes(set_of(scheduled.layers[l].held), untouched));
    EXPECT_TRUE(std::ranges::none_of(made_in(scheduled.layers[l]), [&](Atom atom) { return untouched.contains(atom); }));
  }
  EXPECT_TRUE(std::ranges::includes(set_of(scheduled.end), untouched));
}

TEST(Schedules, TheEndIsTheAnswer) {
  for (const auto& trace : all_traces()) {
    std::set<Atom> answer;
    for (const auto& word : trace.answer) {
      for (const auto& bit : word.bits) add_columns(trace.circuit, bit, answer);
    }
    EXPECT_EQ(set_of(schedule(trace).end), answer);
  }
}

TEST(Schedules, EveryColumnThatIsHeldHasAName) {
  for (const auto& trace : all_traces()) {
    const auto scheduled = schedule(trace);
    for (const auto& layer : scheduled.layers) {
      for (const auto atom : layer.held) EXPECT_FALSE(scheduled.names.at(atom).variable.empty());
    }
  }
}

}  // namespace
}  // namespace bridge
