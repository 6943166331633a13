#include "bench/command/check_programs.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "transformer_bridge/transformer/routed_program.h"

#include "bench/command/cores.h"
#include "bench/command/problem.h"
#include "bench/command/program_cases.h"
#include "bench/command/revision.h"
#include "bench/command/run_options.h"
#include "bench/command/text.h"

namespace roundtrip {
namespace {

const std::vector<std::string> programs{"components", "hops", "induction"};

Executor routed_executor(std::size_t threads) {
  return [threads](const bridge::Transformer<float>& transformer, const bridge::Matrix<float>& x) {
    return bridge::RoutedProgram<float>(transformer, threads).forward(x);
  };
}

constexpr const char* line = "{:<11} {:<44} {:>7} {:>6} {:>6} {:>7} {:>6} {:>9}  {}\n";

void print_row(const ProgramRow& row) {
  fmt::print(line, row.program, row.input, grouped(row.most_tokens), row.most_width, row.layers, grouped(row.cases), row.wrong,
             row.unsettled,
             row.good()  ? "ok"
             : row.exact ? "WRONG"
                         : "INEXACT");
}

std::string json_report(const std::vector<ProgramRow>& rows, const CheckProgramsOptions& options) {
  nlohmann::ordered_json json;
  json["schema"] = 1;
  json["git"] = revision();
  json["seed"] = options.seed;
  json["kernel"] = options.kernel;
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    json["rows"].push_back({{"program", row.program},
                            {"input", row.input},
                            {"tokens", row.most_tokens},
                            {"width", row.most_width},
                            {"layers", row.layers},
                            {"cases", row.cases},
                            {"wrong", row.wrong},
                            {"unsettled", row.unsettled},
                            {"exact", row.exact},
                            {"good", row.good()}});
  }
  return json.dump(2) + "\n";
}

/// What rank 0 does.
bool run(const CheckProgramsOptions& options, const Executor& executor) {
  const auto wanted = [&](const char* program) {
    return options.programs.empty() || std::ranges::find(options.programs, program) != options.programs.end();
  };
  const bool shown = options.json != "-";
  if (shown) fmt::print(line, "program", "inputs", "tokens", "width", "layers", "cases", "wrong", "unsettled", "");
  std::vector<ProgramRow> rows;
  const auto take = [&](std::vector<ProgramRow> more) {
    for (auto& row : more) {
      if (shown) print_row(row);
      rows.push_back(std::move(row));
    }
    std::fflush(stdout);
  };
  if (wanted("components")) {
    for (const auto n : options.vertices.empty() ? std::vector<std::uint64_t>{64, 256} : options.vertices) {
      ComponentsCheck check;
      check.vertices = {n};
      check.graphs = options.graphs;
      check.more_blocks = options.more_blocks;
      check.seed = options.seed;
      take(check_components(check, executor));
    }
  }
  HopsCheck check;
  check.most_hops = options.most_hops;
  check.positions = options.positions;
  check.sequences = options.sequences;
  check.seed = options.seed;
  check.whole = false;
  if (wanted("induction")) take({check_induction(check, executor)});
  if (wanted("hops")) take(check_hops(check, executor));
  const auto good = std::ranges::count_if(rows, &ProgramRow::good);
  mpc::SingleRank alone;
  if (shown) {
    write_text(
        "-",
        fmt::format("\n{} of {} rows: every answer is the serial oracle's, but for components that say themselves that they need more "
                    "blocks (unsettled), and every model is certified exact in float32\n",
                    good, rows.size()),
        alone);
  }
  write_text(options.json, json_report(rows, options), alone);
  return good == static_cast<std::ptrdiff_t>(rows.size());
}

}  // namespace

void declare(CLI::App& command, CheckProgramsOptions& options) {
  const auto whole = [&](const char* name, std::uint64_t& target, const std::string& text, const char* shown) {
    whole_option(
        command, name, [&target](std::uint64_t value) { target = value; }, text)
        .option_text(shown);
  };
  command.add_option("--programs", options.programs, fmt::format("of {} (default: all)", fmt::join(programs, ", ")))
      ->delimiter(',')
      ->option_text("LIST");
  whole("--sequences", options.sequences, "for every k, of 2 to 26 symbols in turn (default 26)", "C");
  whole("--positions", options.positions, "of a sequence (default 100)", "N");
  whole("--most-hops", options.most_hops, "k from 1 to this (default 64)", "K");
  command
      .add_option_function<std::vector<std::string>>(
          "--vertices",
          [&options](const std::vector<std::string>& words) {
            for (const auto& word : words) options.vertices.push_back(whole_number(word, "--vertices"));
          },
          "of graphs, powers of 4 (default 64,256)")
      ->delimiter(',')
      ->option_text("LIST");
  whole("--graphs", options.graphs, "of every family (default 10)", "C");
  whole("--more-blocks", options.more_blocks, "than ceil(log2 n) (default 0)", "B");
  command.add_option("--kernel", options.kernel, "(default routed)")
      ->check(CLI::IsMember({"routed", "dense"}).description(""))
      ->option_text("routed|dense");
  whole_option(
      command, "--threads", [&](std::uint64_t threads) { options.threads = threads; }, "(default: the processors there are)")
      .option_text("T");
  whole("--seed", options.seed, "of the inputs (default 1)", "K");
  command.add_option("--json", options.json, "the rows as JSON; - is standard output, which then holds nothing else")->option_text("FILE");
}

mpc::Exit check_programs(const CheckProgramsOptions& options, mpc::Ranks& ranks) {
  for (const auto& program : options.programs) {
    if (std::ranges::find(programs, program) == programs.end()) {
      throw mpc::UsageError(fmt::format("--programs: no '{}'; expected some of: {}", program, fmt::join(programs, ", ")));
    }
  }
  for (const auto& [name, value] : {std::pair{"--sequences", options.sequences},
                                    {"--positions", options.positions},
                                    {"--most-hops", options.most_hops},
                                    {"--graphs", options.graphs},
                                    {"--threads", options.threads.value_or(1)}}) {
    if (value == 0) throw mpc::UsageError(fmt::format("{} is 0; expected at least 1", name));
  }
  for (const auto n : options.vertices) {
    auto power = n;
    while (power > 1 && power % 4 == 0) power /= 4;
    if (power != 1 || n < 16) throw mpc::UsageError(fmt::format("--vertices: {}; expected powers of 4, from 16 on", n));
  }
  expect_writable({options.json}, ranks);
  const auto threads = static_cast<std::size_t>(options.threads.value_or(static_cast<std::uint64_t>(std::max(1, cores_of(ranks).all))));
  const auto executor = options.kernel == "routed" ? routed_executor(threads) : dense_executor(threads);
  bool good = true;
  mpc::together(ranks, [&] {
    if (ranks.rank() == 0) good = run(options, executor);
  });
  return ranks.sum(good ? 0 : 1) == 0 ? mpc::Exit::done : mpc::Exit::unverified;
}

}  // namespace roundtrip
