#include "bench/command/scale.h"

#include <algorithm>
#include <exception>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mpc/cluster.h"
#include "mpc/transport/mpi.h"

#include "bench/command/carrier.h"
#include "bench/command/cores.h"
#include "bench/command/execution.h"
#include "bench/command/families.h"
#include "bench/command/number_list.h"
#include "bench/command/problem.h"
#include "bench/command/scale_report.h"

namespace roundtrip {
namespace {

/// A family, and the size of its member for one rank.
struct Weak {
  Family family;
  std::uint64_t size;
};

Weak parse_weak(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) throw mpc::UsageError(fmt::format("--weak is '{}'; expected FAMILY:SIZE, of that size a rank", text));
  const auto all = families();
  const auto family = std::ranges::find(all, text.substr(0, colon), &Family::name);
  if (family == all.end()) {
    std::vector<std::string> names;
    for (const auto& one : all) names.push_back(one.name);
    throw mpc::UsageError(fmt::format("--weak: no family '{}'; expected one of: {}", text.substr(0, colon), fmt::join(names, ", ")));
  }
  return {*family, number_list({text.substr(colon + 1)}, Steps::doubling, "--weak").front()};
}

std::vector<std::uint64_t> numbers_of_ranks(const ScaleOptions& options, const mpc::Ranks& ranks) {
  const auto all = static_cast<std::uint64_t>(ranks.size());
  auto numbers = options.ranks;
  if (numbers.empty()) {
    for (std::uint64_t some = 1; some < all; some *= 2) numbers.push_back(some);
    numbers.push_back(all);
  }
  for (const auto number : numbers) {
    if (number > all) throw mpc::UsageError(fmt::format("--ranks holds {}; there are {}", number, all));
  }
  return numbers;
}

/// The runs of a row, on ranks all of which take part. Collective.
ScaleRow measure(const ScaleOptions& options, const ProblemOptions& asked, bool verified, mpc::Ranks& ranks) {
  ScaleRow row;
  for (std::uint64_t repetition = 0; repetition < options.repeat; ++repetition) {
    const Carrier carrier(options.transport, options.model.seed, ranks);
    auto problem = load_problem(asked, false, ranks);
    auto result = planned(problem, ranks);
    result.transport = carrier.get().name();
    execute(problem, carrier.get(), verified && repetition == 0, result, ranks);
    if (result.verdict != Verdict::skipped) row.verdict = result.verdict;
    row.within_bounds = row.within_bounds && result.within_bounds();
    row.walls.push_back(result.wall_s);
    if (repetition != 0) row.same = row.same && result.ledger.digest() == row.result.ledger.digest() && result.value == row.result.value;
    if (repetition == 0 || result.wall_s < row.result.wall_s) row.result = std::move(result);
  }
  row.shared_cores = cores_of(ranks).shared;
  return row;
}

/// The row of the first `number` ranks, known to them; the others sleep meanwhile. Throws on all ranks what the run throws. Collective.
ScaleRow on_first_ranks(std::uint64_t number, const ScaleOptions& options, const ProblemOptions& asked, bool verified, mpc::Ranks& all) {
  const bool takes_part = static_cast<std::uint64_t>(all.rank()) < number;
  const auto part = mpc::split(all, takes_part ? 0 : 1);
  ScaleRow row;
  std::exception_ptr failure;
  if (takes_part) {
    try {
      row = measure(options, asked, verified, *part);
    } catch (const mpc::Error&) {  // the same on all that take part
      failure = std::current_exception();
    }
  }
  mpc::wait_asleep(all);
  mpc::throw_together(all, failure);
  return row;
}

void write(const std::vector<ScaleRow>& rows, const ScaleOptions& options, mpc::Ranks& ranks) {
  const auto cores = cores_of(ranks).all;
  const auto here = [&](auto&& text) { return ranks.rank() == 0 ? text() : std::string(); };
  Outputs outputs;
  if (!options.stdout_taken()) {
    outputs.attempt([&] { write_text("-", here([&] { return scale_table(rows, options, cores); }), ranks); });
  }
  outputs.attempt([&] { write_text(options.json, here([&] { return scale_json(rows, options, ranks.size(), cores); }), ranks); });
  outputs.attempt([&] { write_text(options.csv, here([&] { return scale_csv(rows); }), ranks); });
  outputs.finish();
}

}  // namespace

