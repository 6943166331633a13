#include <algorithm>
#include <mutex>
#include <optional>

#include <gtest/gtest.h>

#include "mpc/checkpoint/checkpoints.h"

#include "tests/protocols/families.h"
#include "tests/protocols/solve.h"
#include "tests/support/ranks_transport.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/threaded_ranks.h"

namespace tests {
namespace {

using protocols::Ids;

struct Case {
  const char *protocol, *variant;
  bool labels;
};

class Resumed : public testing::TestWithParam<Case> {
 protected:
  struct Outcome {
    std::optional<std::uint64_t> value;
    std::uint64_t retries = 0, digest = 0;
    std::size_t rounds = 0;
    std::vector<protocols::VertexLabel> labels;
    friend bool operator==(const Outcome&, const Outcome&) = default;
  };

  /// A run on ranks that are threads; a rank brings every size()-th edge.
  Outcome run(const Edges& edges, int size, const std::filesystem::path& write, const std::filesystem::path& resume) const {
    const auto& [name, variant, labels] = GetParam();
    const auto& protocol = roundtrip::find_protocol(name);
    const protocols::Settings settings{variant, labels};
    const auto whole = graph_of(edges, Ids::random, 1);
    auto options = roundtrip::ModelOptions();
    options.words = "min";
    options.machines = 17;
    const auto model = roundtrip::choose_model(options, protocol, settings, shape_of(whole));
    Outcome outcome;
    std::mutex mutex;
    ThreadedRanks::run(size, [&](mpc::Ranks& ranks) {
      Edges mine;
      for (auto k = static_cast<std::size_t>(ranks.rank()); k < edges.size(); k += static_cast<std::size_t>(size)) mine.push_back(edges[k]);
      auto graph = protocols::build({mine, protocols::Declared::seen, 0, "test"}, Ids::random, 1, ranks);
      RanksTransport transport(ranks);
      mpc::Checkpoints checkpoints(ranks);
      if (!resume.empty()) checkpoints.resume_from(resume);
      if (!write.empty()) checkpoints.write_to({write, 1, 1000});
      mpc::Cluster cluster(model, transport);
      cluster.use(checkpoints);
      const auto input = roundtrip::deal(graph, model, cluster.machines_here(), ranks);
      auto answer = protocol.run(cluster, input, settings);
      const auto ledger = cluster.finish();
      const std::lock_guard lock(mutex);
      outcome.value = answer.value;
      outcome.retries = answer.retries;
      outcome.digest = ledger.digest();
      outcome.rounds = ledger.rounds.size();
      outcome.labels.insert(outcome.labels.end(), answer.labels.begin(), answer.labels.end());
    });
    std::ranges::sort(outcome.labels);
    return outcome;
  }

  /// After every round, on other numbers of ranks: the same value, digest and labels.
  void expect_the_same(const Edges& edges) const {
    const TemporaryFolder folder;
    const auto undisturbed = run(edges, 3, folder.path(), {});
    const auto checkpoints = mpc::CheckpointFolder(folder.path());
    ASSERT_EQ(checkpoints.rounds().size(), undisturbed.rounds);
    ASSERT_GE(undisturbed.rounds, 4U);
    for (const auto round : checkpoints.rounds()) {
      const int ranks = round % 2 == 0 ? 2 : 4;
      SCOPED_TRACE("round " + std::to_string(round) + " on " + std::to_string(ranks) + " ranks");
      EXPECT_EQ(run(edges, ranks, {}, checkpoints.of(round)), undisturbed);
    }
  }
};

TEST_P(Resumed, IsTheUndisturbedRun) {
  if (GetParam().protocol == std::string("cycles")) {
    expect_the_same(cycles_of({300, 301}, 1));
    expect_the_same(cycles_of(Numbers(60, 3), 1));  // cycles without an anchor: the sample goes on to the end
  } else {
    expect_the_same(edges_of("tree", 400, 1));
    expect_the_same(edges_of("er", 400, 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Resumed,
                         testing::Values(Case{"connectivity", "local-contraction", true}, Case{"connectivity", "alt", true},
                                         Case{"connectivity", "forests", true}, Case{"cycles", "sample", true},
                                         Case{"cycles", "sample", false}, Case{"cycles", "doubling", true}),
                         [](const auto& test) {
                           auto name = std::string(test.param.protocol) + test.param.variant + (test.param.labels ? "WithLabels" : "");
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace tests
