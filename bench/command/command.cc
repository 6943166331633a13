#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/version.hpp>
#include <fmt/format.h>

#include "mpc/error.h"
#include "mpc/transport/mpi.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/kernels/device.h"

#include "bench/command/check_programs.h"
#include "bench/command/check_roundtrip.h"
#include "bench/command/check_theorem1.h"
#include "bench/command/check_theorem2.h"
#include "bench/command/compile.h"
#include "bench/command/forward.h"
#include "bench/command/graph_command.h"
#include "bench/command/list.h"
#include "bench/command/revision.h"
#include "bench/command/rounds.h"
#include "bench/command/run.h"
#include "bench/command/run_options.h"
#include "bench/command/scale.h"
#include "bench/roundtrip.h"

namespace roundtrip {
namespace {

std::string version() {
  const auto& why_not = bridge::why_no_cuda();
  return fmt::format("roundtrip {}\ngit   {}\nMPI   {}\nBoost {}.{}.{}\nBLAS  not used\nkernels {}\nCUDA  {}; MPI {} device memory\n",
                     version_number(), revision(), mpc::MpiSession::library_version(), BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000,
                     BOOST_VERSION % 100, bridge::cpu_kernels<float>(1)->describe(),
                     why_not.empty() ? "can be used" : "not used: " + why_not,
                     mpc::MpiSession::takes_cuda_memory() ? "takes" : "does not take");
}

/// Parses and runs; what it throws is the same on every rank.
mpc::Exit dispatch(int argc, const char* const* argv, mpc::Ranks& ranks) {
  const bool first = ranks.rank() == 0;
  CLI::App app("Protocols of the Massively Parallel Computation model on MPI ranks (MPC as in parallel algorithms, not secure computation)",
               "roundtrip");
  app.require_subcommand(1);
  app.set_version_flag("--version", version);
  app.get_formatter()->column_width(36);
  RunOptions run_options;
  auto& run_command = *app.add_subcommand("run", "run a protocol");
  declare(run_command, run_options);
  auto& list_command = *app.add_subcommand("list", "the protocols and what they declare");
  CompileOptions compile_options;
  auto& compile_command = *app.add_subcommand("compile", "run a protocol as a transformer, and say why it is exact");
  declare(compile_command, compile_options);
  CheckTheorem1Options theorem1_options;
  auto& check_command = *app.add_subcommand("check", "check a theorem at sizes of your choice");
  check_command.require_subcommand(1);
  auto& theorem1_command = *check_command.add_subcommand(
      "theorem1", "run protocols on messages and as transformers, and compare every machine's memory after every round");
  declare(theorem1_command, theorem1_options);
  CheckTheorem2Options theorem2_options;
  auto& theorem2_command = *check_command.add_subcommand(
      "theorem2", "run transformers as protocols, beside other ways to distribute them, and compare outputs, rounds, machines and words");
  declare(theorem2_command, theorem2_options);
  CheckRoundtripOptions roundtrip_options;
  auto& roundtrip_command = *check_command.add_subcommand(
      "roundtrip", "protocol -> transformer in weights -> protocol, by both theorems: the same answer, and rounds by the formula");
  declare(roundtrip_command, roundtrip_options);
  CheckProgramsOptions programs_options;
  auto& programs_command =
      *check_command.add_subcommand("programs", "the programs in weights on many inputs, each answer against a serial oracle");
  declare(programs_command, programs_options);
  ForwardOptions forward_options;
  auto& forward_command = *app.add_subcommand("forward", "run a model on sequences of tokens, on one process or as a protocol");
  declare(forward_command, forward_options);
  RoundsOptions rounds_options;
  auto& rounds_command = *app.add_subcommand("rounds", "measure the rounds of protocols over families and sizes of inputs");
  declare(rounds_command, rounds_options);
  ScaleOptions scale_options;
  auto& scale_command = *app.add_subcommand("scale", "run a protocol on more and more ranks: strong and weak scaling");
  declare(scale_command, scale_options);
  GraphOptions graph_options;
  auto& graph_command = *app.add_subcommand("graph", "write a generated graph, or one that was read, to a file of any of the formats");
  declare(graph_command, graph_options);
  // The parser would only ask for a subcommand.
  const auto expect_subcommand = [](const CLI::App& of, const char* word, const std::string& before) {
    std::vector<std::string> names;
    for (const auto* command : of.get_subcommands({})) names.push_back(command->get_name());
    if (std::ranges::find(names, word) != names.end()) return;
    throw mpc::UsageError(fmt::format("{}no subcommand '{}'; expected one of: {}", before, word, fmt::join(names, ", ")));
  };
  if (argc > 1 && argv[1][0] != '-') expect_subcommand(app, argv[1], "");
  if (argc > 2 && std::string_view(argv[1]) == "check" && argv[2][0] != '-') expect_subcommand(check_command, argv[2], "check: ");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    if (first) app.exit(asked);
    return mpc::Exit::done;
  } catch (const CLI::ParseError& error) {
    const char* help = argc > 1 && argv[1][0] != '-' ? argv[1] : "";
    throw mpc::UsageError(fmt::format("{}; see `roundtrip {}{}--help`", error.what(), help, *help == '\0' ? "" : " "));
  }
  if (list_command.parsed()) {
    if (first) fmt::print("{}", list());
    return mpc::Exit::done;
  }
  if (graph_command.parsed()) {
    write_graph(graph_options, ranks);
    return mpc::Exit::done;
  }
  if (theorem1_command.parsed()) return check_theorem1(theorem1_options, ranks);
  if (theorem2_command.parsed()) return check_theorem2(theorem2_options, ranks);
  if (roundtrip_command.parsed()) return check_roundtrip(roundtrip_options, ranks);
  if (programs_command.parsed()) return check_programs(programs_options, ranks);
  if (forward_command.parsed()) return forward(forward_options, ranks);
  if (rounds_command.parsed()) return rounds(rounds_options, ranks);
  if (scale_command.parsed()) return scale(scale_options, ranks);
  if (compile_command.parsed()) return compile(compile_options, ranks);
  return run(run_options, ranks);
}

}  // namespace

int main(int argc, char** argv) {
  mpc::MpiSession session(argc, argv);
  auto& ranks = session.ranks();
  try {
    return static_cast<int>(dispatch(argc, argv, ranks));
  } catch (const mpc::Error& error) {
    // Thrown on every rank with the same text; one of them says it.
    if (ranks.rank() == 0) fmt::print(stderr, "roundtrip: {}\n", error.what());
    return static_cast<int>(error.exit());
  } catch (const std::exception& error) {
    // Not agreed on: the other ranks may be waiting for this one.
    fmt::print(stderr, "roundtrip: rank {}: {}\n", ranks.rank(), error.what());
    std::fflush(stderr);
  } catch (...) {
    fmt::print(stderr, "roundtrip: rank {}: an exception of unknown type\n", ranks.rank());
  }
  ranks.abort(mpc::Exit::fault);
  return static_cast<int>(mpc::Exit::fault);
}

}  // namespace roundtrip
