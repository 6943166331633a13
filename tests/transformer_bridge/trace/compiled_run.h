#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/transport/in_process.h"

#include "protocols/graph/edge.h"

#include "transformer_bridge/trace/compile_trace.h"
#include "transformer_bridge/trace/tracing_cluster.h"
#include "transformer_bridge/transformer/forward.h"

#include "bench/command/recording_cluster.h"
#include "bench/command/traced_problem.h"

namespace tests {

using roundtrip::MessageRun;
using roundtrip::TracedProblem;

/// The trace of a protocol.
template <class Protocol>
bridge::Trace trace_of(const Protocol& protocol, const mpc::Model& model, std::uint64_t per_machine) {
  bridge::TracingCluster cluster(model, per_machine, Protocol::item_words);
  auto kept = protocol.run(cluster, [&](const auto&, std::uint64_t slot, std::uint64_t word) { return cluster.dealt(slot, word); });
  return cluster.finish([&](const auto& me) { return protocol.answer(kept[me]); });
}

inline mpc::Model model_of(std::uint64_t machines, unsigned word_bits, mpc::Words memory = {100}) {
  mpc::Model model;
  model.n = model.machines = machines;
  model.word_bits = word_bits;
  model.memory = memory;
  return model;
}

/// A protocol of these tests' own (small_protocols.h) on random words. What it should find, the run on messages says.
template <class Protocol>
TracedProblem problem_of(const std::string& name, std::uint64_t machines, std::uint64_t seed) {
  TracedProblem problem{};
  problem.protocol = name;
  problem.variant = "test";
  problem.model = model_of(machines, Protocol::word_bits);
  problem.bounds = Protocol::bounds(problem.model);
  problem.model.memory = problem.bounds.least_memory;
  problem.input = [seed](std::uint64_t item, std::uint64_t word) {
    return mpc::PublicHash(seed).below(std::uint64_t{1} << Protocol::word_bits, item, word + 5);
  };
  problem.compile = [model = problem.model, name](bridge::NumberType type) {
    return bridge::compile_trace(trace_of(Protocol(), model, Protocol::per_machine), name, type);
  };
  problem.run = [model = problem.model, input = problem.input](mpc::Transport& transport, mpc::Words memory) {
    auto its = model;
    its.memory = memory;
    roundtrip::RecordingCluster cluster(its, transport);
    auto kept = Protocol::run(cluster, [&](const auto& me, std::uint64_t slot, std::uint64_t word) {
      return input(me.id().value * Protocol::per_machine + slot, word);
    });
    std::vector<mpc::Word> here;
    cluster.inspect([&](const auto& me) {
      const auto answer = Protocol::answer(kept[me]);
      if constexpr (requires { answer.begin(); }) {
        here.insert(here.end(), answer.begin(), answer.end());
      } else {
        here.push_back(answer);
      }
    });
    const auto all = transport.ranks().gather(here);
    MessageRun run;
    const auto each = static_cast<std::ptrdiff_t>(all.size() / model.machines);
    for (auto at = all.begin(); at != all.end(); at += each) run.answers.emplace_back(at, at + each);
    run.memory = cluster.recorded();
    run.ledger = cluster.finish();
    return run;
  };
  return problem;
}

/// Edges of random cycles, loops among them, in random order.
inline std::vector<protocols::Edge> random_cycles(std::uint64_t vertices, std::uint64_t seed) {
  std::vector<std::uint64_t> to;
  for (std::uint64_t v = 0; v < vertices; ++v) to.push_back(v);
  const auto shuffle = [&](auto& list, std::uint64_t salt) {
    for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[mpc::mix(mpc::mix(seed + salt) + i) % i]);
  };
  shuffle(to, 0);
  std::vector<protocols::Edge> edges;
  for (std::uint64_t v = 0; v < vertices; ++v) edges.push_back({v, to[v]});
  shuffle(edges, 1000);
  return edges;
}

