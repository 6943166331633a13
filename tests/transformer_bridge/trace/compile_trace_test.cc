#include "transformer_bridge/trace/compile_trace.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "mpc/transport/scrambled.h"

#include "tests/transformer_bridge/refusal.h"
#include "tests/transformer_bridge/trace/compiled_run.h"
#include "tests/transformer_bridge/trace/small_protocols.h"

namespace bridge {
namespace {

using roundtrip::traced_broadcast;
using roundtrip::traced_compose;
using roundtrip::traced_cycles;
using roundtrip::traced_reduce;
using roundtrip::traced_sort;
using roundtrip::TracedProblem;
using tests::expect_same;
using tests::problem_of;
using tests::random_cycles;
using tests::refusal;

constexpr std::uint64_t sizes[] = {1, 2, 3, 5, 8, 13, 16, 33, 64};

template <class Real>
bool any_held(const CompiledProtocol& compiled) {
  return std::ranges::any_of(compiled.memory, [](const auto& words) {
    return std::ranges::any_of(words, [](const StoredWord& word) {
      return std::ranges::any_of(word.bits, [](const auto& place) { return place.kind == StoredWord::Place::Kind::column; });
    });
  });
}

/// One transformer for all inputs of a size.
template <class Real>
void check_type(const std::function<TracedProblem(std::uint64_t seed)>& problem_of_seed) {
  const auto first = problem_of_seed(1);
  const auto compiled = first.compile(number_type_of<Real>);
  const auto certificate = certify(compiled.model, number_type_of<Real>);
  EXPECT_TRUE(certificate.exact) << first.name() << ": " << certificate.objection;
  EXPECT_EQ(compiled.model.type, number_type_of<Real>);
  EXPECT_TRUE(any_held<Real>(compiled));
  const auto transformer = converted<Real>(compiled.model.transformer);
  EXPECT_FALSE(transformer.has_oracle());
  mpc::InProcess in_process;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const auto problem = problem_of_seed(seed);
    const auto run = problem.run(in_process, problem.model.memory);
    expect_same(problem, compiled, transformer, run);
  }
  // Made of another input it is the same.
  const auto other = problem_of_seed(2).compile(number_type_of<Real>);
  EXPECT_EQ(other.model.source, compiled.model.source);
  EXPECT_EQ(other.model.source_hash(), compiled.model.source_hash());
}
void check(const std::function<TracedProblem(std::uint64_t seed)>& problem_of_seed) {
  check_type<float>(problem_of_seed);
  check_type<double>(problem_of_seed);
}

TEST(CompiledProtocols, Cycles) {
  for (const auto q : sizes) check([q](auto seed) { return traced_cycles(random_cycles(q, seed), q, "random"); });
  // One cycle alone, the longest way to go, and loops alone.
  for (const std::uint64_t q : {2U, 7U, 64U}) {
    check([q](auto seed) {
      std::vector<protocols::Edge> edges;
      for (std::uint64_t v = 0; v < q; ++v) edges.push_back({v, seed == 3 ? v : (v + 1) % q});
      return traced_cycles(edges, q, "one cycle");
    });
  }
}
TEST(CompiledProtocols, Broadcast) {
  for (const auto q : sizes) check([q](auto seed) { return traced_broadcast(q, 8, seed); });
}
TEST(CompiledProtocols, Reduce) {
  for (const auto q : sizes) {
    for (const auto* variant : {"min", "max"}) check([=](auto seed) { return traced_reduce(variant, q, 8, seed); });
  }
}
TEST(CompiledProtocols, Sort) {
  for (const auto q : sizes) check([q](auto seed) { return traced_sort(q, 8, seed); });
}
TEST(CompiledProtocols, Compose) {
  for (const std::uint64_t points : {1U, 2U, 3U, 5U, 8U}) {
    for (const std::uint64_t maps : {1U, 2U, 3U, 5U, 8U}) check([=](auto seed) { return traced_compose(points, maps, seed); });
  }
  check([](auto seed) { return traced_compose(13, 6, seed); });
}
/// The narrowest words, and wide ones, whose last bit counts.
TEST(CompiledProtocols, Words) {
  for (const unsigned bits : {1U, 2U, 19U, 20U}) {
    check([=](auto seed) { return traced_sort(6, bits, seed); });
    check([=](auto seed) { return traced_reduce("min", 5, bits, seed); });
    check([=](auto seed) { return traced_broadcast(5, bits, seed); });
  }
}

/// Two letters a machine and round, sources, counts, tables, sums: on more items than machines, and on sizes that are no powers of two.
TEST(CompiledProtocols, Gossip) {
  for (const auto q : sizes) check_type<double>([q](auto seed) { return problem_of<tests::Gossip<8>>("gossip", q, seed); });
  for (const std::uint64_t q : {1U, 2U, 3U, 5U, 8U, 13U, 16U})
    check_type<float>([q](auto seed) { return problem_of<tests::Gossip<4>>("gossip", q, seed); });
}
/// A step that adds up sums of sums reaches numbers that float does not hold in every order of addition. The certificate says so.
TEST(CompiledProtocols, AreExactOnlyAsFarAsTheTypeGoes) {
  const auto gossip = problem_of<tests::Gossip<8>>("gossip", 5, 1).compile(NumberType::f32);
  const auto certificate = certify(gossip.model, NumberType::f32);
  EXPECT_FALSE(certificate.exact);
  EXPECT_TRUE(certificate.objection.starts_with("layer 1 in float32: numbers reach ")) << certificate.objection;
  // What float32 has of them is no proof for float64, whose other weights vanish later.
  const auto sort = traced_sort(5, 8, 1).compile(NumberType::f32);
  EXPECT_TRUE(certify(sort.model, NumberType::f32).exact);
  EXPECT_TRUE(
      certify(sort.model, NumberType::f64).objection.starts_with("layer 0 in float64: scale * margin is 128; expected at least 745.2"));
}
TEST(CompiledProtocols, Silence) {
  for (const std::uint64_t q : {1U, 2U, 5U}) check([q](auto seed) { return problem_of<tests::Silence>("silence", q, seed); });
}
TEST(CompiledProtocols, Reverse) {
  for (const auto q : sizes) check([q](auto seed) { return problem_of<tests::Reverse>("reverse", q, seed); });
}

TEST(CompiledProtocols, Corners) {
  for (const auto q : sizes) check([q](auto seed) { return problem_of<tests::Corners>("corners", q, seed); });
}

TEST(CompiledProtocols, Late) {
  for (const auto q : sizes) check([q](auto seed) { return problem_of<tests::Late>("late", q, seed); });
}

/// The order in which messages arrive is not seen.
TEST(CompiledProtocols, AreTheSameOnScrambledMessages) {
  const auto problem = problem_of<tests::Gossip<5>>("gossip", 9, 4);
  const auto compiled = problem.compile(NumberType::f32);
  mpc::InProcess carrier;
  mpc::Scrambled scrambled(carrier, 5);
  expect_same(problem, compiled, converted<float>(compiled.model.transformer), problem.run(scrambled, problem.model.memory));
}

/// The bits of each column have a name, and no other column has one.
TEST(CompiledProtocols, NameTheirColumnsAndHeads) {
  const auto problem = traced_sort(5, 4, 1);
  const auto compiled = problem.compile(NumberType::f32);
  const auto& model = compiled.model;
  ASSERT_EQ(model.columns.size(), model.transformer.layers().size() + 1);
  ASSERT_EQ(model.heads.size(), model.transformer.layers().size());
  ASSERT_EQ(model.proofs.size(), model.transformer.layers().size());
  EXPECT_EQ(model.heads[0], (std::vector<std::string>{"item 0"}));
  EXPECT_EQ(model.heads[1], (std::vector<std::string>{"bitonic sort, letter 0"}));
  for (std::size_t l = 0; l < model.heads.size(); ++l) EXPECT_EQ(model.heads[l].size(), model.transformer.layers()[l].heads.size());
  for (std::size_t i = 0; i < compiled.own_id.size(); ++i) {
    for (const auto& names : model.columns) {
      if (&names == &model.columns.back()) continue;
      EXPECT_EQ(names[compiled.own_id[i]].text(), "machine.id[" + std::to_string(i) + "]");
    }
  }
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(model.columns[0][compiled.item[0][i]].text(), "item.word 0[" + std::to_string(i) + "]");
  // The answer is all that is left.
  std::set<std::size_t> answer;
  for (const auto& word : compiled.answer) {
    for (const auto& place : word.bits) answer.insert(place.value);
  }
  for (std::size_t c = 0; c < model.columns.back().size(); ++c) {
    EXPECT_EQ(!model.columns.back()[c].variable.empty(), answer.contains(c)) << c;
  }
  EXPECT_EQ(model.parameters.at("machines"), 5U);
  EXPECT_EQ(model.parameters.at("rounds"), problem.bounds.rounds);
  EXPECT_FALSE(model.any_length);
}

TEST(CompiledProtocols, DifferInTheirHashIfTheyDoOtherThings) {
  std::set<std::string> hashes;
  const auto is_new = [&](const TracedProblem& problem) {
    return hashes.insert(problem.compile(NumberType::f32).model.source_hash()).second;
  };
  EXPECT_TRUE(is_new(traced_sort(5, 4, 1)));
  EXPECT_TRUE(is_new(traced_sort(6, 4, 1)));
  EXPECT_TRUE(is_new(traced_sort(5, 5, 1)));
  EXPECT_TRUE(is_new(traced_reduce("min", 5, 4, 1)));
  EXPECT_TRUE(is_new(traced_reduce("max", 5, 4, 1)));
  EXPECT_FALSE(is_new(traced_sort(5, 4, 9)));
}

TEST(CompiledProtocols, TokensOfWordsThatAreTooWideAreRefused) {
  const auto compiled = traced_sort(3, 4, 1).compile(NumberType::f32);
  EXPECT_EQ(refusal([&] { compiled.tokens([](std::uint64_t item, std::uint64_t) { return item == 1 ? 16 : 15; }); }),
            "input: item 1, word 0 has 5 bits; expected at most 4");
}

/// Items in their slots, ids where there are machines; nothing else.
TEST(CompiledProtocols, TokensHoldTheInput) {
  const auto problem = problem_of<tests::Gossip<8>>("gossip", 3, 1);  // three items each
  const auto compiled = problem.compile(NumberType::f32);
  const auto x = compiled.tokens([](std::uint64_t item, std::uint64_t word) { return 10 * item + word; });
  ASSERT_EQ(x.rows(), 9U);
  ASSERT_TRUE(compiled.machine);
  const auto number = [&](std::size_t t, const std::vector<std::size_t>& columns) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) value |= (x(t, columns[i]) != 0 ? std::uint64_t{1} : 0) << i;
    return value;
  };
  for (std::size_t t = 0; t < 9; ++t) {
    EXPECT_EQ(x(t, *compiled.machine), t < 3 ? 1 : 0);
    EXPECT_EQ(number(t, compiled.own_id), t < 3 ? t : 0);
    EXPECT_EQ(number(t, compiled.item_destination), t / 3);
    for (std::size_t s = 0; s < 3; ++s) EXPECT_EQ(x(t, compiled.slot[s]), s == t % 3 ? 1 : 0);
    EXPECT_EQ(number(t, compiled.item[0]), 10 * t);
    EXPECT_EQ(number(t, compiled.item[1]), 10 * t + 1);
  }
  EXPECT_FALSE(traced_sort(3, 4, 1).compile(NumberType::f32).machine);
}

