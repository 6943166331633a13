#include <gtest/gtest.h>

#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"
#include "mpc/transport/scrambled.h"

#include "protocols/graph/generators.h"
#include "protocols/graph/spread.h"

#include "bench/command/problem.h"
#include "bench/command/verify.h"

#include "tests/protocols/families.h"
#include "tests/protocols/solve.h"
#include "tests/support/world.h"

namespace tests {
namespace {

using protocols::Ids;

/// A run on all ranks is the run in one process: the same answer, labels and digest.
void expect_the_same_run(const char* name, const protocols::Settings& settings, const Edges& edges,
                         const roundtrip::ModelOptions& options) {
  SCOPED_TRACE(testing::Message() << name << " " << settings.variant << " " << edges.size() << " edges");
  auto& ranks = world();
  const auto& protocol = roundtrip::find_protocol(name);
  const auto whole = graph_of(edges, Ids::random, 1);
  const auto model = roundtrip::choose_model(options, protocol, settings, shape_of(whole));
  const auto alone = solve(protocol, settings, model, whole);

  const auto by_vertex = [](std::vector<protocols::VertexLabel> labels) {
    std::ranges::sort(labels);
    return labels;
  };
  const auto expect_same = [&](mpc::Transport& transport) {
    SCOPED_TRACE(transport.name());
    // A rank brings every size()-th edge.
    Edges mine;
    for (auto k = static_cast<std::size_t>(ranks.rank()); k < edges.size(); k += static_cast<std::size_t>(ranks.size())) {
      mine.push_back(edges[k]);
    }
    auto graph = protocols::build({mine, protocols::Declared::seen, 0, "test"}, Ids::random, 1, ranks);
    const auto together = solve(protocol, settings, model, std::move(graph), transport);
    EXPECT_EQ(together.answer.value, alone.answer.value);
    EXPECT_EQ(together.answer.retries, alone.answer.retries);
    EXPECT_EQ(together.ledger.digest(), alone.ledger.digest());
    EXPECT_EQ(together.ledger.rounds.size(), alone.ledger.rounds.size());
    std::vector<std::uint64_t> words;
    for (const auto& [vertex, label] : together.answer.labels) words.insert(words.end(), {vertex, label});
    words = ranks.gather(words);
    std::vector<protocols::VertexLabel> labels;
    for (std::size_t i = 0; i < words.size(); i += 2) labels.push_back({words[i], words[i + 1]});
    EXPECT_EQ(by_vertex(labels), by_vertex(alone.answer.labels));
  };
  mpc::MpiTransport mpi(ranks);
  expect_same(mpi);
  mpc::Scrambled scrambled(mpi, 99);
  expect_same(scrambled);
}

/// The same for inputs of other kinds, as the options name them.
void expect_the_same_run(const roundtrip::ProblemOptions& options) {
  const auto run = [&](mpc::Transport& transport) {
    auto& ranks = transport.ranks();
    auto problem = roundtrip::load_problem(options, true, ranks);
    mpc::Cluster cluster(problem.model, transport);
    const auto whole = problem.input->whole(ranks);
    const auto input = problem.input->deal(problem.model, cluster.machines_here(), ranks);
    auto answer = problem.protocol.run(cluster, input, problem.settings);
    Finished finished{problem.model, problem.bounds(0), std::move(answer), cluster.finish()};
    roundtrip::Verification verification;
    roundtrip::verify(problem, finished.answer, whole, verification, ranks);
    EXPECT_EQ(verification.verdict, roundtrip::Verdict::verified);
    expect_within_bounds(finished);
    return finished;
  };
  mpc::InProcess in_process;
  const auto alone = run(in_process);
  const auto expect_same = [&](mpc::Transport& transport) {
    SCOPED_TRACE(transport.name());
    const auto together = run(transport);
    EXPECT_EQ(together.answer.value, alone.answer.value);
    EXPECT_EQ(together.ledger.digest(), alone.ledger.digest());
    // In rank order they are in the order of the items.
    const auto words = world().gather(protocols::words_of(std::span(together.answer.labels)));
    EXPECT_EQ(protocols::items_of<protocols::VertexLabel>(words), alone.answer.labels);
  };
  mpc::MpiTransport mpi(world());
  expect_same(mpi);
  mpc::Scrambled scrambled(mpi, 99);
  expect_same(scrambled);
}

roundtrip::ModelOptions with_machines(std::uint64_t machines) {
  roundtrip::ModelOptions options;
  options.machines = machines;
  options.words = "100000";
  return options;
}

TEST(Ranks, DoNotMatterForConnectivity) {
  for (const auto* variant : {"local-contraction", "alt"}) {
    for (const auto* family : {"path", "star", "grid", "er", "rmat", "tiny", "one_edge", "none"}) {
      SCOPED_TRACE(family);
      expect_the_same_run("connectivity", {variant, false}, edges_of(family, 2000, 1), {});
    }
    // Fewer machines than ranks, and a number that no number of ranks divides.
    for (const auto machines : Numbers{1, 2, 3, 17}) {
      expect_the_same_run("connectivity", {variant, false}, edges_of("tree", 500, 1), with_machines(machines));
    }
  }
}

TEST(Ranks, DoNotMatterForOtherVariantsOfConnectivity) {
  for (const auto* variant : {"fastsv", "hash-min", "hash-to-min", "forests"}) {
    for (const auto* family : {"path", "hubs", "er"})
      expect_the_same_run("connectivity", {variant, false}, edges_of(family, 300, 1), with_machines(17));
  }
}

/// In the least memory forests meet two by two.
TEST(Ranks, DoNotMatterForForestsOnManyLevels) {
  for (const auto machines : Numbers{1, 2, 5, 17}) {
    roundtrip::ModelOptions little;
    little.machines = machines;
    little.words = "min";
    for (const auto* family : {"path", "er"}) expect_the_same_run("connectivity", {"forests", false}, edges_of(family, 300, 1), little);
  }
}

TEST(Ranks, DoNotMatterForCombiningTrees) {
  roundtrip::ModelOptions little;
  little.words = "min";
  for (const auto* variant : {"local-contraction", "alt", "fastsv"}) {
    expect_the_same_run("connectivity", {variant, false}, edges_of("hubs", 6000, 1), little);
  }
}

TEST(Ranks, DoNotMatterForCycles) {
  for (const auto* variant : {"sample", "doubling"}) {
    for (const auto& lengths : {Numbers{1000, 1001}, Numbers{3, 4, 5, 6, 7}, Numbers(300, 3)}) {
      for (const bool labels : {false, true}) expect_the_same_run("cycles", {variant, labels}, cycles_of(lengths, 1), {});
      for (const auto machines : Numbers{1, 2, 3, 17}) {
        expect_the_same_run("cycles", {variant, true}, cycles_of(lengths, 1), with_machines(machines));
      }
    }
  }
}

TEST(Ranks, DoNotMatterForKhop) {
  for (const auto* spec : {"sequence:0,1", "sequence:1,1", "sequence:50,3", "sequence:3000,4", "sequence:1000,500"}) {
    for (const std::uint64_t k : {0, 1, 6, 64}) {
      for (const std::optional<std::uint64_t> machines : {std::optional<std::uint64_t>(), {1}, {3}, {17}}) {
        SCOPED_TRACE(testing::Message() << spec << " k = " << k << " on " << machines.value_or(0) << " machines");
        roundtrip::ProblemOptions options;
        options.protocol = "khop";
        options.input = spec;
        options.k = k;
        options.model.machines = machines;
        options.model.words = "min";
        expect_the_same_run(options);
      }
    }
  }
}

TEST(Ranks, DoNotMatterForCompose) {
  for (const auto& [n, k] : {std::pair{1, 0}, {1, 5}, {7, 0}, {7, 1}, {50, 6}, {300, 16}}) {
    for (const std::optional<std::uint64_t> machines : {std::optional<std::uint64_t>(), {1}, {3}, {17}}) {
      SCOPED_TRACE(testing::Message() << k << " maps of " << n << " points on " << machines.value_or(0) << " machines");
      roundtrip::ProblemOptions options;
      options.protocol = "compose";
      options.n = n;
      options.k = k;
      options.model.machines = machines;
      options.model.words = "min";
      expect_the_same_run(options);
    }
  }
}

}  // namespace
}  // namespace tests
