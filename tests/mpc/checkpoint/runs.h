#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpc/checkpoint/checkpoints.h"
#include "mpc/cluster.h"

#include "tests/support/ranks_transport.h"
#include "tests/support/threaded_ranks.h"

namespace tests {

/// What a run is asked for beside its protocol.
struct RunPlan {
  int ranks = 1;
  std::filesystem::path write{}, resume{};
  std::uint64_t every = 1;
  std::size_t keep = 1000;
  mpc::Identity identity{{"protocol", "test"}};
};

/// What every machine held after each round that was run, and at the end: kept words and letters.
using Memory = std::map<std::pair<std::uint64_t, std::uint64_t>, std::pair<std::vector<mpc::Word>, std::vector<mpc::Word>>>;

/// A run that came to its end, on all its ranks.
struct Run {
  mpc::Ledger ledger;
  Memory memory;
  mpc::Word answer = 0;
};

/// Runs protocol(cluster), which returns a word that is the same on every rank, on ranks that are threads.
template <class Protocol>
Run run_on(const RunPlan& plan, const mpc::Model& model, Protocol&& protocol) {
  Run run;
  std::mutex mutex;
  ThreadedRanks::run(plan.ranks, [&](mpc::Ranks& ranks) {
    RanksTransport transport(ranks);
    mpc::Checkpoints checkpoints(ranks, "a test");
    if (!plan.resume.empty()) checkpoints.resume_from(plan.resume);
    if (!plan.write.empty()) checkpoints.write_to({plan.write, plan.every, plan.keep});
    checkpoints.identify(plan.identity);
    mpc::Cluster cluster(model, transport);
    if (!plan.resume.empty() || !plan.write.empty()) cluster.use(checkpoints);
    cluster.on_memory(
        [&](std::uint64_t round, mpc::MachineId machine, std::span<const mpc::Word> kept, std::span<const mpc::Word> letters) {
          const std::lock_guard lock(mutex);
          run.memory[{round, machine.value}] = {{kept.begin(), kept.end()}, {letters.begin(), letters.end()}};
        });
    const auto answer = protocol(cluster);
    const auto ledger = cluster.finish();
    const std::lock_guard lock(mutex);
    run.answer = answer;
    run.ledger = ledger;
  });
  return run;
}

/// How such a run ended: the text and exit code of its error.
struct Refusal {
  std::string text;
  mpc::Exit exit = mpc::Exit::done;
};

template <class Protocol>
Refusal refusal_of(const RunPlan& plan, const mpc::Model& model, Protocol&& protocol) {
  try {
    run_on(plan, model, protocol);
  } catch (const mpc::Error& error) {
    return {error.what(), error.exit()};
  }
  return {};
}

inline std::filesystem::path checkpoint_of(const std::filesystem::path& folder, std::uint64_t round) {
  return mpc::CheckpointFolder(folder).of(round);
}

}  // namespace tests
