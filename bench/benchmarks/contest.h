#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "mpc/clock.h"
#include "mpc/ranks.h"

/// Contestants that do the same work, timed in turn, so that whatever else the machine does meanwhile slows all of them alike.
/// Google Benchmark runs one row after the other; so the first row of a contest takes the samples of all, and every row shows its own.
/// All ranks take part in every sample, which is the time of the slowest rank.
class Contest {
 public:
  /// Adds the contestants; the data that they capture is freed when the samples have been taken.
  using SetUp = std::function<void(Contest&)>;

  Contest(mpc::Ranks& ranks, std::string name, double units, int repetitions, SetUp set_up)
      : ranks_(ranks), name_(std::move(name)), units_(units), repetitions_(repetitions), set_up_(std::move(set_up)) {}

  /// Called by SetUp. The names must be those that were given to `row`.
  void add(const std::string& contestant, std::function<void()> work) { find(contestant).work = std::move(work); }

  /// Shows this contestant's time, its nanoseconds a unit, and its ratio to the fastest of each group of others.
  struct Baseline {
    std::string title;
    std::vector<std::string> contestants;
  };
  Contest& row(const std::string& contestant, std::vector<Baseline> baselines = {}) {
    entries_.push_back({contestant, {}, {}, 0});
    order_.push_back({contestant, std::move(baselines)});
    return *this;
  }

  void register_rows(benchmark::TimeUnit unit) {
    for (const auto& [contestant, baselines] : order_) {
      benchmark::RegisterBenchmark((name_ + "/" + contestant).c_str(),
                                   [this, contestant = contestant, baselines = baselines](auto& state) {
                                     measure();
                                     auto& entry = find(contestant);
                                     const auto sample = entry.samples[entry.shown++ % entry.samples.size()];
                                     for (auto _ : state) state.SetIterationTime(sample);
                                     state.counters["ns_each"] = sample * 1e9 / units_;
                                     for (const auto& baseline : baselines) {
                                       const auto& other = fastest(baseline.contestants);
                                       state.counters["x_" + baseline.title] = median_ratio(entry.samples, other.samples);
                                       state.counters["x_" + baseline.title + "_min"] =
                                           std::ranges::min(entry.samples) / std::ranges::min(other.samples);
                                     }
                                   })
          ->Iterations(1)
          ->Repetitions(repetitions_)
          ->UseManualTime()
          ->Unit(unit)
          ->ComputeStatistics("min", [](const auto& values) { return std::ranges::min(values); });
    }
  }

 private:
  struct Entry {
    std::string name;
    std::function<void()> work;
    std::vector<double> samples;  // seconds
    std::size_t shown;
  };

  Entry& find(const std::string& name) { return *std::ranges::find(entries_, name, &Entry::name); }

  const Entry& fastest(const std::vector<std::string>& names) {
    auto& first = find(names.front());
    auto* best = &first;
    for (const auto& name : names) {
      if (std::ranges::min(find(name).samples) < std::ranges::min(best->samples)) best = &find(name);
    }
    return *best;
  }

  static double median_ratio(const std::vector<double>& mine, const std::vector<double>& others) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < mine.size(); ++i) ratios.push_back(mine[i] / others[i]);
    std::ranges::sort(ratios);
    return ratios[ratios.size() / 2];
  }

  void measure() {
    if (!entries_.front().samples.empty()) return;
    set_up_(*this);
    constexpr int warm_up = 2;
    for (int repetition = -warm_up; repetition < repetitions_; ++repetition) {
      for (auto& entry : entries_) {
        ranks_.sum(0);  // all start together
        const auto start = mpc::seconds_now();
        entry.work();
        const auto seconds = mpc::seconds_now() - start;
        const auto slowest = static_cast<double>(ranks_.maximum(static_cast<std::uint64_t>(seconds * 1e12))) * 1e-12;
        if (repetition >= 0) entry.samples.push_back(slowest);
      }
    }
    for (auto& entry : entries_) entry.work = nullptr;
  }

  mpc::Ranks& ranks_;
  std::string name_;
  double units_;
  int repetitions_;
  SetUp set_up_;
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, std::vector<Baseline>>> order_;
};

/// The minimum and the median of every row, on rank 0.
class RankZeroReporter final : public benchmark::ConsoleReporter {
 public:
  explicit RankZeroReporter(bool shown) : ConsoleReporter(OO_Tabular), shown_(shown) {}
  bool ReportContext(const Context& context) override { return !shown_ || ConsoleReporter::ReportContext(context); }
  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> chosen;
    std::ranges::copy_if(runs, std::back_inserter(chosen), [](const Run& run) {
      return run.error_occurred || run.aggregate_name == "min" || run.aggregate_name == "median";
    });
    if (shown_ && !chosen.empty()) ConsoleReporter::ReportRuns(chosen);
  }

 private:
  bool shown_;
};

/// Runs the registered rows on every rank; the arguments are Google Benchmark's.
inline int run_benchmarks(int argc, char** argv, bool shown) {
  std::vector<char*> arguments(argv, argv + argc);
  if (!shown) std::erase_if(arguments, [](const char* argument) { return std::string(argument).starts_with("--benchmark_out"); });
  auto count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  RankZeroReporter reporter(shown);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
