#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <gtest/gtest.h>

#include "mpc/cluster.h"

#include "transformer_bridge/compile/transformer_cluster.h"

#include "tests/support/transports.h"

namespace tests {

/// How a run ended on this rank.
struct Outcome {
  std::string text;  ///< empty: it did not end early
  mpc::Exit exit = mpc::Exit::done;
  std::optional<mpc::Violation> violation;
  mpc::Ledger completed;
};

/// A protocol for any cluster, with an argument, as a value.
template <class Argument>
class Program {
 public:
  template <class Function>
  constexpr Program(Function function) : on_messages_(function), as_transformer_(function) {}
  void operator()(mpc::Cluster& cluster, Argument argument) const { on_messages_(cluster, argument); }
  void operator()(bridge::TransformerCluster& cluster, Argument argument) const { as_transformer_(cluster, argument); }

 private:
  void (*on_messages_)(mpc::Cluster&, Argument);
  void (*as_transformer_)(bridge::TransformerCluster&, Argument);
};

template <class Cluster, class Protocol>
Outcome attempt(const mpc::Model& model, mpc::Transport& transport, const Protocol& protocol) {
  Cluster cluster(model, transport);
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

/// One process is the measure; every transport, on every rank, ends with the same text, exit code and rounds, and so does the same protocol
/// as a transformer, if it is one for any cluster. Returns that outcome.
template <class Protocol>
Outcome attempt_everywhere(const mpc::Model& model, const Protocol& protocol) {
  Outcome first;
  const auto expect_the_same = [&](const Outcome& outcome) {
    EXPECT_EQ(outcome.text, first.text);
    EXPECT_EQ(outcome.exit, first.exit);
    EXPECT_EQ(outcome.completed.rounds.size(), first.completed.rounds.size());
    EXPECT_EQ(outcome.completed.digest(), first.completed.digest());
  };
  for (const auto* name : all_transports) {
    SCOPED_TRACE(name);
    Carrier carrier(name);
    const auto outcome = attempt<mpc::Cluster>(model, *carrier, protocol);
    if (std::string_view(name) == all_transports[0]) first = outcome;  // literals may have several addresses
    expect_the_same(outcome);
  }
  if constexpr (std::is_invocable_v<Protocol, bridge::TransformerCluster&>) {
    for (const auto* name : {"in_process", "mpi"}) {
      SCOPED_TRACE(std::string("as a transformer, ") + name);
      Carrier carrier(name);
      expect_the_same(attempt<bridge::TransformerCluster>(model, *carrier, protocol));
    }
  }
  return first;
}

}  // namespace tests
