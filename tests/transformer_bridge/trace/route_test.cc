#include "transformer_bridge/trace/route.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "tests/transformer_bridge/trace/compiled_run.h"
#include "tests/transformer_bridge/trace/small_protocols.h"

namespace bridge {
namespace {

/// A trace of nothing but ids, and columns for what one head reads.
struct OneHead {
  Trace trace;
  ScheduledLayer layer{"round", {}, {}, {}, {}};
  Atom present = 0, value = 0, received = 0;
  std::vector<Atom> destination;

  explicit OneHead(unsigned bits, bool always) {
    const auto column = [&](const std::string& name) { return atom_of(trace.circuit.column(name)); };
    const auto value_of = [](Atom atom) {
      Expression e;
      e.terms.emplace_back(atom, 1.0);
      return e;
    };
    ScheduledHead head{"round, letter 0"};
    for (unsigned i = 0; i < bits; ++i) {
      trace.own_id.push_back(column("id"));
      destination.push_back(column("destination"));
      head.destination.push_back(value_of(destination.back()));
    }
    present = column("present");
    value = column("value");
    received = column("received");
    head.present = always ? Bit(1) : value_of(present);
    head.brought.emplace_back(received, value_of(value));
    layer.heads.push_back(head);
  }

  std::map<Atom, double> row(std::uint64_t id, std::uint64_t to, bool sends) const {
    std::map<Atom, double> values{{present, sends ? 1 : 0}, {value, 0}, {received, 0}};
    for (std::size_t i = 0; i < destination.size(); ++i) {
      values[trace.own_id[i]] = static_cast<double>(id >> i & 1);
      values[destination[i]] = static_cast<double>(to >> i & 1);
    }
    return values;
  }
};

double logit(const Circuit& circuit, const HeadPlan& plan, const std::map<Atom, double>& query, const std::map<Atom, double>& key) {
  double sum = 0;
  for (const auto& [q, k] : plan.logit) sum += circuit.evaluate(q, query) * circuit.evaluate(k, key);
  return sum;
}
double start_logit(const Circuit& circuit, const HeadPlan& plan, const std::map<Atom, double>& query) {
  double sum = 0;
  for (std::size_t c = 0; c < plan.logit.size(); ++c) sum += circuit.evaluate(plan.logit[c].first, query) * plan.start->at(c);
  return sum;
}

/// Every id against every destination, and senders that send nothing.
TEST(Routes, MatchesScoreMostThenTheStartTokenThenTheRest) {
  for (const unsigned bits : {1U, 2U, 3U, 4U}) {
    for (const bool always : {false, true}) {
      const OneHead one(bits, always);
      const auto plans = route(one.trace, one.layer, {{one.received, 7}});
      ASSERT_EQ(plans.size(), 1U);
      const auto& plan = plans.front();
      ASSERT_TRUE(plan.start);
      ASSERT_EQ(plan.start->size(), plan.logit.size());
      const double a = bits;
      for (std::uint64_t own = 0; own < (1U << bits); ++own) {
        const auto receiver = one.row(own, 0, false);
        EXPECT_EQ(start_logit(one.trace.circuit, plan, receiver), a - 1);
        for (std::uint64_t to = 0; to < (1U << bits); ++to) {
          for (const bool sends : {false, true}) {
            const auto score = logit(one.trace.circuit, plan, receiver, one.row(own ^ 1, to, sends));
            if (to == own && (sends || always)) {
              EXPECT_EQ(score, a);
            } else {
              EXPECT_LE(score, a - 2) << bits << " bits, " << own << " reads " << to << ", " << sends;
            }
            EXPECT_LE(std::abs(score), largest_logit(one.trace.circuit, plan));
          }
        }
      }
    }
  }
}

/// Of a row that gets a letter and of one that gets none: what is largest is ahead by the margin that proofs use.
TEST(Routes, KeepTheMargin) {
  for (const unsigned bits : {1U, 3U}) {
    const OneHead one(bits, false);
    const auto plan = route(one.trace, one.layer, {{one.received, 7}}).front();
    double least = std::numeric_limits<double>::infinity();
    const auto count = std::uint64_t{1} << bits;
    for (std::uint64_t own = 0; own < count; ++own) {
      for (const bool mail : {false, true}) {
        std::vector<double> scores{start_logit(one.trace.circuit, plan, one.row(own, 0, false))};
        for (std::uint64_t from = 0; from < count; ++from) {
          // All write to the next one; who writes to `own` does, or does not.
          const auto to = (from + 1) % count;
          scores.push_back(logit(one.trace.circuit, plan, one.row(own, 0, false), one.row(from, to, to != own || mail)));
        }
        std::ranges::sort(scores, std::greater<>());
        least = std::min(least, scores[0] - scores[1]);
      }
    }
    EXPECT_EQ(least, routing_margin);
  }
}

TEST(Routes, BringWhatTheScheduleSays) {
  const OneHead one(2, false);
  const auto plan = route(one.trace, one.layer, {{one.received, 7}}).front();
  EXPECT_EQ(plan.name, "round, letter 0");
  ASSERT_EQ(plan.brought.size(), 1U);
  EXPECT_EQ(plan.brought[0].first, 7U);
  EXPECT_EQ(plan.brought[0].second, one.layer.heads[0].brought[0].second);
  EXPECT_EQ(plan.mask.kind(), Mask::Kind::none);
  EXPECT_THROW(route(one.trace, one.layer, {}), std::out_of_range);
}

TEST(Routes, AreAsManyAsHeads) {
  const auto trace = tests::trace_of(tests::Gossip<8>(), tests::model_of(5, 8), 3);
  const auto scheduled = schedule(trace);
  const auto columns = allocate(scheduled);
  const std::size_t heads[] = {3, 2, 2, 1};  // items to three slots; two letters; two answers; one
  ASSERT_EQ(scheduled.layers.size(), std::size(heads));
  for (std::size_t l = 0; l < scheduled.layers.size(); ++l)
    EXPECT_EQ(route(trace, scheduled.layers[l], columns.received[l]).size(), heads[l]);
}

}  // namespace
}  // namespace bridge
