#include "transformer_bridge/simulate/simulate.h"

#include <algorithm>
#include <span>

#include <gtest/gtest.h>

#include "mpc/error.h"
#include "mpc/ranks.h"
#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"

#include "transformer_bridge/kernels/reference_kernels.h"
#include "transformer_bridge/transformer/forward.h"

#include "tests/support/world.h"
#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"
#include "tests/transformer_bridge/sample_transformer.h"

namespace bridge {
namespace {

using tests::error_of;
using tests::holes;
using tests::ids;
using tests::random_matrix;
using tests::refusal;
using tests::same_bits;
using tests::transformer_of;
using tests::world;

mpc::Model model_of(const AttentionTrees& trees) {
  mpc::Model model;
  model.machines = trees.machines();
  model.memory = mpc::Words{trees.words()};
  model.input_words = model.n = trees.shape().tokens * trees.shape().width;
  return model.with_default_word_bits();
}

template <class Real>
struct Simulated {
  OutputPart<Real> part;
  mpc::Ledger ledger;
};

template <class Real>
Simulated<Real> run(const Transformer<Real>& transformer, const AttentionTrees& trees, const Matrix<Real>& x, mpc::Transport& transport,
                    const SimulateOptions& options = {}) {
  mpc::Cluster cluster(model_of(trees), transport);
  const ReferenceKernels<Real> kernels;
  Program<Real> program(transformer, kernels);
  auto part = simulate(program, trees, x, cluster, options);
  return {std::move(part), cluster.finish()};
}

struct Case {
  std::size_t tokens, width, k, v;
  std::uint64_t block, factor;  ///< s is so many times the least
};
const Case cases[] = {
    {1, 3, 2, 1, 1, 1}, {2, 3, 2, 1, 1, 1}, {3, 5, 1, 2, 1, 2},  {7, 4, 3, 2, 1, 1},  {9, 8, 4, 6, 1, 1},  // 8 and 6 + 2: pieces of 8 words
    {9, 3, 2, 1, 1, 4}, {5, 3, 2, 1, 2, 1}, {12, 3, 2, 1, 5, 1}, {16, 8, 4, 6, 4, 2}, {3, 3, 2, 1, 9, 1},
};

template <class Real>
void expect_the_transformers_answer(double tolerance) {
  mpc::MpiTransport transport(world());
  for (const auto& c : cases) {
    for (const auto& mask : {Mask(), Mask::causal(), holes(c.tokens), Mask().of_first(c.tokens / 2 + 1)}) {
      SCOPED_TRACE(testing::Message() << c.tokens << " tokens of width " << c.width << " in blocks of " << c.block << ", "
                                      << mask.describe());
      const auto transformer = transformer_of<Real>(c.tokens, c.width, c.k, c.v, mask);
      const auto shape = shape_of(transformer, transformer.tokens());
      const AttentionTrees trees(shape, c.factor * AttentionTrees::least_words(shape, c.block), c.block);
      const auto x = ids<Real>(c.tokens);
      const auto [part, ledger] = run(transformer, trees, x, transport);
      EXPECT_EQ(ledger.rounds.size(), trees.rounds());

      // Every rank holds its share, and the shares are the whole.
      const auto want = forward(transformer_of<double>(c.tokens, c.width, c.k, c.v, mask), ids<double>(c.tokens));
      const auto held = world().sum(part.values.size());
      ASSERT_EQ(held, want.values().size());
      if (!part.values.empty()) {
        EXPECT_LE(error_of<Real>(part.values, want.values().subspan(part.first, part.values.size())), tolerance);
      }

      // The same bits and the same ledger as on one rank.
      mpc::InProcess alone;
      const auto [whole, ledger_alone] = run(transformer, trees, x, alone);
      ASSERT_EQ(whole.values.size(), want.values().size());
      EXPECT_EQ(ledger.digest(), ledger_alone.digest());
      EXPECT_TRUE(same_bits<Real>(part.values, std::span(whole.values).subspan(part.first, part.values.size())));

      // And as with machines that compute one by one.
      const auto [apart, ledger_apart] = run(transformer, trees, x, transport, {.evaluation = Evaluation::one_by_one});
      EXPECT_EQ(ledger.digest(), ledger_apart.digest());
      EXPECT_TRUE(same_bits<Real>(part.values, apart.values));
    }
  }
}

TEST(SimulateOnRanks, GivesTheTransformersAnswerInDouble) { expect_the_transformers_answer<double>(1e-12); }
TEST(SimulateOnRanks, GivesTheTransformersAnswerInFloat) { expect_the_transformers_answer<float>(1e-5); }

/// A head of the whole width, so that m = mH, and s is the least: what a token machine keeps and sends is what the trees say.
TEST(SimulateOnRanks, LoadsAreThoseOfTheTrees) {
  mpc::MpiTransport transport(world());
  for (const std::size_t tokens : {2, 5, 16}) {
    Layer<double> layer;
    layer.heads = {{Linear<double>{random_matrix<double>(4, 4, 1), {}}, Linear<double>{random_matrix<double>(4, 4, 2), {}},
                    Linear<double>{random_matrix<double>(4, 4, 3), {}}}};
    const Transformer<double> transformer(tokens, 4, {layer, layer});
    const auto shape = shape_of(transformer, transformer.tokens());
    EXPECT_EQ(shape.head_width, 4);
    const AttentionTrees trees(shape, AttentionTrees::least_words(shape));
    const auto ledger = run(transformer, trees, random_matrix<double>(tokens, 4, 9), transport).ledger;
    std::uint64_t sent = 0;
    for (const auto& round : ledger.rounds) sent = std::max(sent, round.max_kept_plus_sent);
    EXPECT_EQ(sent, trees.token_load());
  }
}

/// Sequences may be shorter than the transformer, and end in padding.
TEST(SimulateOnRanks, TakesShorterSequencesAndPadding) {
  mpc::MpiTransport transport(world());
  const auto longer = transformer_of<double>(9, 4, 2, 3, Mask::causal());
  const auto x = ids<double>(6);
  const AttentionTrees trees(shape_of(longer, 6), 400);
  const auto part = run(longer, trees, x, transport, {.shown = 4}).part;
  auto layers = longer.layers();
  for (auto& layer : layers) {
    for (auto& head : layer.heads) head.mask = head.mask.of_first(4);
  }
  const auto want = bridge::forward(Transformer<double>(6, 4, layers), x);
  ASSERT_EQ(world().sum(part.values.size()), want.values().size());
  if (part.values.empty()) return;
  EXPECT_LE(error_of<double>(part.values, want.values().subspan(part.first, part.values.size())), 1e-12);
}

TEST(SimulateOnRanks, RefusesWhatDoesNotFit) {
  mpc::MpiTransport transport(world());
  const auto transformer = transformer_of<double>(4, 3, 2, 1, {});
  const AttentionTrees trees(shape_of(transformer, transformer.tokens()), 1000), others(shape_of(transformer, transformer.tokens()), 2000);
  mpc::Cluster cluster(model_of(trees), transport);
  const ReferenceKernels<double> kernels;
  Program<double> program(transformer, kernels);
  EXPECT_EQ(refusal([&] { simulate(program, trees, ids<double>(5), cluster); }),
            "usage: theorem 2: tokens of the input: expected 4, got 5");
  EXPECT_EQ(refusal([&] { simulate(program, trees, Matrix<double>(4, 3), cluster); }),
            "usage: theorem 2: columns of the input: expected 1, got 3");
  EXPECT_EQ(refusal([&] { simulate(program, others, ids<double>(4), cluster); }),
            "usage: theorem 2: words a machine: expected 2000, got 1000");
  // An id that the embedding lacks is refused on all ranks with one text.
  auto x = ids<double>(4);
  x(2, 0) = 7;
  const auto text = refusal([&] { simulate(program, trees, x, cluster); });
  EXPECT_TRUE(text.starts_with("input: machine 2, round 2 (layer 0: down, ")) << text;
  EXPECT_TRUE(text.ends_with("layer 0, before, token 2: 7 is not an id of the embedding, which has 7 rows")) << text;
}

}  // namespace
}  // namespace bridge