void declare(CLI::App& command, ScaleOptions& options) {
  declare(command, static_cast<ProblemOptions&>(options));
  std::string footer = "Families for --weak, of n vertices or words:\n";
  for (const auto& family : families()) footer += fmt::format("  {:<28}{}\n", family.name, family.meaning);
  command.footer(footer);
  command
      .add_option("--weak", options.weak, "weak scaling: inputs of a family, of this size a rank; --graph and the like are strong scaling")
      ->option_text("FAMILY:SIZE");
  command
      .add_option_function<std::vector<std::string>>(
          "--ranks", [&options](const std::vector<std::string>& words) { options.ranks = number_list(words, Steps::doubling, "--ranks"); },
          "numbers of ranks to run on (default: 1, 2, 4, ... and all)")
      ->delimiter(',')
      ->option_text("R,...");
  whole_option(
      command, "--repeat", [&](std::uint64_t repeat) { options.repeat = repeat; },
      "repetitions of every run, of which the fastest counts (default 3)")
      .option_text("K");
  command.add_option("--transport", options.transport, Carrier::meaning())
      ->check(CLI::IsMember({"auto", "mpi", "grid"}).description(""))
      ->option_text("NAME");
  command.add_flag("--no-verify", options.no_verify, "do not check any answer with a serial oracle");
  command.add_option("--json", options.json, "the rows as JSON")->option_text("FILE")->group("Output (FILE may be -)");
  command.add_option("--csv", options.csv, "the rows as CSV")->option_text("FILE")->group("Output (FILE may be -)");
}

mpc::Exit scale(const ScaleOptions& options, mpc::Ranks& ranks) {
  check(static_cast<const ProblemOptions&>(options));
  if (!options.strong() && options.weak.empty()) {
    throw mpc::UsageError("scale has nothing to run on; expected an input (--graph and the like), for strong scaling, --weak, or both");
  }
  if (options.repeat == 0) throw mpc::UsageError("--repeat is 0; expected at least 1");
  check_outputs({{"--json", options.json}, {"--csv", options.csv}});
  const auto numbers = numbers_of_ranks(options, ranks);
  expect_writable({options.json, options.csv}, ranks);
  std::optional<Weak> weak;
  if (!options.weak.empty()) weak = parse_weak(options.weak);

  std::vector<ScaleRow> rows;
  const auto add = [&](std::uint64_t number, bool is_weak, const InputOptions& input) {
    auto asked = static_cast<const ProblemOptions&>(options);
    static_cast<InputOptions&>(asked) = input;
    const bool first = rows.empty() || is_weak;
    auto row = on_first_ranks(number, options, asked, first && !options.no_verify, ranks);
    row.weak = is_weak;
    row.first = first;
    if (!first) {
      row.same =
          row.same && row.result.ledger.digest() == rows.front().result.ledger.digest() && row.result.value == rows.front().result.value;
    }
    rows.push_back(std::move(row));
  };
  try {
    for (const auto number : numbers) {
      if (options.strong()) add(number, false, options);
    }
    for (const auto number : numbers) {
      if (weak) add(number, true, weak->family.input(weak->size * number, options.k));
    }
  } catch (const mpc::Error&) {
    if (!rows.empty()) write(rows, options, ranks);
    throw;
  }
  write(rows, options, ranks);
  // Every rank took part in some rows only; the first one in all.
  const bool good = std::ranges::all_of(rows, &ScaleRow::good);
  return ranks.minimum(ranks.rank() == 0 ? good : 1) == 1 ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
