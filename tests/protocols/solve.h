#pragma once

#include <any>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/cluster.h"
#include "mpc/transport/in_process.h"

#include "protocols/graph/graph.h"
#include "protocols/graph_input.h"
#include "protocols/protocol.h"

#include "bench/command/graph_kind.h"
#include "bench/command/model_choice.h"
#include "bench/command/registry.h"

namespace tests {

inline protocols::Shape shape_of(const protocols::Graph& graph) { return {graph.active, graph.edges}; }

/// The graph of a list of edges, on one rank.
inline protocols::Graph graph_of(std::vector<protocols::Edge> edges, protocols::Ids ids, std::uint64_t seed) {
  mpc::SingleRank alone;
  return protocols::build({std::move(edges), protocols::Declared::seen, 0, "test"}, ids, seed, alone);
}

/// A run that came to its end.
struct Finished {
  mpc::Model model;
  protocols::Bounds bounds;  ///< declared, for the path that the run took
  protocols::Answer answer;  ///< labels of this rank's machines
  mpc::Ledger ledger;
};

/// Deals the graph and runs a protocol on it. Collective.
inline Finished solve(const roundtrip::Registered& protocol, const protocols::Settings& settings, const mpc::Model& model,
                      protocols::Graph graph, mpc::Transport& transport) {
  auto& ranks = transport.ranks();
  mpc::Cluster cluster(model, transport);
  const auto input = roundtrip::deal(graph, model, cluster.machines_here(), ranks);
  auto answer = protocol.run(cluster, input, settings);
  auto ledger = cluster.finish();
  auto bounds = protocol.bounds(model, shape_of(graph), settings, answer.retries);
  return {model, bounds, std::move(answer), std::move(ledger)};
}

inline Finished solve(const roundtrip::Registered& protocol, const protocols::Settings& settings, const mpc::Model& model,
                      const protocols::Graph& graph) {
  mpc::InProcess transport;
  return solve(protocol, settings, model, graph, transport);
}

/// Which component every active vertex is in, by flooding along adjacency lists, and how many there are.
struct Flood {
  std::vector<std::uint64_t> component;
  std::uint64_t components = 0;
};
inline Flood flood(const protocols::Graph& graph) {
  std::vector<std::vector<std::uint64_t>> neighbours(graph.active);
  for (const auto& [u, v] : graph.share) {
    neighbours[u].push_back(v);
    neighbours[v].push_back(u);
  }
  constexpr auto dry = UINT64_MAX;
  Flood flood{std::vector<std::uint64_t>(graph.active, dry)};
  std::vector<std::uint64_t> shore;
  for (std::uint64_t start = 0; start < graph.active; ++start) {
    if (flood.component[start] != dry) continue;
    flood.component[start] = flood.components;
    shore.push_back(start);
    while (!shore.empty()) {
      const auto vertex = shore.back();
      shore.pop_back();
      for (const auto next : neighbours[vertex]) {
        if (flood.component[next] != dry) continue;
        flood.component[next] = flood.components;
        shore.push_back(next);
      }
    }
    ++flood.components;
  }
  return flood;
}

/// The limits of the model and the declared rounds hold.
inline void expect_within_memory(const Finished& run) {
  EXPECT_LE(run.ledger.max_kept_plus_sent(), run.model.memory.count);
  EXPECT_LE(run.ledger.max_kept_plus_received(), run.model.memory.count);
  EXPECT_LE(run.ledger.final_max_kept, run.model.memory.count);
}

inline void expect_within_bounds(const Finished& run) {
  EXPECT_LE(run.ledger.rounds.size(), run.bounds.rounds);
  expect_within_memory(run);
}

/// Every active vertex has one label, the name of a vertex of its component, and a component has one label.
inline void expect_labels(const Finished& run, const Flood& expected) {
  const auto n = expected.component.size();
  ASSERT_EQ(run.answer.labels.size(), n);
  std::vector<bool> named(n, false);
  std::map<std::uint64_t, std::uint64_t> label_of;
  for (const auto& [vertex, label] : run.answer.labels) {
    ASSERT_LT(vertex, n);
    ASSERT_FALSE(named[vertex]) << "vertex " << vertex << " is labelled twice";
    named[vertex] = true;
    ASSERT_LT(label, n);
    ASSERT_EQ(expected.component[label], expected.component[vertex]) << "vertex " << vertex << " has the label " << label;
    ASSERT_EQ(label_of.emplace(expected.component[vertex], label).first->second, label) << "vertex " << vertex;
  }
  EXPECT_EQ(label_of.size(), expected.components);
}

/// The model that the options choose, or nothing if they are refused because s is below the declared least.
inline std::optional<mpc::Model> model_or_refusal(const roundtrip::ModelOptions& options, const roundtrip::Registered& protocol,
                                                  const protocols::Settings& settings, const std::any& shape) {
  try {
    return roundtrip::choose_model(options, protocol, settings, shape);
  } catch (const mpc::Error& error) {
    EXPECT_EQ(error.exit(), mpc::Exit::over_budget) << error.what();
    return {};
  }
}

}  // namespace tests
