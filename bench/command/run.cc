#include "bench/command/run.h"

#include <exception>
#include <memory>

#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mpc/clock.h"
#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"
#include "mpc/transport/scrambled.h"

#include "protocols/graph/generators.h"
#include "protocols/graph/graph.h"
#include "protocols/graph/labels.h"
#include "protocols/graph/text_sink.h"

#include "bench/command/model_choice.h"
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

/// Rank 0 writes a whole text; a failure is a failure on every rank.
void write_text(const std::string& path, const std::string& text, mpc::Ranks& ranks) {
  if (path.empty()) return;
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    protocols::TextSink sink(path);
    sink.write(text);
    sink.close();
  });
}

std::uint64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
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

protocols::GraphInput deal(protocols::Graph& graph, const mpc::Model& model, const mpc::Cluster& cluster, mpc::Ranks& ranks) {
  std::vector<std::uint64_t> first_edges;
  const auto block = cluster.machines_here();
  auto firsts = ranks.gather(std::vector<std::uint64_t>{block.first});
  firsts.push_back(model.machines);
  first_edges.reserve(firsts.size());
  for (const auto machine : firsts) first_edges.push_back(protocols::GraphInput::first_edge(machine, graph.edges, model.machines));
  return {{graph.active, graph.edges},
          graph.vertices - graph.active,
          graph.ids.numbering(),
          model.machines,
          block,
          protocols::redistribute(graph, first_edges, ranks)};
}

/// Runs the protocol; on a violation the rounds that were completed still reach the ledger's file.
protocols::Answer solve(const Registered& protocol, const protocols::Settings& settings, const protocols::GraphInput& input,
                        mpc::Cluster& cluster, const RunOptions& options, RunResult& result, mpc::Ranks& ranks) {
  const Progress progress(cluster, ranks);
  const auto start = mpc::seconds_now();
  try {
    auto answer = protocol.run(cluster, input, settings);
    const auto nanoseconds = static_cast<std::uint64_t>((mpc::seconds_now() - start) * 1e9);
    result.wall_s = static_cast<double>(ranks.maximum(nanoseconds)) * 1e-9;
    result.ledger = cluster.finish();
    return answer;
  } catch (const mpc::Error&) {
    write_text(options.ledger, cluster.completed().csv(), ranks);
    throw;
  }
}

/// Everything that was asked for. A file that cannot be written does not keep the others from being written.
void write_results(const RunOptions& options, const RunResult& result, const protocols::Graph& graph, const protocols::Answer& answer,
                   mpc::Ranks& ranks) {
  std::exception_ptr first;
  const auto attempt = [&](auto&& write) {
    try {
      write();
    } catch (const mpc::Error&) {
      if (!first) first = std::current_exception();
    }
  };
  if (!options.stdout_taken()) {
    attempt([&] { write_text("-", text_report(result, options) + (options.explain ? explanation(result) : std::string()), ranks); });
  }
  attempt([&] { write_text(options.ledger, result.ledger.csv(), ranks); });
  attempt([&] { write_text(options.json, json_report(result, options), ranks); });
  attempt([&] { write_text(options.csv, csv_report(result, options), ranks); });
  if (!options.labels.empty()) {
    attempt([&] {
      if (graph.active != 0 && ranks.sum(answer.labels.size()) == 0) {
        throw mpc::UsageError(
            fmt::format("{} ({}) finds no labels: --labels has nothing to write", result.about.name, result.variant.name));
      }
      protocols::write_labels(options.labels, protocols::smallest_original(graph, answer.labels, ranks), ranks);
    });
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace

mpc::Exit run(const RunOptions& options, mpc::Ranks& ranks) {
  check(options);
  const auto& protocol = find_protocol(options.protocol);
  const protocols::Settings settings{find_variant(protocol.about, options.variant).name, !options.labels.empty()};
  auto carrier = make_transport(options, ranks);
  const auto start = mpc::seconds_now();
  auto graph =
      protocols::build(protocols::load(options.graph, options.vertices, options.model.seed, ranks), options.ids, options.model.seed, ranks);
  if (protocol.check) protocol.check(graph, ranks);

  RunResult result;
  result.load_s = mpc::seconds_now() - start;
  result.about = protocol.about;
  result.variant = find_variant(protocol.about, options.variant);
  const protocols::Shape shape{graph.active, graph.edges};
  result.model = choose_model(options.model, protocol, settings, shape);
  result.vertices = graph.vertices;
  result.isolated = graph.vertices - graph.active;
  result.edges = graph.edges;
  result.ranks = ranks.size();
  result.transport = carrier.get().name();
  result.bounds = protocol.bounds(result.model, shape, settings, 0);
  if (options.dry_run) {
    if (ranks.rank() == 0) fmt::print("{}", prediction(result));
    return mpc::Exit::done;
  }

  protocols::WholeGraph whole;
  if (!options.no_verify) whole = gather_graph(graph, ranks);
  mpc::Cluster cluster(result.model, carrier.get());
  const auto input = deal(graph, result.model, cluster, ranks);
  const auto answer = solve(protocol, settings, input, cluster, options, result, ranks);
  result.value = answer.value;
  result.retries = answer.retries;
  result.bounds = protocol.bounds(result.model, shape, settings, answer.retries);
  result.rss_bytes = ranks.sum(peak_bytes());
  if (!options.no_verify) verify(protocol, answer, whole, result, ranks);

  write_results(options, result, graph, answer, ranks);
  if (!result.within_bounds() && ranks.rank() == 0) {
    fmt::print(stderr, "roundtrip: {} ({}) took {} rounds and declares at most {}\n", protocol.about.name, settings.variant,
               result.ledger.rounds.size(), result.bounds.rounds);
  }
  if (result.verdict == Verdict::wrong && ranks.rank() == 0) {
    fmt::print(stderr, "roundtrip: the answer is wrong: {} {}, and the serial oracle finds {}{}\n", result.value, protocol.about.answer,
               result.expected, result.value == result.expected ? ", with other classes" : "");
  }
  return result.verdict != Verdict::wrong && result.within_bounds() ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
