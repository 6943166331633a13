#include "transformer_bridge/transformer/routed_program.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "protocols/oracle/union_find.h"

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/programs/components.h"
#include "transformer_bridge/transformer/program.h"

#include "bench/benchmarks/random_edges.h"

#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using Edges = std::vector<protocols::Edge>;
using tests::random_matrix;
using tests::random_vector;
using tests::refusal;

template <class Real>
Matrix<Real> dense(const Transformer<Real>& transformer, const Matrix<Real>& x,
                   std::size_t shown = std::numeric_limits<std::size_t>::max()) {
  const auto kernels = cpu_kernels<Real>(1);
  return Program<Real>(transformer, *kernels).forward(x, shown);
}

template <class Real>
double difference(const Matrix<Real>& got, const Matrix<Real>& want) {
  EXPECT_EQ(got.rows(), want.rows());
  EXPECT_EQ(got.columns(), want.columns());
  double most = 0;
  for (std::size_t i = 0; i < want.values().size(); ++i) {
    const auto off = std::abs(static_cast<double>(got.values()[i]) - static_cast<double>(want.values()[i]));
    if (!(off <= most)) most = off;  // NaN stays
  }
  return most;
}

// ---- Components ------------------------------------------------------------------------------------------------------------------

struct Family {
  std::string name;
  std::size_t n;
  Edges edges;
};

std::vector<Family> families() {
  std::vector<Family> result{{"one vertex", 1, {}}, {"two vertices", 2, {{1, 0}}}, {"no edges", 37, {}}};
  Edges path, star, cycles;
  for (std::uint32_t v = 1; v < 64; ++v) {
    path.push_back({v - 1, v});
    star.push_back({63, v - 1});
    cycles.push_back({v, v % 2 == 0 ? v - 2 : (v + 2) % 64});
  }
  result.push_back({"path", 64, path});
  result.push_back({"star", 64, star});
  result.push_back({"cycles", 64, cycles});
  result.push_back({"sparse", 200, random_graphs::edges(200, 120, 1)});
  result.push_back({"random", 200, random_graphs::edges(200, 400, 2)});
  result.push_back({"connected", 200, random_graphs::connected(200, 300, 3)});
  return result;
}

template <class Real>
void expect_components(NumberType type) {
  for (const auto& [name, n, edges] : families()) {
    SCOPED_TRACE(name);
    const auto transformer = converted<Real>(components(n, 10, type, ComponentsRule::shortcut).transformer);
    const auto x = components_tokens<Real>(n, edges);
    RoutedProgram<Real> program(transformer, 2);
    const auto rows = program.forward(x);
    EXPECT_EQ(components_labels(n, rows), protocols::oracle::component_labels(n, edges));
    EXPECT_EQ(rows, dense(transformer, x));
    EXPECT_EQ(program.statistics().attention.fallbacks, 0);
    EXPECT_EQ(program.statistics().attention.queries, 30 * x.rows());
    EXPECT_LE(program.statistics().attention.distinct, 30 * n);
    EXPECT_EQ(program.statistics().different_layers, 2);
  }
}
TEST(RoutedProgram, LabelsComponentsInFloat) { expect_components<float>(NumberType::f32); }
TEST(RoutedProgram, LabelsComponentsInDouble) { expect_components<double>(NumberType::f64); }

TEST(RoutedProgram, IsTheSameBitsOnAnyNumberOfThreads) {
  const std::size_t n = 1500;
  const auto edges = random_graphs::edges(n, 1500, 1);
  const auto transformer = converted<float>(components(n, 4, NumberType::f32).transformer);
  const auto x = components_tokens<float>(n, edges);
  const auto want = RoutedProgram<float>(transformer, 1).forward(x);
  for (const std::size_t threads : {2, 3, 7}) EXPECT_EQ(RoutedProgram<float>(transformer, threads).forward(x), want);
}

TEST(RoutedProgram, RunsShorterSequencesAndPadding) {
  const std::size_t n = 100;
  const auto edges = random_graphs::connected(n, 110, 1);
  const auto transformer = converted<float>(components(n, 10, NumberType::f32).transformer);
  const auto x = components_tokens<float>(n, edges);
  RoutedProgram<float> program(transformer, 2);
  const auto want = program.forward(x);
  EXPECT_EQ(want, dense(transformer, x));
  // Two more tokens that nobody sees: arcs that would join nothing.
  Matrix<float> longer(x.rows() + 2, x.columns());
  std::ranges::copy(x.values(), longer.values().begin());
  const auto with_padding = program.forward(longer, x.rows());
  EXPECT_EQ(with_padding.block(0, x.rows()), want);
  EXPECT_EQ(with_padding, dense(transformer, longer, x.rows()));
}

// ---- Any weights -----------------------------------------------------------------------------------------------------------------

