#include "transformer_bridge/transformer/program.h"

#include <limits>

#include <gtest/gtest.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/reference_kernels.h"
#include "transformer_bridge/transformer/forward.h"

#include "tests/transformer_bridge/refusal.h"
#include "tests/transformer_bridge/sample_transformer.h"

namespace bridge {
namespace {

using tests::error_of;
using tests::holes;
using tests::ids;
using tests::random_matrix;
using tests::refusal;
using tests::transformer_of;

template <class Real>
Matrix<Real> run(const Transformer<Real>& transformer, const Matrix<Real>& x, std::size_t shown = std::numeric_limits<std::size_t>::max()) {
  const ReferenceKernels<Real> kernels;
  return Program<Real>(transformer, kernels).forward(x, shown);
}

template <class Real>
void expect_the_reference(double tolerance) {
  for (const std::size_t tokens : {1, 2, 7, 12}) {
    for (const auto& mask : {Mask(), Mask::causal(), holes(tokens), Mask().of_first(tokens / 2)}) {
      SCOPED_TRACE(testing::Message() << tokens << " tokens, " << mask.describe());
      const auto want = forward(transformer_of<double>(tokens, 5, 3, 2, mask), ids<double>(tokens));
      const auto got = run(transformer_of<Real>(tokens, 5, 3, 2, mask), ids<Real>(tokens));
      ASSERT_EQ(got.rows(), want.rows());
      ASSERT_EQ(got.columns(), want.columns());
      EXPECT_LE(error_of<Real>(got.values(), want.values()), tolerance);
    }
  }
}
TEST(Program, IsTheTransformerInDouble) { expect_the_reference<double>(1e-12); }
TEST(Program, IsTheTransformerInFloat) { expect_the_reference<float>(1e-5); }

Oracle<double> squares(std::size_t columns) {
  return {"squares", columns, columns, [](std::size_t token, std::span<const double> row) {
            std::vector<double> result(row.begin(), row.end());
            for (auto& x : result) x = x * x + static_cast<double>(token);
            return result;
          }};
}

TEST(Program, RunsOraclesAndSequencesInSequences) {
  const auto linear = [](std::size_t in, std::size_t out, std::uint64_t seed) {
    return Linear<double>{random_matrix<double>(in, out, seed), {}};
  };
  Layer<double> layer;
  layer.before = squares(3);
  layer.heads = {{squares(3), linear(3, 3, 1), linear(3, 3, 2)}};
  // A residual connection around one that has its own.
  const Sequence<double> inner{{linear(3, 3, 3), squares(3)}, true};
  layer.after = Sequence<double>{{linear(3, 3, 4), inner}, true};
  const Transformer<double> transformer(5, 3, {layer});
  const auto x = random_matrix<double>(5, 3, 5);
  EXPECT_LE(error_of<double>(run(transformer, x).values(), forward(transformer, x).values()), 1e-12);
}

TEST(Program, TakesShorterSequencesAndPadding) {
  const auto longer = transformer_of<double>(9, 4, 2, 3, Mask::causal());
  const auto x = ids<double>(6);
  auto layers = longer.layers();
  for (auto& layer : layers) {
    for (auto& head : layer.heads) head.mask = head.mask.of_first(4);
  }
  const auto want = forward(Transformer<double>(6, 4, layers), x);
  EXPECT_LE(error_of<double>(run(longer, x, 4).values(), want.values()), 1e-12);
}

TEST(Program, RefusesSequencesThatDoNotFit) {
  EXPECT_EQ(refusal([] { run(transformer_of<double>(4, 4, 2, 3, {}), ids<double>(5)); }),
            "input: expected a sequence of at most 4 tokens, got 5");
  EXPECT_EQ(refusal([] { run(transformer_of<double>(4, 4, 2, 3, holes(4)), ids<double>(3)); }),
            "input: expected a sequence of 4 tokens, which the mask is for, got 3");
  EXPECT_EQ(refusal([] { run(transformer_of<double>(4, 4, 2, 3, {}), Matrix<double>(4, 2)); }), "usage: input: columns: expected 1, got 2");
}

TEST(Program, NamesTheTokenOfANaN) {
  Layer<double> layer;
  layer.after = Linear<double>{{{1, 0}, {0, 1}}, {}};
  const Transformer<double> transformer(3, 2, {layer, layer});
  Matrix<double> x(3, 2, 1);
  x(1, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refusal([&] { run(transformer, x); }), "fault: layer 0, input, token 1: NaN");
  auto overflows = layer;
  overflows.after = Linear<double>{{{1e308, 0}, {0, 1}}, {}};
  Matrix<double> large(3, 2, 0);
  large(2, 0) = 1e308;  // infinite after the first layer, and infinity times zero in the second
  EXPECT_EQ(refusal([&] { run(Transformer<double>(3, 2, {overflows, layer, layer}), large); }), "fault: layer 1, after, token 2: NaN");
}

}  // namespace
}  // namespace bridge
