#include "bench/command/problem.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/resource.h>

#include "mpc/clock.h"

#include "protocols/graph/text_sink.h"

#include "bench/command/model_choice.h"

namespace roundtrip {

namespace {

/// Throws UsageError if an option that was given belongs to other kinds of input, or one that this kind needs is missing.
void check_input_options(const Registered& protocol, const InputOptions& options) {
  const auto& kind = *protocol.kind;
  const auto takes = [](const InputKind& some, const std::string& name) {
    return std::ranges::find(some.options, name, &InputKind::Option::name) != some.options.end();
  };
  const auto given = options.given();
  for (const auto& name : given) {
    if (takes(kind, name)) continue;
    std::vector<std::string> others, its;
    for (const auto& other : registered()) {
      if (takes(*other.kind, name)) others.push_back(other.about.name);
    }
    for (const auto& option : kind.options) its.push_back(option.name);
    throw mpc::UsageError(fmt::format("{} takes no {}, which is for {}; expected {}", protocol.about.name, name, fmt::join(others, ", "),
                                      fmt::join(its, ", ")));
  }
  for (const auto& option : kind.options) {
    if (option.required && std::ranges::find(given, option.name) == given.end()) {
      throw mpc::UsageError(fmt::format("{} is required: {} runs on {}", option.name, protocol.about.name, kind.name));
    }
  }
}

}  // namespace

Problem load_problem(const ProblemOptions& options, bool labels, mpc::Ranks& ranks) {
  const auto& protocol = find_protocol(options.protocol);
  Problem problem{protocol, find_variant(protocol.about, options.variant), {}, {}, {}, 0};
  problem.settings = {problem.variant.name, labels, options.k.value_or(0)};
  check_input_options(protocol, options);
  const auto start = mpc::seconds_now();
  problem.input = protocol.kind->load(options, options.model.seed, ranks);
  if (protocol.check) protocol.check(problem.input->loaded(), ranks);
  problem.load_s = mpc::seconds_now() - start;
  problem.model = choose_model(options.model, protocol, problem.settings, problem.input->shape());
  return problem;
}

std::uint64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

void write_text(const std::string& path, const std::string& text, mpc::Ranks& ranks) {
  if (path.empty()) return;
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    protocols::TextSink sink(path);
    sink.write(text);
    sink.close();
  });
}

void expect_writable(std::initializer_list<std::string> paths, mpc::Ranks& ranks) {
  mpc::together(ranks, [&] {
    if (ranks.rank() != 0) return;
    for (const auto& path : paths) {
      std::error_code none;
      if (path.empty() || path == "-" || std::filesystem::is_other(path, none)) continue;
      const protocols::TextSink leaves_no_trace(path);
    }
  });
}

double slowest_since(double start, mpc::Ranks& ranks) {
  return static_cast<double>(ranks.maximum(static_cast<std::uint64_t>((mpc::seconds_now() - start) * 1e9))) * 1e-9;
}

void write_labels(const std::string& path, const Problem& problem, const protocols::Answer& answer, mpc::Ranks& ranks) {
  if (problem.input->labelled() != 0 && ranks.sum(answer.labels.size()) == 0) {
    throw mpc::UsageError(
        fmt::format("{} ({}) finds no labels: --labels has nothing to write", problem.protocol.about.name, problem.variant.name));
  }
  problem.input->write_labels(path, answer.labels, ranks);
}

}  // namespace roundtrip