/// About a third of the weights are not 0.
template <class Real>
Linear<Real> sparse_linear(std::size_t in, std::size_t out, std::uint64_t seed, bool bias = true) {
  Linear<Real> linear{random_matrix<Real>(in, out, seed), bias ? random_vector<Real>(out, seed + 1) : std::vector<Real>()};
  for (std::size_t i = 0; i < linear.weights.values().size(); ++i) {
    if (mpc::mix(seed + 100 * i) % 3 != 0) linear.weights.values()[i] = 0;
  }
  return linear;
}

template <class Real>
RowFunction<Real> nested(std::size_t width, std::uint64_t seed) {
  const Mlp<Real> mlp{{sparse_linear<Real>(width, 2 * width, seed), sparse_linear<Real>(2 * width, 7, seed + 2, false),
                       sparse_linear<Real>(7, width, seed + 4)},
                      Activation::relu};
  return Sequence<Real>{{Sequence<Real>{{mlp}, true}, sparse_linear<Real>(width, width, seed + 6),
                         Sequence<Real>{{sparse_linear<Real>(width, 3, seed + 8), sparse_linear<Real>(3, width, seed + 10)}, true}},
                        false};
}

/// Everything that a layer can have; one head of the first layer is causal, one has a start token.
template <class Real>
Transformer<Real> everything(std::size_t tokens) {
  constexpr std::size_t width = 9;
  const auto head = [](std::size_t in, std::size_t k, std::size_t v, std::uint64_t seed, Mask mask) {
    return Head<Real>{sparse_linear<Real>(in, k, seed), sparse_linear<Real>(in, k, seed + 2, false), sparse_linear<Real>(in, v, seed + 4),
                      std::move(mask), Real(0.5)};
  };
  Layer<Real> first;
  first.before = sparse_linear<Real>(4, width, 1);
  first.heads_in = nested<Real>(width, 10);
  first.heads = {head(width, 5, 6, 30, {}), head(width, 5, 2, 40, Mask::causal()), head(width, 3, 3, 50, Mask().of_first(tokens / 2))};
  first.heads[1].start = StartToken<Real>{random_vector<Real>(5, 60), random_vector<Real>(2, 61)};
  first.heads_out = sparse_linear<Real>(11, width, 70);
  first.after = nested<Real>(width, 80);
  Layer<Real> second;
  second.before = nested<Real>(width, 90);
  second.heads = {head(width, 4, width, 100, Mask::causal()), head(width, 4, width, 110, {})};
  Layer<Real> third;  // rows only
  third.after = sparse_linear<Real>(width, 5, 120);
  return {tokens, width, {first, second, third}};
}

template <class Real>
void expect_the_program(double tolerance) {
  for (const std::size_t tokens : {0, 1, 2, 63, 64, 65, 150}) {
    SCOPED_TRACE(tokens);
    const auto transformer = everything<Real>(tokens);
    const auto x = random_matrix<Real>(tokens, 4, 7);
    RoutedProgram<Real> program(transformer, 2);
    EXPECT_LE(difference(program.forward(x), dense(transformer, x)), tolerance);
    EXPECT_EQ(program.statistics().different_layers, 3);
  }
}
TEST(RoutedProgram, IsTheProgramForAnyWeightsInFloat) { expect_the_program<float>(1e-4); }
TEST(RoutedProgram, IsTheProgramForAnyWeightsInDouble) { expect_the_program<double>(1e-12); }

TEST(RoutedProgram, ATransformerWithoutLayersIsTheIdentity) {
  const Transformer<double> transformer(10, 3, {});
  const auto x = random_matrix<double>(7, 3, 1);
  EXPECT_EQ(RoutedProgram<double>(transformer, 2).forward(x), x);
}

TEST(RoutedProgram, CountsWeightsThatAreNot0) {
  Layer<double> layer;
  layer.after = Linear<double>{{{1, 0}, {0, 2}}, {0, 5}};
  const Transformer<double> transformer(3, 2, {layer, layer, layer});
  RoutedProgram<double> program(transformer, 1);
  EXPECT_EQ(program.forward({{1, 1}}), (Matrix<double>{{1, 8 + 5 * 7}}));  // y -> 2 y + 5, three times
  EXPECT_EQ(program.statistics().nonzeros, 9);
  EXPECT_EQ(program.statistics().different_layers, 1);
}