TEST(StoredWords, AreReadFromTheRowOrForgotten) {
  using Kind = StoredWord::Place::Kind;
  const StoredWord word{"x", {{Kind::column, 2}, {Kind::constant, 1}, {Kind::column, 0}, {Kind::constant, 0}}};
  const std::vector<double> row{1, 1, 0};
  EXPECT_EQ(word.of<double>(row), 6U);
  const StoredWord gone{"x", {{Kind::column, 2}, {Kind::forgotten, 0}}};
  EXPECT_EQ(gone.of<double>(row), std::nullopt);
  EXPECT_EQ((StoredWord{"none", {}}).of<double>(row), 0U);
}

/// Whatever bit of the memory is wrong, on either side, it is found and named.
TEST(MemoryDifferences, AreFound) {
  const auto problem = traced_sort(5, 3, 1);
  const auto compiled = problem.compile(NumberType::f64);
  mpc::InProcess in_process;
  auto run = problem.run(in_process, problem.model.memory);
  auto rows = tests::rows_of(compiled, compiled.model.transformer, problem);
  for (std::size_t l = 0; l < rows.size(); ++l) {
    for (std::size_t machine = 0; machine < 5; ++machine) {
      for (std::size_t bit = 0; bit < 3; ++bit) {
        const auto& place = compiled.memory[l].at(0).bits.at(bit);
        ASSERT_EQ(place.kind, StoredWord::Place::Kind::column);
        auto& held = rows[l](machine, place.value);
        held = 1 - held;
        const auto difference = roundtrip::memory_difference(compiled, run, l, rows[l]);
        ASSERT_TRUE(difference);
        EXPECT_TRUE(difference->starts_with("layer " + std::to_string(l) + ": machine.value of machine " + std::to_string(machine)))
            << *difference;
        held = 1 - held;
        run.memory[l][machine][0] ^= std::uint64_t{1} << bit;
        EXPECT_TRUE(roundtrip::memory_difference(compiled, run, l, rows[l]));
        run.memory[l][machine][0] ^= std::uint64_t{1} << bit;
        EXPECT_FALSE(roundtrip::memory_difference(compiled, run, l, rows[l]));
      }
    }
  }
  run.memory[1][2].push_back(0);
  EXPECT_EQ(roundtrip::memory_difference(compiled, run, 1, rows[1]), "layer 1: machine 2 keeps 2 words on messages, and 1 in its row");
}

