#include "transformer_bridge/programs/hops.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/model.h"

#include "protocols/oracle/hops.h"

#include "tests/transformer_bridge/programs/run_model.h"
#include "tests/transformer_bridge/refusal.h"

namespace tests {
namespace {

using bridge::NumberType;
using Sequence = std::vector<std::uint64_t>;

constexpr std::uint64_t none = 1000;

Sequence random_sequence(std::uint64_t length, std::uint64_t symbols, std::uint64_t seed) {
  Sequence sequence;
  for (std::uint64_t i = 0; i < length; ++i) sequence.push_back(mpc::mix(mpc::mix(seed) + i) % symbols);
  return sequence;
}

template <class Real>
Sequence answers_by(Ready<Real>& ready, std::uint64_t positions, std::uint64_t symbols, const Sequence& sequence) {
  return bridge::hops_answers(positions, symbols, ready(bridge::hops_tokens<Real>(positions, symbols, sequence)), none);
}

/// visit(sequence) for every sequence of `length` symbols.
template <class Visit>
void for_each_sequence(std::uint64_t length, std::uint64_t symbols, Visit&& visit) {
  Sequence sequence(length, 0);
  for (;;) {
    visit(sequence);
    std::size_t at = 0;
    while (at < length && ++sequence[at] == symbols) sequence[at++] = 0;
    if (at == length) return;
  }
}

TEST(Hops, OfEveryShortSequence) {
  for (std::uint64_t k = 1; k <= 6; ++k) {
    for (const auto symbols : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}}) {
      Ready<float> ready(bridge::hops(k, 7, symbols, NumberType::f32));
      for (std::uint64_t length = 1; length <= 7; ++length) {
        for_each_sequence(length, symbols, [&](const Sequence& sequence) {
          EXPECT_EQ(answers_by(ready, 7, symbols, sequence), protocols::oracle::hops(sequence, k, none)) << "k " << k;
        });
      }
    }
  }
}

// Every k that the full check goes through, on fewer sequences; lengths below and at the limit.
TEST(Hops, EveryNumberOfHops) {
  const std::uint64_t alphabets[] = {2, 3, 4, 7, 8, 26};
  for (std::uint64_t k = 1; k <= 64; ++k) {
    const auto symbols = alphabets[k % 6];
    const auto model = bridge::hops(k, 100, symbols, NumberType::f32);
    EXPECT_EQ(model.transformer.layers().size(), mpc::ceil_log(2, k) + 2);
    Ready<float> ready(model);
    std::uint64_t defined = 0;
    for (std::uint64_t round = 0; round < 20; ++round) {
      const auto sequence = random_sequence(round % 4 == 0 ? 73 : 100, symbols, 100 * k + round);
      const auto expected = protocols::oracle::hops(sequence, k, none);
      EXPECT_EQ(answers_by(ready, 100, symbols, sequence), expected) << "k " << k << ", round " << round;
      defined += expected.size() - static_cast<std::uint64_t>(std::ranges::count(expected, none));
    }
    if (symbols <= 4) {
      EXPECT_GT(defined, 0) << "k " << k;
    }
  }
}

TEST(Hops, OfLongSequences) {
  for (const auto k : {std::uint64_t{1}, std::uint64_t{37}, std::uint64_t{64}}) {
    for (const auto symbols : {std::uint64_t{2}, std::uint64_t{26}}) {
      Ready<float> ready(bridge::hops(k, 1000, symbols, NumberType::f32));
      const auto sequence = random_sequence(1000, symbols, k);
      EXPECT_EQ(answers_by(ready, 1000, symbols, sequence), protocols::oracle::hops(sequence, k, none));
    }
  }
}

TEST(Hops, ByTheReferenceAndInDouble) {
  for (const auto k : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{10}}) {
    const auto model = bridge::hops(k, 60, 4, NumberType::f64);
    const auto sequence = random_sequence(60, 4, 50 + k);
    const auto y = bridge::forward(model.transformer, bridge::hops_tokens<double>(60, 4, sequence));
    EXPECT_EQ(bridge::hops_answers(60, 4, y, none), protocols::oracle::hops(sequence, k, none));
  }
}

