#include "protocols/khop.h"

#include <set>

#include <gtest/gtest.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "protocols/sequence/sequence.h"

#include "tests/protocols/families.h"
#include "tests/protocols/solve.h"
#include "tests/support/sanitized.h"

namespace tests {
namespace {

using protocols::SequenceShape;
using Symbols = std::vector<std::uint64_t>;

const roundtrip::Registered& khop() { return roundtrip::find_protocol("khop"); }

/// find^1(i) = max({0} u {j <= i : X_{j-1} = X_i}), as it stands there.
std::uint64_t find(const Symbols& x, std::uint64_t i) {
  for (auto j = i; j >= 2; --j) {
    if (x[j - 2] == x[i - 1]) return j;
  }
  return 0;
}

/// hop_k of all positions, hop by hop; `undefined` where find^k is 0.
Symbols hops(const Symbols& x, std::uint64_t k, std::uint64_t undefined) {
  Symbols found;
  for (std::uint64_t i = 1; i <= x.size(); ++i) {
    auto at = i;
    for (std::uint64_t hop = 0; hop < k && at != 0; ++hop) at = find(x, at);
    found.push_back(at == 0 ? undefined : x[at - 1]);
  }
  return found;
}

/// A sequence in which a symbol may come twice in a row.
Symbols random_symbols(std::uint64_t n, std::uint64_t alphabet, std::uint64_t seed) {
  Symbols symbols;
  for (std::uint64_t i = 0; i < n; ++i) symbols.push_back(mpc::PublicHash(seed).below(alphabet, i));
  return symbols;
}

SequenceShape shape_of_symbols(const Symbols& symbols, std::uint64_t alphabet) {
  mpc::SingleRank alone;
  return SequenceShape(protocols::spread_sequence(symbols, alphabet, {}, alone));
}

/// Runs khop, and compares all of it with what is expected.
Finished expect_hops(const Symbols& symbols, const SequenceShape& shape, std::uint64_t k, const mpc::Model& model,
                     const Symbols& expected) {
  const protocols::Settings settings{"push", true, k};
  mpc::InProcess transport;
  mpc::Cluster cluster(model, transport);
  auto answer = khop().run(cluster, protocols::SequenceInput(shape, model.machines, cluster.machines_here(), symbols), settings);
  Finished run{model, khop().bounds(model, shape, settings, 0), std::move(answer), cluster.finish()};
  expect_within_memory(run);
  EXPECT_EQ(run.ledger.rounds.size(), run.bounds.rounds);
  EXPECT_EQ(run.answer.labels.size(), expected.size());
  for (std::size_t i = 0; i < run.answer.labels.size() && i < expected.size(); ++i) {
    EXPECT_EQ(run.answer.labels[i], (protocols::VertexLabel{i + 1, expected[i]})) << "position " << i + 1;
  }
  const auto last = expected.empty() || expected.back() == shape.symbols ? std::nullopt : std::optional(expected.back());
  EXPECT_EQ(run.answer.value, last);
  return run;
}

mpc::Model model_for(const SequenceShape& shape, std::uint64_t k, const roundtrip::ModelOptions& options) {
  return roundtrip::choose_model(options, khop(), {"push", true, k}, shape);
}

mpc::Model least_for(const SequenceShape& shape, std::uint64_t machines, std::uint64_t seed) {
  roundtrip::ModelOptions options;
  options.machines = machines;
  options.words = "min";
  options.seed = seed;
  return model_for(shape, 1, options);
}

TEST(Khop, IsTheDefinitionOnAThousandSequences) {
  for (std::uint64_t seed = 1; seed <= (sanitized ? 50 : 1000) && !testing::Test::HasFailure(); ++seed) {
    const mpc::PublicHash hash(seed);
    const auto n = 1 + hash.below(36, 1000);
    const auto alphabet = 1 + hash.below(7, 1001);
    const auto machines = std::vector{1UL, 2UL, 3UL, 5UL, 8UL, n, 2 * n + 3}[hash.below(7, 1002)];
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << n << " positions, " << machines << " machines");
    const auto symbols = random_symbols(n, alphabet, seed);
    const auto shape = shape_of_symbols(symbols, alphabet);
    const auto model = least_for(shape, machines, seed);
    Symbols place(n), step(n + 1, 0);  // find^k, hop by hop, by the definition
    for (std::uint64_t i = 1; i <= n; ++i) place[i - 1] = i, step[i] = find(symbols, i);
    for (std::uint64_t k = 1; k <= 64; ++k) {
      SCOPED_TRACE(testing::Message() << "k = " << k);
      Symbols expected;
      for (auto& at : place) {
        at = step[at];
        expected.push_back(at == 0 ? alphabet : symbols[at - 1]);
      }
      const auto run = expect_hops(symbols, shape, k, model, expected);
      EXPECT_EQ(run.bounds.rounds, 3 + mpc::ceil_log(2, std::min(k, n)));
    }
  }
}

TEST(Khop, IsTheDefinitionOnLongSequences) {
  for (const std::uint64_t alphabet : {1, 2, 4, 70, 2000}) {
    const auto symbols = random_symbols(2000, alphabet, alphabet);
    const auto shape = shape_of_symbols(symbols, alphabet);
    for (const std::uint64_t k : {0UL, 1UL, 2UL, 3UL, 7UL, 64UL, 1000UL, 1999UL, 2001UL, ~0UL}) {
      SCOPED_TRACE(testing::Message() << alphabet << " symbols, k = " << k);
      const auto expected = hops(symbols, std::min<std::uint64_t>(k, 2000), alphabet);
      expect_hops(symbols, shape, k, model_for(shape, k, {}), expected);
      EXPECT_EQ(khop().oracle(protocols::WholeSequence{alphabet, symbols}, {"push", false, k}).labels, expected);
    }
  }
}

TEST(Khop, RunsInTheLeastMemoryAndInNoLess) {
  for (const std::uint64_t machines : {1, 4, 25, 100, 1000}) {
    const auto symbols = random_symbols(300, 9, machines);
    const auto shape = shape_of_symbols(symbols, 9);
    const auto least = least_for(shape, machines, 1);
    expect_hops(symbols, shape, 5, least, hops(symbols, 5, 9));
    roundtrip::ModelOptions options;
    options.machines = machines;
    options.words = std::to_string(least.memory.count - 1);
    EXPECT_FALSE(model_or_refusal(options, khop(), {"push", false, 5}, shape));
  }
}

TEST(Khop, DeclaresWhatTheOwnersHear) {
  // Every symbol has an owner of its own and is on every machine: q occurrences of 2 words.
  const auto frequent = shape_of_symbols(random_symbols(1000, 2, 1), 2);
  EXPECT_EQ(least_for(frequent, 100, 1).memory.count, 10 + 3 + 2 * 100U);
  // No symbol twice: an owner hears of its ceil(N/q) symbols once.
  Symbols distinct(1000);
  std::iota(distinct.begin(), distinct.end(), 0);
  EXPECT_EQ(least_for(shape_of_symbols(distinct, 1000), 100, 1).memory.count, 10 + 3 + 4 * 10U);
}

TEST(Khop, OfExtremes) {
  const auto hop = [](const Symbols& symbols, std::uint64_t alphabet, std::uint64_t k) {
    const auto shape = shape_of_symbols(symbols, alphabet);
    return expect_hops(symbols, shape, k, model_for(shape, k, {}), hops(symbols, k, alphabet));
  };
  EXPECT_EQ(hop({}, 0, 3).answer.value, std::nullopt);
  EXPECT_EQ(hop({0}, 1, 0).answer.value, 0U);
  EXPECT_EQ(hop({0}, 1, 1).answer.value, std::nullopt);
  // A symbol twice in a row is its own find: it hops to itself for ever.
  EXPECT_EQ(hop({1, 0, 0}, 2, 60).answer.value, 0U);
  EXPECT_EQ(hop({0, 0, 0}, 1, 3).answer.value, 0U);
  // 0 1 2 0: find(4) = 2, which is the first 1.
  EXPECT_EQ(hop({0, 1, 2, 0}, 3, 1).answer.value, 1U);
  EXPECT_EQ(hop({0, 1, 2, 0}, 3, 2).answer.value, std::nullopt);
  EXPECT_EQ(hop({0, 1, 2, 0}, 3, 0).ledger.rounds.size(), 0U);
}

}  // namespace
}  // namespace tests
