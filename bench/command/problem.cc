#include "bench/command/problem.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include "mpc/clock.h"

#include "protocols/graph/generators.h"
#include "protocols/graph/labels.h"
#include "protocols/graph/text_sink.h"

#include "bench/command/model_choice.h"

namespace roundtrip {

Problem load_problem(const ProblemOptions& options, bool labels, mpc::Ranks& ranks) {
  const auto& protocol = find_protocol(options.protocol);
  Problem problem{protocol, find_variant(protocol.about, options.variant), {}, {}, {}, 0};
  problem.settings = {problem.variant.name, labels};
  const auto start = mpc::seconds_now();
  problem.graph = protocols::build(protocols::load(options.graph, options.vertices, options.model.seed, ranks, options.format), options.ids,
                                   options.model.seed, ranks);
  if (protocol.check) protocol.check(problem.graph, ranks);
  problem.load_s = mpc::seconds_now() - start;
  problem.model = choose_model(options.model, protocol, problem.settings, problem.shape());
  return problem;
}

protocols::GraphInput deal(protocols::Graph& graph, const mpc::Model& model, mpc::MachineBlock here, mpc::Ranks& ranks) {
  std::vector<std::uint64_t> first_edges;
  auto firsts = ranks.gather(std::vector<std::uint64_t>{here.first});
  firsts.push_back(model.machines);
  first_edges.reserve(firsts.size());
  for (const auto machine : firsts) first_edges.push_back(protocols::GraphInput::first_edge(machine, graph.edges, model.machines));
  return {{graph.active, graph.edges},
          graph.vertices - graph.active,
          graph.ids.numbering(),
          model.machines,
          here,
          protocols::redistribute(graph, first_edges, ranks)};
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

double slowest_since(double start, mpc::Ranks& ranks) {
  return static_cast<double>(ranks.maximum(static_cast<std::uint64_t>((mpc::seconds_now() - start) * 1e9))) * 1e-9;
}

void write_labels(const std::string& path, const Problem& problem, const protocols::Answer& answer, mpc::Ranks& ranks) {
  if (problem.graph.active != 0 && ranks.sum(answer.labels.size()) == 0) {
    throw mpc::UsageError(
        fmt::format("{} ({}) finds no labels: --labels has nothing to write", problem.protocol.about.name, problem.variant.name));
  }
  protocols::write_labels(path, protocols::smallest_original(problem.graph, answer.labels, ranks), ranks);
}

}  // namespace roundtrip
