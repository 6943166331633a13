#include "transformer_bridge/transformer/forward.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::random_matrix;
using tests::refusal;

constexpr auto infinity = std::numeric_limits<double>::infinity();
constexpr auto nan = std::numeric_limits<double>::quiet_NaN();

template <class Real>
Linear<Real> times(Real factor, Real bias = 0) {
  return {{{factor}}, {bias}};
}

/// Gives every token the mean of what it sees, in width 1.
template <class Real>
Head<Real> mean(Mask mask = {}) {
  return {times<Real>(0), times<Real>(0), times<Real>(1), std::move(mask)};
}

template <class Real>
Matrix<Real> forward_one(const Layer<Real>& layer, const Matrix<Real>& x) {
  return forward(Transformer<Real>(x.rows(), 1, {layer}), x);
}

template <class Real>
class Forward : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Forward, Reals);

TYPED_TEST(Forward, HeadsAreAddedToTheRows) {
  using Real = TypeParam;
  const Matrix<Real> x{{1}, {3}};
  EXPECT_EQ(forward_one<Real>({}, x), x);
  EXPECT_EQ(forward_one<Real>({{}, {mean<Real>()}, {}}, x), (Matrix<Real>{{3}, {5}}));
  // Every head sees the same rows, not those that the one before it has changed.
  EXPECT_EQ(forward_one<Real>({{}, {mean<Real>(), mean<Real>()}, {}}, x), (Matrix<Real>{{5}, {7}}));
}

TYPED_TEST(Forward, RowFunctionsComeBeforeOrAfterTheHeads) {
  using Real = TypeParam;
  const Matrix<Real> x{{1}, {3}};
  const RowFunction<Real> f = times<Real>(2, 1);
  EXPECT_EQ(forward_one<Real>({f, {mean<Real>()}, {}}, x), (Matrix<Real>{{8}, {12}}));
  EXPECT_EQ(forward_one<Real>({{}, {mean<Real>()}, f}, x), (Matrix<Real>{{7}, {11}}));
  EXPECT_EQ(forward_one<Real>({f, {mean<Real>()}, f}, x), (Matrix<Real>{{17}, {25}}));
  EXPECT_EQ(forward(Transformer<Real>(2, 1, {{f, {mean<Real>()}, {}}, {{}, {mean<Real>()}, f}}), x), (Matrix<Real>{{37}, {45}}));
}

TYPED_TEST(Forward, HeadsReadOneRowFunctionAndWriteThroughAnother) {
  using Real = TypeParam;
  const Matrix<Real> x{{1}, {3}};
  Layer<Real> layer;
  layer.heads_in = times<Real>(10);
  layer.heads = {mean<Real>(), mean<Real>(Mask::causal())};
  EXPECT_EQ(forward_one<Real>(layer, x), (Matrix<Real>{{1 + 20 + 10}, {3 + 20 + 20}}));
  // The heads stand side by side, in order, and their projection is added to the row, not to what they read.
  layer.heads_out = Linear<Real>{{{1}, {Real(0.5)}}, {100}};
  EXPECT_EQ(forward_one<Real>(layer, x), (Matrix<Real>{{1 + 20 + 5 + 100}, {3 + 20 + 10 + 100}}));
  layer.after = times<Real>(2);
  EXPECT_EQ(forward_one<Real>(layer, x), (Matrix<Real>{{252}, {266}}));
  EXPECT_EQ(apply(layer, x), (Matrix<Real>{{252}, {266}}));
}

TYPED_TEST(Forward, AHeadsProjectionEqualsProjectedHeads) {
  using Real = TypeParam;
  // Values of width 2 through a projection are heads of the whole width whose values are projected: the same up to rounding.
  const std::size_t width = 6;
  const auto x = random_matrix<Real>(5, width, 1);
  const auto rows_of = [](const Matrix<Real>& from, std::size_t first, std::size_t count) { return from.block(first, count); };
  const auto projection = random_matrix<Real>(4, width, 2);
  Layer<Real> joined, apart;
  for (std::size_t h = 0; h < 2; ++h) {
    const Linear<Real> query{random_matrix<Real>(width, 3, 3 + h), {}}, key{random_matrix<Real>(width, 3, 5 + h), {}};
    const Linear<Real> value{random_matrix<Real>(width, 2, 7 + h), {}};
    joined.heads.push_back({query, key, value});
    apart.heads.push_back({query, key, Sequence<Real>{{value, Linear<Real>{rows_of(projection, 2 * h, 2), {}}}}});
  }
  joined.heads_out = Linear<Real>{projection, {}};
  const auto got = apply(joined, x), want = apply(apart, x);
  for (std::size_t i = 0; i < got.values().size(); ++i) {
    const auto error = std::abs(got.values()[i] - want.values()[i]);
    EXPECT_TRUE(error <= 64 * std::numeric_limits<Real>::epsilon()) << error;
  }
}

