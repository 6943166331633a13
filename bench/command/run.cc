#include "bench/command/run.h"

#include <fmt/core.h>
#include <unistd.h>

#include "mpc/clock.h"

#include "bench/command/carrier.h"
#include "bench/command/execution.h"
#include "bench/command/problem.h"
#include "bench/command/report.h"
#include "bench/command/run_checkpoints.h"
#include "bench/command/run_result.h"

namespace roundtrip {
namespace {

/// One line on a terminal while a long run goes on.
class Progress {
 public:
  Progress() = default;
  void watch(mpc::Cluster& cluster, mpc::Ranks& ranks) {
    if (ranks.rank() != 0 || isatty(STDERR_FILENO) == 0) return;
    cluster.on_round([this](const mpc::RoundEntry& entry) {
      ++rounds_;
      const auto now = mpc::seconds_now();
      if (now - last_ < 0.5) return;
      last_ = now;
      shown_ = true;
      fmt::print(stderr, "\r\033[Kround {} ({}), {:.0f} s", rounds_, entry.label, now - start_);
      std::fflush(stderr);
    });
  }
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  double start_ = mpc::seconds_now(), last_ = start_;
  std::uint64_t rounds_ = 0;
  bool shown_ = false;
};

/// Everything that was asked for. A file that cannot be written does not keep the others from being written.
void write_results(const RunOptions& options, const RunResult& result, const Problem& problem, const protocols::Answer& answer,
                   mpc::Ranks& ranks) {
  Outputs outputs;
  if (!options.stdout_taken()) {
    outputs.attempt([&] { write_text("-", text_report(result) + (options.explain ? explanation(result) : std::string()), ranks); });
  }
  outputs.attempt([&] { write_text(options.ledger, result.ledger.csv(), ranks); });
  outputs.attempt([&] { write_text(options.json, json_report(result), ranks); });
  outputs.attempt([&] { write_text(options.csv, csv_report(result), ranks); });
  if (!options.labels.empty()) {
    outputs.attempt([&] { write_labels(options.labels, problem, answer, ranks); });
  }
  outputs.finish();
}

}  // namespace

mpc::Exit run(const RunOptions& options, mpc::Ranks& ranks) {
  check(options);
  if (!options.dry_run) expect_writable({options.json, options.csv, options.ledger, options.labels}, ranks);
  const Carrier carrier(options.transport, options.model.seed, ranks);
  const auto checkpoints = open_checkpoints(options, ranks);
  auto problem = load_problem(options, !options.labels.empty(), ranks);

  auto result = planned(problem, ranks);
  result.transport = carrier.get().name();
  if (options.dry_run) {
    if (ranks.rank() == 0) fmt::print("{}", prediction(result));
    return mpc::Exit::done;
  }

  if (checkpoints) checkpoints->identify(identity_of(problem, ranks));
  protocols::Answer answer;
  try {
    Progress progress;
    answer = execute(problem, carrier.get(), !options.no_verify, result, ranks, [&](mpc::Cluster& cluster) {
      progress.watch(cluster, ranks);
      if (checkpoints) cluster.use(*checkpoints);
    });
  } catch (const mpc::Error&) {
    write_text(options.ledger, result.ledger.csv(), ranks);  // the rounds that were completed
    throw;
  }
  if (checkpoints) {
    result.resumed_after = checkpoints->resumed_after();
    result.checkpoints = checkpoints->written();
    result.checkpoint_s = checkpoints->seconds();
  }

  write_results(options, result, problem, answer, ranks);
  if (!result.within_bounds() && ranks.rank() == 0) {
    fmt::print(stderr, "roundtrip: {} ({}) took {} rounds and declares at most {}\n", problem.protocol.about.name, problem.variant.name,
               result.ledger.rounds.size(), result.bounds.rounds);
  }
  if (result.verdict == Verdict::wrong && ranks.rank() == 0) {
    fmt::print(stderr, "roundtrip: the answer is wrong: {} {}, and the serial oracle finds {}{}\n", for_people(result.value),
               problem.protocol.about.answer, for_people(result.expected), result.value == result.expected ? ", with other classes" : "");
  }
  return result.verdict != Verdict::wrong && result.within_bounds() ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