TEST(RoutedProgram, LayersThatDifferAreNotTakenForEachOther) {
  const auto layer = [](double weight, double scale, double start, Mask mask) {
    Layer<double> result;
    const Linear<double> one{{{weight}}, {}};
    result.heads = {{one, one, one, std::move(mask), scale}};
    if (start != 0) result.heads[0].start = StartToken<double>{{start}, {1}};
    return result;
  };
  const auto x = random_matrix<double>(30, 1, 3);
  const std::vector<Layer<double>> layers{layer(1, 1, 0, {}),
                                          layer(2, 1, 0, {}),
                                          layer(1, 3, 0, {}),
                                          layer(1, 1, 2, {}),
                                          layer(1, 1, 3, {}),
                                          layer(1, 1, 0, Mask::causal()),
                                          layer(1, 1, 0, Mask().of_first(7)),
                                          layer(1, 1, 0, {})};
  const Transformer<double> transformer(30, 1, layers);
  RoutedProgram<double> program(transformer, 1);
  EXPECT_LE(difference(program.forward(x), dense(transformer, x)), 1e-9);
  EXPECT_EQ(program.statistics().different_layers, 7);
}

// ---- Refusals --------------------------------------------------------------------------------------------------------------------

TEST(RoutedProgram, RefusesWhatItDoesNotRun) {
  const auto text = [](Layer<double> layer) {
    const Transformer<double> transformer(4, 2, {{}, std::move(layer)});
    return refusal([&] { RoutedProgram<double>(transformer, 1); });
  };
  Layer<double> norm;
  norm.before = LayerNorm<double>{{1, 1}, {0, 0}};
  EXPECT_EQ(text(norm).rfind("usage: layer 1, before: the routed kernel runs linear maps and ReLU MLPs", 0), 0) << text(norm);
  const Linear<double> square{{{1, 2}, {3, 4}}, {}};
  Layer<double> gelu;
  gelu.after = Sequence<double>{{Mlp<double>{{square, square}, Activation::gelu}}, true};
  EXPECT_EQ(text(gelu).rfind("usage: layer 1, after: the routed kernel runs", 0), 0) << text(gelu);
  Layer<double> oracle;
  oracle.heads = {
      {square, square, square},
      {square,
       Oracle<double>{"o", 2, 2, [](std::size_t, std::span<const double> row) { return std::vector<double>(row.begin(), row.end()); }},
       square}};
  EXPECT_EQ(text(oracle).rfind("usage: layer 1, head 1, key: the routed kernel runs", 0), 0) << text(oracle);
  Layer<double> masked;
  masked.heads = {{square, square, square, Mask::any(Matrix<std::uint8_t>(4, 4, 1))}};
  EXPECT_EQ(text(masked).rfind("usage: layer 1, head 0: the routed kernel has no mask or a causal one", 0), 0) << text(masked);
}

TEST(RoutedProgram, RefusesInputsAsAProgramDoes) {
  const auto transformer = everything<double>(100);
  const auto both = [&](const Matrix<double>& x) {
    const auto text = refusal([&] { RoutedProgram<double>(transformer, 2).forward(x); });
    EXPECT_EQ(text, refusal([&] { dense(transformer, x); }));
    return text;
  };
  EXPECT_EQ(both(random_matrix<double>(101, 4, 1)), "input: expected a sequence of at most 100 tokens, got 101");
  EXPECT_EQ(both(random_matrix<double>(10, 3, 1)).rfind("usage: input: columns", 0), 0);
  auto x = random_matrix<double>(90, 4, 1);
  x(70, 0) = x(71, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(both(x), "fault: layer 0, before, token 70: NaN");

  // Without `before` it is the input.
  const Linear<double> one{{{1}}, {}};
  Layer<double> layer;
  layer.heads = {{one, one, one}};
  const Transformer<double> plain(100, 1, {layer, layer});
  auto y = random_matrix<double>(90, 1, 1);
  y(80, 0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refusal([&] { RoutedProgram<double>(plain, 2).forward(y); }), "fault: layer 0, input, token 80: NaN");
  EXPECT_EQ(refusal([&] { dense(plain, y); }), "fault: layer 0, input, token 80: NaN");
  y(80, 0) = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refusal([&] { RoutedProgram<double>(plain, 2).forward(y); }), "fault: layer 0, input, token 80: infinity");
}

TEST(RoutedProgram, NamesWhereNumbersOverflow) {
  const Linear<double> large{{{1e200}}, {}}, one{{{1}}, {}};
  Layer<double> layer;
  layer.after = large;
  const Transformer<double> after(10, 1, {layer, layer});
  EXPECT_EQ(refusal([&] { RoutedProgram<double>(after, 1).forward(Matrix<double>(10, 1, 1.0)); }),
            "fault: layer 1, after, token 0: infinity");
  Layer<double> heads;
  heads.heads = {{one, one, one}, {large, large, large}};
  const Transformer<double> in_head(10, 1, {heads});
  auto x = Matrix<double>(10, 1, 1.0);
  x(6, 0) = 1e150;
  EXPECT_EQ(refusal([&] { RoutedProgram<double>(in_head, 1).forward(x); }),
            "fault: layer 0, head 1, token 6: expected finite numbers, got a query that is not");
}

}  // namespace
}  // namespace bridge
