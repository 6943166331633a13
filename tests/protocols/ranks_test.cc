#include <gtest/gtest.h>

#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"
#include "mpc/transport/scrambled.h"

#include "protocols/graph/generators.h"

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

}  // namespace
}  // namespace tests
