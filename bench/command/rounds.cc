#include "bench/command/rounds.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "mpc/clock.h"
#include "mpc/cluster.h"
#include "mpc/transport/mpi.h"

#include "protocols/graph/text_sink.h"

#include "bench/command/execution.h"
#include "bench/command/problem.h"
#include "bench/command/rounds_cases.h"
#include "bench/command/rounds_plot.h"
#include "bench/command/rounds_report.h"

namespace roundtrip {
namespace {

/// A file of the sweep, written by rank 0. Collective, every member.
class SweepFile {
 public:
  /// Opens it, so that a path that cannot be written is known before anything runs. An empty path: no file.
  SweepFile(const std::string& path, protocols::Appears appears, mpc::Ranks& ranks) : ranks_(ranks) {
    mpc::together(ranks_, [&] {
      if (ranks_.rank() == 0 && !path.empty()) sink_.emplace(path, appears);
    });
  }
  template <class Text>
  void write(Text&& text) {
    mpc::together(ranks_, [&] {
      if (sink_) sink_->write(text());
    });
  }
  void close() {
    mpc::together(ranks_, [&] {
      if (sink_) sink_->close();
    });
  }

 private:
  mpc::Ranks& ranks_;
  std::optional<protocols::TextSink> sink_;
};

/// Where the rows go. A file that fails does not keep the sweep, nor the other files, from going on.
class Output {
 public:
  Output(const RoundsOptions& options, mpc::Ranks& ranks)
      : options_(options),
        ranks_(ranks),
        table_(options.stdout_taken() ? "" : "-", protocols::Appears::at_once, ranks),
        json_(options.json, protocols::Appears::complete, ranks),
        svg_(options.svg, protocols::Appears::complete, ranks),
        csv_(options.csv, protocols::Appears::at_once, ranks) {  // last: it leaves a trace
    attempt(table_works_, [&] { table_.write(table_head); });
    attempt(csv_works_, [&] { csv_.write(csv_head); });
  }
  void add(const RoundsRow& row) {
    attempt(table_works_, [&] { table_.write([&] { return table_line(row); }); });
    attempt(csv_works_, [&] { csv_.write([&] { return csv_line(row); }); });
  }
  void finish(const std::vector<RoundsRow>& rows) {
    attempt(table_works_, [&] {
      table_.write([&] { return table_foot(rows, options_); });
      table_.close();
    });
    attempt(csv_works_, [&] { csv_.close(); });
    failures_.attempt([&] {
      json_.write([&] { return json_report(rows, options_, ranks_.size()); });
      json_.close();
    });
    failures_.attempt([&] {
      svg_.write([&] { return svg(rounds_plot(rows, options_)); });
      svg_.close();
    });
    failures_.finish();
  }

 private:
  template <class Write>
  void attempt(bool& works, Write&& write) {
    if (!works) return;
    works = false;
    failures_.attempt([&] {
      write();
      works = true;
    });
  }

  const RoundsOptions& options_;
  mpc::Ranks& ranks_;
  Outputs failures_;
  bool table_works_ = true, csv_works_ = true;
  SweepFile table_, json_, svg_, csv_;
};

/// One line on a terminal: which run it is.
class Progress {
 public:
  Progress(std::size_t runs, const mpc::Ranks& ranks) : runs_(runs), shown_(ranks.rank() == 0 && isatty(STDERR_FILENO) != 0) {}
  void begin(const RoundsCase& next) {
    ++run_;
    if (!shown_) return;
    fmt::print(stderr, "\r\033[Krun {} of {}: {} on {}, {}; {:.0f} s", run_, runs_, next.protocol(), next.input(), next.memory(),
               mpc::seconds_now() - start_);
    std::fflush(stderr);
  }
  void end() const {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }

 private:
  std::size_t runs_, run_ = 0;
  bool shown_;
  double start_ = mpc::seconds_now();
};

RoundsRow measure(const RoundsCase& asked, bool verified, mpc::Ranks& ranks) {
  RoundsRow row{asked};
  try {
    auto problem = load_problem(asked.problem, false, ranks);
    row.result = planned(problem, ranks);
    row.planned = true;
    mpc::MpiTransport transport(ranks);
    execute(problem, transport, verified, row.result, ranks);
    row.finished = true;
    if (row.result.verdict == Verdict::wrong || !row.result.within_bounds()) row.exit = mpc::Exit::unverified;
  } catch (const mpc::Error& error) {  // the same on every rank
    row.failure = error.what();
    row.exit = error.exit();
  }
  return row;
}

/// The worse a failure, the later in this list.
constexpr mpc::Exit by_severity[] = {mpc::Exit::done,        mpc::Exit::usage,      mpc::Exit::bad_input, mpc::Exit::inexact,
                                     mpc::Exit::over_budget, mpc::Exit::unverified, mpc::Exit::fault};

}  // namespace

mpc::Exit rounds(const RoundsOptions& given, mpc::Ranks& ranks) {
  const auto options = completed(given);
  const auto cases = rounds_cases(options, ranks);
  Output output(options, ranks);
  Progress progress(cases.size(), ranks);
  std::vector<RoundsRow> rows;
  for (const auto& asked : cases) {
    progress.begin(asked);
    rows.push_back(measure(asked, !options.no_verify, ranks));
    progress.end();
    output.add(rows.back());
  }
  output.finish(rows);
  const auto severity = [](mpc::Exit exit) { return std::ranges::find(by_severity, exit) - std::begin(by_severity); };
  const auto worst = std::ranges::max_element(rows, {}, [&](const RoundsRow& row) { return severity(row.exit); });
  return worst == rows.end() ? mpc::Exit::done : worst->exit;
}

}  // namespace roundtrip