// ---- What traced_cycles refuses -------------------------------------------------------------------------------------------------

TEST(TracedCycles, TakeEdgesThatArePermutations) {
  const auto of = [](std::vector<protocols::Edge> edges, std::uint64_t vertices) {
    return refusal([&] { traced_cycles(edges, vertices, "g.el"); });
  };
  const std::string rule = "; in weights `cycles` takes edges as they are written, every vertex once first and once second";
  EXPECT_EQ(of({{0, 1}, {1, 2}, {2, 0}}, 3), "not refused");
  EXPECT_EQ(of({{0, 0}, {1, 1}}, 2), "not refused");  // loops
  EXPECT_EQ(of({{0, 0}}, 1), "not refused");
  EXPECT_EQ(of({{0, 1}, {0, 2}, {2, 0}}, 3), "input: g.el: vertex 0 is the first of two edges" + rule);
  EXPECT_EQ(of({{0, 1}, {2, 1}, {1, 0}}, 3), "input: g.el: vertex 1 is the second of two edges" + rule);
  EXPECT_EQ(of({{0, 1}, {1, 2}}, 3), "input: g.el: vertex 0 is the second of no edge" + rule);  // a path
  EXPECT_EQ(of({{1, 0}, {2, 1}}, 3), "input: g.el: vertex 0 is the first of no edge" + rule);
  EXPECT_EQ(of({{0, 0}, {2, 2}}, 3), "input: g.el: vertex 1 is the first of no edge" + rule);
  EXPECT_EQ(of({}, 3), "input: g.el: no edge; expected cycles, each vertex once first and once second");
}

TEST(TracedProblems, RefuseSizesThatDoNotFit) {
  EXPECT_TRUE(refusal([] { traced_sort(4, 23, 1); }).starts_with("usage: words of 23 bits"));
  EXPECT_TRUE(refusal([] { traced_sort(4, 0, 1); }).starts_with("usage: words of 0 bits"));
  EXPECT_TRUE(refusal([] { traced_sort(0, 4, 1); }).starts_with("usage: 0 machines; in weights expected 1 to "));
  EXPECT_TRUE(refusal([] { traced_compose(0, 4, 1); }).starts_with("usage: --n is 0"));
  EXPECT_EQ(refusal([] { traced_reduce("mean", 4, 4, 1); }), "usage: reduce has no variant 'mean'; expected min or max");
}

}  // namespace
}  // namespace bridge