TYPED_TEST(Forward, MasksHide) {
  using Real = TypeParam;
  const Matrix<Real> x{{1}, {3}, {8}};
  EXPECT_EQ(forward_one<Real>({{}, {mean<Real>(Mask::causal())}, {}}, x), (Matrix<Real>{{2}, {5}, {12}}));
  // Token 0 sees 1 and 2, token 1 nothing, token 2 token 0.
  const auto mask = Mask::any({{0, 1, 1}, {0, 0, 0}, {1, 0, 0}});
  EXPECT_EQ(forward_one<Real>({{}, {mean<Real>(mask)}, {}}, x), (Matrix<Real>{{6.5}, {3}, {9}}));
  auto head = mean<Real>(mask);
  head.start = StartToken<Real>{{0}, {10}};
  EXPECT_EQ(forward_one<Real>({{}, {head}, {}}, x), (Matrix<Real>{{8}, {13}, {13.5}}));
}

TYPED_TEST(Forward, PaddingIsHiddenFromAll) {
  using Real = TypeParam;
  const Matrix<Real> x{{1}, {3}, {8}};
  const auto rows = [&](const Mask& mask) { return forward_one<Real>({{}, {mean<Real>(mask)}, {}}, x); };
  EXPECT_EQ(rows(Mask().of_first(2)), (Matrix<Real>{{3}, {5}, {10}}));  // a row of padding stays, and sees the others
  EXPECT_EQ(rows(Mask().of_first(3)), (Matrix<Real>{{5}, {7}, {12}}));
  EXPECT_EQ(rows(Mask().of_first(4)), rows({}));
  EXPECT_EQ(rows(Mask().of_first(0)), x);
  EXPECT_EQ(rows(Mask::causal().of_first(2)), (Matrix<Real>{{2}, {5}, {10}}));
  EXPECT_EQ(rows(Mask::any({{0, 1, 1}, {0, 0, 1}, {1, 1, 0}}).of_first(2)), (Matrix<Real>{{4}, {3}, {10}}));
}

TYPED_TEST(Forward, QueriesKeysValuesAndScaleHaveTheirPlaces) {
  using Real = TypeParam;
  // Logits scale * 3x * 5y for x = 1 and y in {0, 1}, so odds e^(15 scale).
  Head<Real> head{times<Real>(3), times<Real>(5), times<Real>(7), {}, Real(0.1)};
  const auto result = forward_one<Real>({{}, {head}, {}}, {{1}, {0}});
  EXPECT_FLOAT_EQ(static_cast<float>(result(0, 0)), static_cast<float>(1 + 7 / (1 + std::exp(-1.5))));
  EXPECT_FLOAT_EQ(static_cast<float>(result(1, 0)), 3.5F);  // its query is 0
}

TYPED_TEST(Forward, RowFunctionsCompute) {
  using Real = TypeParam;
  const auto apply_to = [](const RowFunction<Real>& f, const Matrix<Real>& x) { return apply(Layer<Real>{f, {}, {}}, x); };
  const Matrix<Real> x{{1, 2}, {-1, 0}};
  const Linear<Real> swap{{{0, 1}, {1, 0}}, {0, 1}};
  EXPECT_EQ(apply_to(swap, x), (Matrix<Real>{{2, 2}, {0, 0}}));
  // No activation after the last map, one after each of the others.
  const Linear<Real> minus{{{-1, 0}, {0, 1}}, {}};
  EXPECT_EQ(apply_to(Mlp<Real>{{minus}}, x), (Matrix<Real>{{-1, 2}, {1, 0}}));
  EXPECT_EQ(apply_to(Mlp<Real>{{minus, minus}}, x), (Matrix<Real>{{0, 2}, {-1, 0}}));
  EXPECT_EQ(apply_to(Mlp<Real>{{minus, minus, minus}}, x), (Matrix<Real>{{0, 2}, {0, 0}}));
  const auto gelu = apply_to(Mlp<Real>{{times<Real>(1), times<Real>(1)}, Activation::gelu}, {{1}});
  const auto gelu_tanh = apply_to(Mlp<Real>{{times<Real>(1), times<Real>(1)}, Activation::gelu_tanh}, {{1}});
  EXPECT_NEAR(static_cast<double>(gelu(0, 0)), 0.8413447460685429, 1e-6);
  EXPECT_NEAR(static_cast<double>(gelu_tanh(0, 0)), 0.8411919906082768, 1e-6);
  EXPECT_EQ(apply_to(LayerNorm<Real>{{1, 2}, {0, 10}, Real(3.75)}, x), (Matrix<Real>{{-0.25, 10.5}, {-0.25, 10.5}}));
  EXPECT_EQ(apply_to(Embedding<Real>{{{1, 2}, {3, 4}}, {}}, {{1}, {0}}), (Matrix<Real>{{3, 4}, {1, 2}}));
  EXPECT_EQ(apply_to(Embedding<Real>{{{1, 2}, {3, 4}}, {{10, 20}, {30, 40}}}, {{1}, {0}}), (Matrix<Real>{{13, 24}, {31, 42}}));
  EXPECT_EQ(apply_to(Sequence<Real>{{swap, minus}}, x), (Matrix<Real>{{-2, 2}, {0, 0}}));
  EXPECT_EQ(apply_to(Sequence<Real>{{swap, minus}, true}, x), (Matrix<Real>{{-1, 4}, {-1, 0}}));
  const Oracle<Real> oracle{"place", 2, 1, [](std::size_t token, std::span<const Real> row) {
                              return std::vector<Real>{static_cast<Real>(100 * token) + row[0] + row[1]};
                            }};
  EXPECT_EQ(apply_to(oracle, x), (Matrix<Real>{{3}, {99}}));
}

