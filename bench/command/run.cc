#include "bench/command/run.h"

#include <any>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "mpc/clock.h"
#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"
#include "mpc/transport/scrambled.h"

#include "bench/command/problem.h"
#include "bench/command/report.h"
#include "bench/command/run_result.h"
#include "bench/command/verify.h"

namespace roundtrip {
namespace {

/// The transport that was asked for, and what it stands on.
struct Carrier {
  std::unique_ptr<mpc::Transport> base, scrambled;
  mpc::Transport& get() const { return scrambled ? *scrambled : *base; }
};

Carrier make_transport(const RunOptions& options, mpc::Ranks& ranks) {
  if (options.transport == "in_process" && ranks.size() > 1) {
    throw mpc::UsageError(fmt::format("--transport in_process runs on 1 rank; there are {}: expected mpi or scrambled", ranks.size()));
  }
  Carrier carrier;
  if (ranks.size() > 1 || options.transport == "mpi") {
    carrier.base = std::make_unique<mpc::MpiTransport>(ranks);
  } else {
    carrier.base = std::make_unique<mpc::InProcess>();
  }
  if (options.transport == "scrambled") carrier.scrambled = std::make_unique<mpc::Scrambled>(*carrier.base, options.model.seed);
  return carrier;
}

/// One line on a terminal while a long run goes on.
class Progress {
 public:
  Progress(mpc::Cluster& cluster, mpc::Ranks& ranks) {
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

/// Runs the protocol; on a violation the rounds that were completed still reach the ledger's file.
protocols::Answer solve(const Registered& protocol, const protocols::Settings& settings, const std::any& input, mpc::Cluster& cluster,
                        const RunOptions& options, RunResult& result, mpc::Ranks& ranks) {
  const Progress progress(cluster, ranks);
  const auto start = mpc::seconds_now();
  try {
    auto answer = protocol.run(cluster, input, settings);
    result.wall_s = slowest_since(start, ranks);
    result.ledger = cluster.finish();
    return answer;
  } catch (const mpc::Error&) {
    write_text(options.ledger, cluster.completed().csv(), ranks);
    throw;
  }
}

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
  auto carrier = make_transport(options, ranks);
  auto problem = load_problem(options, !options.labels.empty(), ranks);

  RunResult result;
  result.load_s = problem.load_s;
  result.about = problem.protocol.about;
  result.variant = problem.variant;
  result.model = problem.model;
  result.input = problem.input->name();
  result.note = problem.input->note();
  result.line = problem.input->line();
  result.facts = problem.input->facts();
  result.ranks = ranks.size();
  result.transport = carrier.get().name();
  result.bounds = problem.bounds(0);
  if (options.dry_run) {
    if (ranks.rank() == 0) fmt::print("{}", prediction(result));
    return mpc::Exit::done;
  }

  std::optional<mpc::Cluster> cluster(std::in_place, result.model, carrier.get());
  std::any input = problem.input->deal(result.model, cluster->machines_here(), ranks);
  const auto answer = solve(problem.protocol, problem.settings, input, *cluster, options, result, ranks);
  // The oracle's memory follows on the run's, and does not come on top.
  cluster.reset();
  input.reset();
  result.value = problem.input->shown(answer.value);
  result.retries = answer.retries;
  result.bounds = problem.bounds(answer.retries);
  if (!options.no_verify) verify(problem, answer, problem.input->whole(ranks), result, ranks);
  result.rss_bytes = ranks.sum(peak_bytes());
  result.reference_lines = problem.input->reference_lines(result.model, result.distances);

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