TEST(Hops, AreCausal) {
  const auto model = bridge::hops(11, 40, 3, NumberType::f32);
  Ready<float> ready(model);
  const auto sequence = random_sequence(40, 3, 1);
  const auto all = ready(bridge::hops_tokens<float>(40, 3, sequence));
  for (const std::uint64_t length : {1, 2, 17, 39}) {
    auto other = random_sequence(40, 3, 2);
    std::copy_n(sequence.begin(), length, other.begin());
    EXPECT_EQ(ready(bridge::hops_tokens<float>(40, 3, other)).block(0, length), all.block(0, length));
    EXPECT_EQ(ready(bridge::hops_tokens<float>(40, 3, Sequence(sequence.begin(), sequence.begin() + static_cast<std::ptrdiff_t>(length)))),
              all.block(0, length));
  }
  for (const auto& layer : model.transformer.layers()) {
    ASSERT_EQ(layer.heads.size(), 1);
    EXPECT_EQ(layer.heads.front().mask.kind(), bridge::Mask::Kind::causal);
  }
}

// Other runtimes leave 1e-39 where float has 0.
TEST(Hops, RestsOfOtherWeightsAreCleaned) {
  const auto model = bridge::hops(13, 50, 4, NumberType::f32);
  Ready<float> ready(changed(bridge::converted<float>(model.transformer), [](auto& layers) {
    for (auto& layer : layers) layer.heads.front().scale /= 8;  // exp(-16)
  }));
  Ready<float> whole(model);
  for (std::uint64_t round = 0; round < 5; ++round) {
    const auto x = bridge::hops_tokens<float>(50, 4, random_sequence(50, 4, round));
    EXPECT_EQ(ready(x), whole(x));
  }
}

// What the rows before the last layer hold are the rows of half as many hops: a check of many k may share them.
TEST(Hops, AllButTheLastLayerAreThoseOfHalfAsMany) {
  const auto x = bridge::hops_tokens<double>(30, 3, random_sequence(30, 3, 3));
  for (std::uint64_t k = 2; k <= 20; ++k) {
    const auto whole = bridge::hops(k, 30, 3, NumberType::f32).transformer;
    const auto half = bridge::hops((k + 1) / 2, 30, 3, NumberType::f32).transformer;
    const auto rows = bridge::forward(half, x);
    EXPECT_EQ(bridge::apply(whole.layers().back(), rows), bridge::forward(whole, x));
    EXPECT_NE(bridge::hops_answers(30, 3, rows, none), bridge::hops_answers(30, 3, bridge::forward(whole, x), none)) << "k " << k;
  }
}

TEST(HopsProof, IsExactAtTheDocumentedSizes) {
  for (const auto k : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{64}}) {
    for (const auto positions : {std::uint64_t{1}, std::uint64_t{100}, std::uint64_t{1000}, std::uint64_t{1} << 16}) {
      for (const auto symbols : {std::uint64_t{1}, std::uint64_t{26}, std::uint64_t{50000}}) {
        for (const auto type : {NumberType::f32, NumberType::f64}) {
          const auto certificate = bridge::certify(bridge::hops(k, positions, symbols, type), type);
          EXPECT_TRUE(certificate.exact) << certificate.objection;
        }
      }
    }
  }
  EXPECT_FALSE(bridge::certify(bridge::hops(2, 100, 4, NumberType::f32), NumberType::f64).exact);
  EXPECT_FALSE(bridge::certify(bridge::hops(2, std::uint64_t{1} << 30, 4, NumberType::f32), NumberType::f32).exact);
}