TYPED_TEST(Forward, IsItsLayersInOrder) {
  using Real = TypeParam;
  const auto linear = [](std::size_t in, std::size_t out, std::uint64_t seed) {
    return Linear<Real>{random_matrix<Real>(in, out, seed), tests::random_vector<Real>(out, seed + 100)};
  };
  std::vector<Layer<Real>> layers;
  for (std::uint64_t l = 0; l < 3; ++l) {
    layers.push_back({linear(l == 0 ? 2 : 4, 4, l),
                      {{linear(4, 3, l + 10), linear(4, 3, l + 20), linear(4, 4, l + 30)}},
                      linear(4, l == 2 ? 5 : 4, l + 40)});
  }
  auto x = random_matrix<Real>(6, 2, 50);
  const auto whole = forward(Transformer<Real>(6, 4, layers), x);
  for (std::size_t l = 0; l < 3; ++l) x = apply(layers[l], x, l);
  EXPECT_EQ(x, whole);
  EXPECT_EQ(x.columns(), 5);
  EXPECT_NE(x, Matrix<Real>(6, 5));
}

/// Becomes `value` at one token, and is x elsewhere.
Oracle<double> spoil(std::size_t at, double value) {
  return {"spoil", 1, 1, [=](std::size_t token, std::span<const double> row) { return std::vector<double>{token == at ? value : row[0]}; }};
}

TEST(ForwardNan, IsReportedWhereItAppears) {
  const Matrix<double> x{{1}, {2}, {3}, {4}};
  const auto run = [&](const Layer<double>& second) {
    return refusal([&] { forward(Transformer<double>(4, 1, {{{}, {mean<double>()}, {}}, second}), x); });
  };
  auto heads = std::vector<Head<double>>{mean<double>(), mean<double>()};
  EXPECT_EQ(run({{}, heads, {}}), "not refused");
  EXPECT_EQ(refusal([] { forward(Transformer<double>(3, 1, {}), {{1}, {nan}, {nan}}); }), "fault: input, token 1: NaN");
  EXPECT_EQ(run({spoil(2, nan), {}, {}}), "fault: layer 1, before, token 2: NaN");
  EXPECT_EQ(run({{}, {}, spoil(3, nan)}), "fault: layer 1, after, token 3: NaN");
  EXPECT_EQ(run({{}, {mean<double>(), {spoil(3, nan), times(1.), times(1.)}}, {}}), "fault: layer 1, head 1, query, token 3: NaN");
  EXPECT_EQ(run({{}, {{times(1.), spoil(2, nan), times(1.)}}, {}}), "fault: layer 1, head 0, key, token 2: NaN");
  EXPECT_EQ(run({{}, {{times(1.), times(1.), spoil(1, nan)}}, {}}), "fault: layer 1, head 0, value, token 1: NaN");
  // Infinite logits from finite numbers, seen by tokens 2 and 3.
  EXPECT_EQ(run({{}, {mean<double>(), {times(1e200), spoil(2, 1e200), times(1.), Mask::causal()}}, {}}),
            "fault: layer 1, head 1, token 2: NaN, from its logits or an infinite value");
  EXPECT_EQ(run({{}, {{times(0.), times(0.), Sequence<double>{{spoil(0, infinity), spoil(1, -infinity)}}, Mask::causal()}}, {}}),
            "fault: layer 1, head 0, token 1: NaN, from its logits or an infinite value");
  EXPECT_EQ(run({spoil(1, infinity),
                 {{times(0., 1.), times(0., 1.), spoil(1, -infinity), Mask::any({{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}})}},
                 {}}),
            "fault: layer 1, head 0, query, token 1: NaN");
}

