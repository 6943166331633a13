#include "bench/command/theorem1_cases.h"

#include <algorithm>
#include <any>
#include <memory>

#include <fmt/core.h>

#include "mpc/primitives/all_reduce.h"
#include "mpc/primitives/broadcast.h"
#include "mpc/primitives/gather.h"
#include "mpc/primitives/key_owners.h"
#include "mpc/primitives/lookup.h"

#include "bench/command/model_choice.h"
#include "bench/command/problem.h"
#include "bench/command/verify.h"

namespace roundtrip {
namespace {

using Numbers = std::vector<std::uint64_t>;

const Numbers up_to_1024{1, 2, 3, 5, 16, 50, 64, 256, 1024};

// ---- Primitives: each with its least s, its rounds, and a program that checks what it finds ---------------------------------------

/// Machine 0's word to all; keeps 1, sends f.
struct Broadcast {
  static constexpr const char* name = "broadcast";
  static constexpr std::uint64_t least_memory = 3;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::broadcast_rounds(model.machines, model.fan_out()); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const Word secret = cluster.hash().below(cluster.model().machines + 1, 1);
    auto value = cluster.template make<Word>([&](const auto& me) { return me.id().value == 0 ? secret : Word{0}; });
    mpc::broadcast<Word>(cluster, value, mpc::MachineId{0}, cluster.model().fan_out());
    const bool right = cluster.agree([&](const auto& me) { return value[me]; }) == secret;
    cluster.inspect([](const auto&) {});
    return right;
  }
};

/// The sum of all machines' numbers to all; keeps 3, sends and receives at most f.
struct AllReduce {
  static constexpr const char* name = "all-reduce";
  static constexpr std::uint64_t least_memory = 5;
  static std::uint64_t rounds(const mpc::Model& model) { return mpc::AllReducePlan(model.machines, model.tree_rounds()).rounds(); }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    auto value = cluster.template make<Word>([](const auto& me) { return me.id().value; });
    mpc::all_reduce(cluster, value, [](Word a, Word b) { return a + b; });
    const auto q = cluster.model().machines;
    const bool right = cluster.agree([&](const auto& me) { return value[me]; }) == q * (q - 1) / 2;
    cluster.inspect([](const auto&) {});
    return right;
  }
};

/// Every machine asks two others for their word; keeps 3, sends and receives 2.
struct Lookup {
  static constexpr const char* name = "lookup";
  static constexpr std::uint64_t least_memory = 5;
  static std::uint64_t rounds(const mpc::Model&) { return 2; }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    const mpc::KeyOwners owners(q, q);
    const mpc::PublicPermutation order(q, cluster.model().seed);
    const auto table = [&](Word key) { return cluster.hash().below(q, key, 3); };
    // A machine's keys, distinct and ascending; every key is asked for by at most two machines.
    const auto keys = [&](const auto& me) {
      std::vector<Word> wanted{order(me.id().value), order((me.id().value + 1) % q)};
      std::ranges::sort(wanted);
      const auto repeated = std::ranges::unique(wanted);
      wanted.erase(repeated.begin(), repeated.end());
      return wanted;
    };
    auto entry = cluster.template make<Word>([&](const auto& me) { return table(owners.key(me.id(), 0)); });
    auto found = cluster.template make<std::vector<Word>>();
    mpc::lookup(
        cluster, owners, keys, [&](const auto& me, Word) { return entry[me]; },
        [&](const auto& me, std::size_t, Word word) { found[me].push_back(word); });
    std::uint64_t wrong = 0;
    cluster.inspect([&](const auto& me) {
      const auto wanted = keys(me);
      const auto& answers = found[me];
      bool right = answers.size() == wanted.size();
      for (std::size_t i = 0; right && i < wanted.size(); ++i) right = answers[i] == table(wanted[i]);
      wrong += right ? 0U : 1U;
    });
    return cluster.total(wrong) == 0;
  }
};

/// At most eight words to machine 0; keeps 1.
struct Gather {
  static constexpr const char* name = "gather";
  static constexpr std::uint64_t words = 8;
  static constexpr std::uint64_t least_memory = words + 1;
  static std::uint64_t rounds(const mpc::Model&) { return 1; }
  template <class Cluster>
  static bool run(Cluster& cluster) {
    using Word = typename Cluster::Word;
    const auto q = cluster.model().machines;
    // The eight words stand on machines at equal distances, from the last one down.
    const auto holds = [&](std::uint64_t machine) {
      std::vector<Word> some;
      for (std::uint64_t k = 0; k < words; ++k) {
        if (q - 1 - k * q / words == machine) some.push_back(k);
      }
      return some;
    };
    auto sum = cluster.template make<Word>();
    auto items = mpc::gather<Word>(cluster, mpc::MachineId{0}, [&](const auto& me) { return holds(me.id().value); });
    cluster.local(items, [&](const auto& me, auto inbox) {
      for (const auto& [source, word] : inbox) sum[me] += word + 1;
    });
    std::uint64_t wrong = 0;
    cluster.inspect([&](const auto& me) {
      const Word wanted = me.id().value == 0 ? words * (words + 1) / 2 : 0;
      wrong += sum[me] == wanted ? 0U : 1U;
    });
    return cluster.total(wrong) == 0;
  }
};

template <class Program>
Theorem1Protocol primitive() {
  return {
      Program::name, up_to_1024, [](std::uint64_t machines, std::uint64_t words, std::uint64_t multiple, std::uint64_t seed, mpc::Ranks&) {
        Theorem1Case one;
        const auto least = Program::least_memory;
        // Sums of machine numbers and counts to eight are words too.
        one.model = mpc::Model::with_memory(1, std::max<std::uint64_t>(machines, 8), mpc::Words{words == 0 ? least * multiple : words})
                        .with_machines(machines);
        one.model.seed = seed;
        if (one.model.memory.count < least) {
          throw mpc::Error(mpc::Exit::over_budget,
                           fmt::format("{} needs machines of at least {} words; s is {}", Program::name, least, one.model.memory.count));
        }
        one.rounds_declared = Program::rounds(one.model);
        one.on_messages = [](mpc::Cluster& cluster) { return Program::run(cluster); };
        one.as_transformer = [](bridge::TransformerCluster& cluster) {
          cluster.deal({});
          return Program::run(cluster);
        };
        return std::vector{one};
      }};
}

// ---- Protocols ------------------------------------------------------------------------------------------------------------------

/// Most packets of a machine, B, at twice the least s: the slots grow like B^4. Where s is given, whatever fits is run.
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
              if (words == 0 && bounded && 2 * least > most_packets) continue;
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
  static const std::vector<Theorem1Protocol> all{
      primitive<Broadcast>(),
      primitive<AllReduce>(),
      primitive<Lookup>(),
      primitive<Gather>(),
      on_inputs("cycles", "doubling", {2, 3, 5, 16, 50, 64, 256, 1024}, false, cycle_graphs),
      on_inputs("cycles", "sample", {3, 5, 16, 50, 64, 256}, true, cycle_graphs),
      on_inputs("connectivity", "alt", {2, 3, 4, 5, 6}, true, trees),
      on_inputs("connectivity", "local-contraction", {2, 3, 4, 5, 6}, true, trees),
      on_inputs("khop", "push", up_to_1024, true, sequences),
      on_inputs("compose", "lookup", up_to_1024, true, maps),
  };
  return all;
}

}  // namespace roundtrip
