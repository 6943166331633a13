#include "bench/command/graph_command.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "protocols/graph/generators.h"
#include "protocols/graph/graph.h"
#include "protocols/graph/graph_writer.h"

#include "bench/command/run_options.h"
#include "bench/command/text.h"

namespace roundtrip {

void declare(CLI::App& command, GraphOptions& options) {
  std::string kinds = "Generators:\n";
  for (const auto& kind : protocols::graph_kinds()) kinds += fmt::format("  {:<28}{}\n", kind.name + ":" + kind.arguments, kind.meaning);
  command.footer(kinds);
  command.add_option("spec", options.spec, "a generator, or a file to read")->required();
  command
      .add_option("--out", options.out,
                  "where to write: Matrix Market if it ends in .mtx, METIS in .graph or .metis, else an edge list; gzip if .gz follows; - "
                  "is standard output")
      ->required()
      ->option_text("FILE");
  whole_option(
      command, "--vertices", [&](std::uint64_t vertices) { options.vertices = vertices; }, "the vertices are 0..N-1")
      .option_text("N");
  declare_format(command, options.format);
  whole_option(
      command, "--seed", [&](std::uint64_t seed) { options.seed = seed; }, "of the generator (default 1)")
      .option_text("K");
}

void write_graph(const GraphOptions& options, mpc::Ranks& ranks) {
  const auto graph = protocols::build(
      protocols::load(options.spec, options.vertices, options.seed, ranks, options.format.value_or(protocols::Format::automatic)),
      protocols::Ids::as_given, options.seed, ranks);
  protocols::write_graph_file(options.out, graph, ranks);
  if (ranks.rank() == 0 && options.out != "-") {
    fmt::print(stderr, "{}: {} vertices, {} edges\n", options.out, grouped(graph.vertices), grouped(graph.edges));
  }
}

}  // namespace roundtrip
