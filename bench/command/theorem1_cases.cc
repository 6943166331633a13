#include "bench/command/theorem1_cases.h"

#include <algorithm>
#include <any>
#include <memory>

#include <fmt/core.h>

#include "bench/command/model_choice.h"
#include "bench/command/problem.h"
#include "bench/command/theorem1_primitives.h"
#include "bench/command/verify.h"

namespace roundtrip {
namespace {

using Numbers = std::vector<std::uint64_t>;

/// Most packets of a machine, B: the slots grow like B^4. Where s is given, whatever fits is run.
constexpr std::uint64_t most_packets = 32;

using Inputs = std::vector<InputOptions>;

/// A protocol's variant on inputs that depend on the number of machines. `bounded`: only where B stays within most_packets.
Theorem1Protocol on_inputs(const std::string& protocol, const std::string& variant, Numbers machines, bool bounded,
                           std::function<Inputs(std::uint64_t machines)> inputs) {
  return {protocol + "/" + variant, std::move(machines),
          [=](std::uint64_t q, std::uint64_t words, std::uint64_t multiple, std::uint64_t seed, mpc::Ranks& ranks) {
            std::vector<Theorem1Case> cases;
            for (const auto& input : inputs(q)) {
              ProblemOptions options{input, protocol, variant, {}};
              options.model.machines = q;
              options.model.seed = seed;
              options.model.words = "min";
              auto problem = std::make_shared<Problem>(load_problem(options, false, ranks));
              const auto least = problem->model.memory.count;
              if (words == 0 && bounded && multiple * least > most_packets) continue;
              if (words != 0 || multiple > 1) {
                options.model.words = fmt::format("{}", words != 0 ? words : multiple * least);
                problem->model = choose_model(options.model, problem->protocol, problem->settings, problem->input->shape());
              }
              Theorem1Case one;
              one.input = problem->input->name();
              one.model = problem->model;
              one.rounds_declared = problem->bounds(1).rounds;
              one.dealing = problem->input->dealing(q);
              const auto whole = std::make_shared<std::any>(problem->input->whole(ranks));
              const auto right = [problem, whole, &ranks](const protocols::Answer& answer) {
                Verification verification;
                verify(*problem, answer, *whole, verification, ranks);
                return verification.verdict == Verdict::verified;
              };
              one.on_messages = [problem, right, &ranks](mpc::Cluster& cluster) {
                const auto dealt = problem->input->copy()->deal(problem->model, cluster.machines_here(), ranks);
                return right(problem->protocol.run(cluster, dealt, problem->settings));
              };
              one.as_transformer = [problem, right, &ranks](bridge::TransformerCluster& cluster) {
                const auto dealt = problem->input->deal(cluster, ranks);
                return right(problem->protocol.run_as_transformer(cluster, dealt, problem->settings));
              };
              cases.push_back(std::move(one));
            }
            return cases;
          }};
}

Inputs graphs(const std::vector<std::string>& specs) {
  Inputs inputs;
  for (const auto& spec : specs) inputs.emplace_back().graph = spec;
  return inputs;
}

Inputs sequences(std::uint64_t machines) {
  InputOptions sequence;
  sequence.input = fmt::format("sequence:{0},{0}", machines);
  sequence.k = 3;
  return {sequence};
}

/// Of four points, an image a machine.
Inputs maps(std::uint64_t machines) {
  InputOptions maps;
  maps.n = 4;
  maps.k = std::max<std::uint64_t>(2, machines / 4);
  return {maps};
}

Inputs cycle_graphs(std::uint64_t machines) {
  if (machines < 6) return graphs({"cycle:" + std::to_string(std::max<std::uint64_t>(3, machines))});
  return graphs({"two-cycles:" + std::to_string(machines)});
}

/// A hub, and no hub. With few machines s holds the whole graph; from 16 on the graph is large enough that it has to be contracted first.
Inputs trees(std::uint64_t machines) {
  const auto n = std::to_string(machines < 16 ? std::max<std::uint64_t>(3, machines) : 5 * machines + 1);
  return graphs({"star:" + n, "path:" + n});
}

}  // namespace

const std::vector<Theorem1Protocol>& theorem1_protocols() {
  static const std::vector<Theorem1Protocol> all = [] {
    const Numbers up_to_1024{1, 2, 3, 5, 16, 50, 64, 256, 1024};
    const Numbers few{2, 3, 4, 5, 6};
    auto protocols = theorem1_primitives();
    for (auto& protocol : {
             on_inputs("cycles", "doubling", {2, 3, 5, 16, 50, 64, 256, 1024}, false, cycle_graphs),
             on_inputs("cycles", "sample", {3, 5, 16, 50, 64, 256}, true, cycle_graphs),
             on_inputs("connectivity", "alt", few, true, trees),
             on_inputs("connectivity", "local-contraction", few, true, trees),
             on_inputs("connectivity", "fastsv", few, true, trees),
             on_inputs("connectivity", "hash-min", few, true, trees),
             on_inputs("connectivity", "hash-to-min", few, true, trees),
             on_inputs("connectivity", "forests", few, true, trees),
             on_inputs("khop", "push", up_to_1024, true, sequences),
             on_inputs("compose", "lookup", up_to_1024, true, maps),
         })
      protocols.push_back(protocol);
    return protocols;
  }();
  return all;
}

}  // namespace roundtrip