TEST(HopsProof, BoundsWhatTheWeightsDo) {
  for (const auto symbols : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{26}}) {
    for (const auto positions : {std::uint64_t{1}, std::uint64_t{31}, std::uint64_t{32}}) {
      const auto model = bridge::hops(7, positions, symbols, NumberType::f32);
      const auto x = bridge::hops_tokens<double>(positions, symbols, random_sequence(positions, symbols, positions));
      const auto measured = measured_heads(model.transformer, x);
      ASSERT_EQ(measured.size(), model.proofs.size());
      for (std::size_t l = 0; l < measured.size(); ++l) {
        EXPECT_GE(measured[l].gap, model.proofs[l].gap) << "layer " << l;
        EXPECT_LE(measured[l].largest_logit, model.proofs[l].largest_logit) << "layer " << l;
        EXPECT_LE(measured[l].most_tied, model.proofs[l].most_tied) << "layer " << l;
      }
    }
  }
}

TEST(HopsProof, ASmallerScaleIsRefused) {
  auto model = bridge::hops(5, 20, 3, NumberType::f32);
  model.transformer = changed(model.transformer, [](auto& layers) { layers[1].heads.front().scale = 32; });
  model.proofs[1].gap = 32;
  EXPECT_EQ(bridge::certify(model, NumberType::f32).objection,
            "layer 1 in float32: scale * margin is 32; expected at least 104 for the other weights to vanish");
}

TEST(HopsModel, EverythingHasAName) {
  const auto model = bridge::hops(5, 100, 4, NumberType::f32);
  const auto layers = model.transformer.layers().size();
  EXPECT_EQ(layers, 5);
  EXPECT_EQ(model.transformer.width(), 3 * 3 + 5 * 7);
  ASSERT_EQ(model.columns.size(), layers + 1);
  for (const auto& columns : model.columns) EXPECT_EQ(columns.size(), model.transformer.width());
  EXPECT_EQ(model.heads,
            (std::vector<std::vector<std::string>>{{"symbol before"}, {"last occurrence"}, {"1 hops"}, {"1 hops"}, {"2 hops"}}));
  EXPECT_EQ(model.columns.front()[0].text(), "token.symbol[0]");
  EXPECT_EQ(model.columns.back()[3 + 3 * 7].text(), "token.symbol_after_5_hops[0]");
  EXPECT_TRUE(model.any_length);
  EXPECT_NE(model.source_hash(), bridge::hops(6, 100, 4, NumberType::f32).source_hash());

  // Columns without a name hold zeros.
  auto rows = bridge::hops_tokens<float>(100, 4, random_sequence(100, 4, 5));
  const auto transformer = bridge::converted<float>(model.transformer);
  for (std::size_t l = 0; l <= layers; ++l) {
    for (std::size_t c = 0; c < rows.columns(); ++c) {
      if (!model.columns[l][c].variable.empty()) continue;
      for (std::size_t token = 0; token < rows.rows(); ++token) ASSERT_EQ(rows(token, c), 0) << "layer " << l << ", column " << c;
    }
    if (l < layers) rows = bridge::apply(transformer.layers()[l], rows, l);
  }
}

TEST(HopsModel, Refusals) {
  EXPECT_EQ(refusal([] { bridge::hops(0, 5, 2, NumberType::f32); }),
            "usage: hops: expected one hop, position and symbol or more, got 0, 5 and 2");
  EXPECT_EQ(refusal([] { bridge::hops_tokens<float>(2, 2, Sequence{0, 1, 0}); }), "usage: hops: expected at most 2 symbols, got 3");
  EXPECT_EQ(refusal([] { bridge::hops_tokens<float>(2, 2, Sequence{0, 2}); }), "usage: hops: position 2: expected a symbol below 2, got 2");
  bridge::Matrix<float> y(1, 3 * 2 + 5 * 2);
  y(0, 8) = 1e-39F;
  EXPECT_EQ(refusal([&] { bridge::hops_answers(2, 2, y, none); }).find("fault: hops: token 0, column 8: expected 0 or 1"), 0);
}

}  // namespace
}  // namespace tests