template <class To, class From>
bridge::Matrix<To> as(const bridge::Matrix<From>& from) {
  bridge::Matrix<To> to(from.rows(), from.columns());
  for (std::size_t i = 0; i < from.values().size(); ++i) to.values()[i] = static_cast<To>(from.values()[i]);
  return to;
}

/// The rows after each layer.
template <class Real>
std::vector<bridge::Matrix<double>> rows_of(const bridge::CompiledProtocol& compiled, const bridge::Transformer<Real>& transformer,
                                            const TracedProblem& problem) {
  auto rows = as<Real>(compiled.tokens(problem.input));
  std::vector<bridge::Matrix<double>> all;
  for (std::size_t l = 0; l < transformer.layers().size(); ++l) {
    rows = bridge::apply(transformer.layers()[l], rows, l);
    all.push_back(as<double>(rows));
  }
  return all;
}

/// What a row is while nothing is wrong: bits, and zeros where no value has its column.
inline void expect_bits(const bridge::CompiledProtocol& compiled, std::size_t layer, const bridge::Matrix<double>& rows) {
  const auto& names = compiled.model.columns.at(layer + 1);
  ASSERT_EQ(names.size(), rows.columns());
  for (std::size_t t = 0; t < rows.rows(); ++t) {
    for (std::size_t c = 0; c < rows.columns(); ++c) {
      const auto value = rows(t, c);
      ASSERT_TRUE(value == 0 || (value == 1 && !names[c].variable.empty()))
          << "layer " << layer << ", token " << t << ", " << names[c].text() << ": " << value;
    }
  }
}

/// Everything that is compared: rows are bits, what they hold is what machines on messages keep, rounds are as declared, answers are the
/// oracle's and those of messages. `first_machine`: of those whose memory is in the run.
template <class Real>
void expect_same(const TracedProblem& problem, const bridge::CompiledProtocol& compiled, const bridge::Transformer<Real>& transformer,
                 const MessageRun& run, std::size_t first_machine = 0) {
  const auto what = testing::Message() << problem.name() << ", " << problem.model.machines << " machines, " << sizeof(Real) << " bytes";
  SCOPED_TRACE(what);
  const auto rounds = run.ledger.rounds.size();
  ASSERT_EQ(rounds, problem.bounds.rounds);
  ASSERT_EQ(transformer.layers().size(), rounds + 1);
  ASSERT_EQ(run.memory.size(), rounds + 1);
  ASSERT_EQ(compiled.memory.size(), rounds + 1);
  const auto rows = rows_of(compiled, transformer, problem);
  for (std::size_t l = 0; l < rows.size(); ++l) {
    expect_bits(compiled, l, rows[l]);
    if (testing::Test::HasFatalFailure()) return;
    const auto here = rows[l].block(first_machine, run.memory[l].size());
    EXPECT_EQ(roundtrip::memory_difference(compiled, run, l, here), std::nullopt);
    if (l == 0 || compiled.model.heads[l].empty()) continue;
    const auto& name = compiled.model.heads[l].front();
    EXPECT_EQ(name.substr(0, name.rfind(", letter")), run.ledger.rounds[l - 1].label);
  }
  ASSERT_EQ(run.answers.size(), problem.model.machines);
  for (std::size_t machine = 0; machine < run.answers.size(); ++machine) {
    ASSERT_EQ(run.answers[machine].size(), compiled.answer.size());
    for (std::size_t w = 0; w < compiled.answer.size(); ++w) {
      const auto found = compiled.answer[w].of<double>(rows.back().row(machine));
      ASSERT_TRUE(found);
      EXPECT_EQ(*found, run.answers[machine][w]) << "machine " << machine << ", word " << w;
    }
    if (problem.expected.empty() || problem.expected[machine].empty()) continue;
    EXPECT_EQ(run.answers[machine], problem.expected[machine]) << "machine " << machine;
  }
}

}  // namespace tests
