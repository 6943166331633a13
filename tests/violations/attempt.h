#pragma once

#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "mpc/cluster.h"

#include "tests/support/transports.h"

namespace tests {

/// How a run ended on this rank.
struct Outcome {
  std::string text;  ///< empty: it did not end early
  mpc::Exit exit = mpc::Exit::done;
  std::optional<mpc::Violation> violation;
  mpc::Ledger completed;
};

using Protocol = std::function<void(mpc::Cluster&)>;

inline Outcome attempt(const mpc::Model& model, mpc::Transport& transport, const Protocol& protocol) {
  mpc::Cluster cluster(model, transport);
  Outcome outcome;
  try {
    protocol(cluster);
    cluster.finish();
  } catch (const mpc::ViolationError& error) {
    outcome = {error.what(), error.exit(), error.violation(), {}};
  } catch (const mpc::Error& error) {
    outcome = {error.what(), error.exit(), std::nullopt, {}};
  }
  // Collective: a rank that left alone, or that did not leave, shows here.
  outcome.completed = cluster.completed();
  return outcome;
}

/// One process is the measure; every transport, on every rank, ends with the same text, exit code and rounds. Returns that outcome.
inline Outcome attempt_everywhere(const mpc::Model& model, const Protocol& protocol) {
  Outcome first;
  for (const auto* name : all_transports) {
    SCOPED_TRACE(name);
    Carrier carrier(name);
    const auto outcome = attempt(model, *carrier, protocol);
    if (name == all_transports[0]) first = outcome;
    EXPECT_EQ(outcome.text, first.text);
    EXPECT_EQ(outcome.exit, first.exit);
    EXPECT_EQ(outcome.completed.rounds.size(), first.completed.rounds.size());
    EXPECT_EQ(outcome.completed.digest(), first.completed.digest());
  }
  return first;
}

}  // namespace tests