TEST(ForwardNan, OfASumOfInfiniteTermsIsReported) {
  const auto constant = [](double value) {
    return Oracle<double>{"constant", 1, 1, [value](std::size_t, std::span<const double>) { return std::vector<double>{value}; }};
  };
  const Head<double> up{constant(0), constant(0), constant(infinity)}, down{constant(0), constant(0), constant(-infinity)};
  EXPECT_EQ(refusal([&] {
              forward(Transformer<double>(2, 1, {{{}, {up, down}, {}}}), Matrix<double>(2, 1));
            }),
            "fault: layer 0, sum of the heads, token 0: NaN, from infinite terms");
}

TEST(ForwardNan, IsNotLostInAnMlp) {
  // The hidden column is 0 * infinity; what follows could take it for nothing.
  for (const auto activation : {Activation::relu, Activation::gelu, Activation::gelu_tanh}) {
    const Mlp<double> mlp{{times(0.), times(0.)}, activation};
    EXPECT_EQ(refusal([&] { apply<double>({mlp, {}, {}}, {{1}, {infinity}}, 7); }), "fault: layer 7, before, token 1: NaN");
  }
}

TEST(ForwardShapes, AreChecked) {
  const Transformer<double> transformer(2, 1, {{{}, {mean<double>()}, {}}});
  EXPECT_EQ(refusal([&] { forward(transformer, Matrix<double>(3, 1)); }), "usage: input: tokens: expected 2, got 3");
  EXPECT_EQ(refusal([&] { forward(transformer, Matrix<double>(2, 4)); }), "usage: input: columns: expected 1, got 4");
  const auto layer = [](auto&&... parts) { return Layer<double>{parts...}; };
  const std::optional<RowFunction<double>> none, two = Linear<double>{Matrix<double>(1, 2), {}}, empty = Mlp<double>{};
  const std::vector<Head<double>> heads{mean<double>()}, no_heads;
  EXPECT_EQ(refusal([&] { apply(layer(none, heads, none), Matrix<double>(2, 3), 5); }),
            "usage: layer 5, input: columns: expected 1, got 3");
  EXPECT_EQ(refusal([&] { apply(layer(two, heads, none), Matrix<double>(2, 1), 5); }),
            "usage: layer 5, head 0, query: columns in: expected 2, got 1");
  EXPECT_EQ(refusal([&] { apply(layer(none, no_heads, two), Matrix<double>(2, 3), 5); }),
            "usage: layer 5, input: columns: expected 1, got 3");
  EXPECT_EQ(refusal([&] { apply(layer(empty, heads, none), Matrix<double>(2, 1), 5); }),
            "usage: layer 5, before: an MLP without a linear map");
  EXPECT_EQ(refusal([&] {
              apply(layer(none, std::vector<Head<double>>{{Mlp<double>{}, Mlp<double>{}, Mlp<double>{}}}, none), Matrix<double>(2, 1), 5);
            }),
            "usage: layer 5, head 0, query: an MLP without a linear map");
  EXPECT_EQ(refusal([&] { apply(layer(none, no_heads, empty), Matrix<double>(2, 1), 5); }),
            "usage: layer 5, after: an MLP without a linear map");
}

TEST(ForwardShapes, OfWhatAnOracleReturnsAreChecked) {
  const Oracle<double> oracle{"step", 1, 2,
                              [](std::size_t token, std::span<const double>) { return std::vector<double>(token == 1 ? 3 : 2); }};
  EXPECT_EQ(refusal([&] {
              apply<double>({oracle, {}, {}}, Matrix<double>(2, 1));
            }),
            "usage: layer 0, before, token 1: columns of the Oracle step's row: expected 2, got 3");
}

TEST(ForwardShapes, AnIdThatTheEmbeddingLacksIsRefused) {
  const Layer<double> layer{Embedding<double>{Matrix<double>(3, 2), {}}, {}, {}};
  for (const auto& [id, text] : {std::pair(3., "3"), {-1., "-1"}, {1.5, "1.5"}, {infinity, "inf"}, {1e300, "1e+300"}}) {
    EXPECT_EQ(refusal([&, &id = id] {
                apply(layer, {{2}, {id}});
              }),
              std::string("input: layer 0, before, token 1: ") + text + " is not an id of the embedding, which has 3 rows");
  }
  EXPECT_EQ(refusal([&] { apply(layer, {{2}, {0}}); }), "not refused");
}

}  // namespace
}  // namespace bridge
