#include "transformer_bridge/transformer/transformer.h"

#include <gtest/gtest.h>

#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::refusal;
using Rows = Matrix<double>;

Linear<double> linear(std::size_t in, std::size_t out) { return {Rows(in, out, 1), {}}; }
Head<double> head(std::size_t width, std::size_t k) { return {linear(width, k), linear(width, k), linear(width, width)}; }
Oracle<double> oracle(std::size_t in, std::size_t out) {
  return {"step", in, out, [out](std::size_t, std::span<const double>) { return std::vector<double>(out); }};
}

/// Two layers of width 3 for 4 tokens, with everything in them.
std::vector<Layer<double>> layers() {
  Layer<double> first{Embedding<double>{Rows(9, 3), Rows(4, 3)}, {head(3, 2), head(3, 1)}, {}};
  first.heads[0].mask = Mask::causal();
  first.heads[0].start = StartToken<double>{{0, 0}, {0, 0, 0}};
  first.heads[1].mask = Mask::any(Matrix<std::uint8_t>(4, 4, 1));
  first.heads[1].scale = 0.5;
  first.after =
      Sequence<double>{{LayerNorm<double>{{1, 1, 1}, {0, 0, 0}}, Mlp<double>{{linear(3, 5), linear(5, 3)}, Activation::gelu}}, true};
  Layer<double> second{{}, {head(3, 2)}, Linear<double>{Rows(3, 9), std::vector<double>(9)}};
  return {first, second};
}

TEST(Transformer, FitsTogether) {
  const Transformer<double> transformer(4, 3, layers());
  EXPECT_EQ(transformer.tokens(), 4);
  EXPECT_EQ(transformer.width(), 3);
  EXPECT_EQ(transformer.in(), 1);
  EXPECT_EQ(transformer.out(), 9);
  EXPECT_EQ(transformer.layers().size(), 2);
  const Transformer<double> empty(4, 3, {});
  EXPECT_EQ(empty.in(), 3);
  EXPECT_EQ(empty.out(), 3);
}

TEST(Transformer, DescribesItself) {
  const Transformer<double> transformer(4, 3, layers());
  // 39 + (6 + 6 + 9 + 5) + (3 + 3 + 9) + (6 + 15 + 15), and (6 + 6 + 9) + (27 + 9)
  EXPECT_EQ(transformer.parameters(), 39 + 26 + 15 + 36 + 21 + 36);
  EXPECT_EQ(transformer.describe(), R"(transformer: 4 tokens, width 3, 2 layers, 3 heads, 173 parameters, float64
layer 0
  before embedding of 9 ids and positions -> 3
  head 0: query linear 3 -> 2, key linear 3 -> 2, value linear 3 -> 3, scale 1, causal, start token
  head 1: query linear 3 -> 1, key linear 3 -> 1, value linear 3 -> 3, scale 0.5, masked
  after row + (layer norm 3; mlp 3 -> 5 -> 3, gelu)
layer 1
  head 0: query linear 3 -> 2, key linear 3 -> 2, value linear 3 -> 3, scale 1, no mask
  after linear 3 -> 9
)");
  EXPECT_EQ(Transformer<float>(2, 1, {}).describe(), "transformer: 2 tokens, width 1, 0 layers, 0 heads, 0 parameters, float32\n");
}

/// A layer of width 3 whose heads read rows of 2 columns and have values of 4 and 1 columns.
Layer<double> projected() {
  Layer<double> layer;
  layer.heads_in = linear(3, 2);
  layer.heads = {{linear(2, 7), linear(2, 7), linear(2, 4)}, {linear(2, 1), linear(2, 1), linear(2, 1)}};
  layer.heads[0].start = StartToken<double>{std::vector<double>(7), std::vector<double>(4)};
  layer.heads_out = linear(5, 3);
  return layer;
}

TEST(Transformer, DescribesPadding) {
  EXPECT_EQ(Mask().describe(), "no mask");
  EXPECT_EQ(Mask().of_first(7).describe(), "no mask, padding from token 7");
  EXPECT_EQ(Mask::causal().of_first(7).describe(), "causal, padding from token 7");
  EXPECT_EQ(Mask::any({{1}}).of_first(0).describe(), "masked, padding from token 0");
}

TEST(Transformer, HeadsMayReadAndWriteOtherWidths) {
  const Transformer<double> transformer(4, 3, {projected()});
  EXPECT_EQ(transformer.parameters(), 6 + (14 + 14 + 8 + 11) + (2 + 2 + 2) + 15);
  EXPECT_EQ(transformer.describe(), R"(transformer: 4 tokens, width 3, 1 layers, 2 heads, 74 parameters, float64
layer 0
  heads in linear 3 -> 2
  head 0: query linear 2 -> 7, key linear 2 -> 7, value linear 2 -> 4, scale 1, no mask, start token
  head 1: query linear 2 -> 1, key linear 2 -> 1, value linear 2 -> 1, scale 1, no mask
  heads out linear 5 -> 3
)");
  const auto changed = [](auto&& change) {
    auto layer = projected();
    change(layer);
    return refusal([&] { Transformer<double>(4, 3, {layer}); });
  };
  EXPECT_EQ(changed([](auto& layer) { layer.heads_in = linear(2, 2); }), "usage: layer 0, heads_in: columns in: expected 3, got 2");
  EXPECT_EQ(changed([](auto& layer) { layer.heads_in = linear(3, 3); }), "usage: layer 0, head 0, query: columns in: expected 3, got 2");
  EXPECT_EQ(changed([](auto& layer) { layer.heads_out = linear(4, 3); }),
            "usage: layer 0, heads_out: columns in, as of all heads: expected 5, got 4");
  EXPECT_EQ(changed([](auto& layer) { layer.heads_out = linear(5, 2); }), "usage: layer 0, heads_out: columns out: expected 3, got 2");
  EXPECT_EQ(changed([](auto& layer) { layer.heads_out = {}; }), "usage: layer 0, head 0, value: columns out: expected 3, got 4");
  EXPECT_EQ(changed([](auto& layer) { layer.heads[0].start->value.resize(3); }),
            "usage: layer 0, head 0: width of the start token's value: expected 4, got 3");
  EXPECT_EQ(changed([](auto& layer) { layer.heads_out = oracle(5, 3); }), "not refused");
  const auto with_oracle = [](auto&& change) {
    auto layer = projected();
    change(layer);
    return Transformer<double>(4, 3, {layer}).has_oracle();
  };
  EXPECT_FALSE(with_oracle([](auto&) {}));
  EXPECT_TRUE(with_oracle([](auto& layer) { layer.heads_in = oracle(3, 2); }));
  EXPECT_TRUE(with_oracle([](auto& layer) { layer.heads_out = oracle(5, 3); }));
}

TEST(Transformer, SaysWhereItHasAnOracle) {
  EXPECT_FALSE(Transformer<double>(4, 3, layers()).has_oracle());
  const auto place = [](auto&& change) {
    auto all = layers();
    change(all);
    const Transformer<double> transformer(4, 3, std::move(all));
    EXPECT_TRUE(transformer.has_oracle());
    const auto text = transformer.describe();
    EXPECT_NE(text.find("Oracle step 3 -> "), std::string::npos) << text;
    const auto last = text.rfind("has an Oracle (first in ");
    EXPECT_NE(last, std::string::npos) << text;
    return text.substr(last);
  };
  EXPECT_EQ(place([](auto& all) { all[1].before = oracle(3, 3); }),
            "has an Oracle (first in layer 1, before): it cannot be exported as weights\n");
  EXPECT_EQ(place([](auto& all) { all[0].heads[1].query = oracle(3, 1); }),
            "has an Oracle (first in layer 0, head 1, query): it cannot be exported as weights\n");
  EXPECT_EQ(place([](auto& all) { all[0].heads[1].key = oracle(3, 1); }),
            "has an Oracle (first in layer 0, head 1, key): it cannot be exported as weights\n");
  EXPECT_EQ(place([](auto& all) { all[1].heads[0].value = oracle(3, 3); }),
            "has an Oracle (first in layer 1, head 0, value): it cannot be exported as weights\n");
  EXPECT_EQ(place([](auto& all) {
              all[0].after = Sequence<double>{{linear(3, 3), Sequence<double>{{oracle(3, 3)}}}};
            }),
            "has an Oracle (first in layer 0, after): it cannot be exported as weights\n");
}

TEST(Transformer, RefusesShapesThatDoNotFit) {
  const auto changed = [](auto&& change) {
    auto all = layers();
    change(all);
    return refusal([&] { Transformer<double>(4, 3, all); });
  };
  EXPECT_EQ(changed([](auto&) {}), "not refused");
  EXPECT_EQ(changed([](auto& all) { all[0].before = linear(3, 2); }), "usage: layer 0, before: columns out: expected 3, got 2");
  EXPECT_EQ(changed([](auto& all) { all[1].before = linear(2, 3); }), "usage: layer 1, before: columns in: expected 3, got 2");
  EXPECT_EQ(changed([](auto& all) { all[0].after = linear(3, 9); }), "usage: layer 0, after: columns out: expected 3, got 9");
  EXPECT_EQ(changed([](auto& all) { all[1].after = linear(4, 9); }), "usage: layer 1, after: columns in: expected 3, got 4");
  EXPECT_EQ(changed([](auto& all) { all[0].heads[1].query = linear(2, 1); }),
            "usage: layer 0, head 1, query: columns in: expected 3, got 2");
  EXPECT_EQ(changed([](auto& all) { all[0].heads[1].key = linear(2, 1); }), "usage: layer 0, head 1, key: columns in: expected 3, got 2");
  EXPECT_EQ(changed([](auto& all) { all[0].heads[1].value = linear(2, 3); }),
            "usage: layer 0, head 1, value: columns in: expected 3, got 2");
  EXPECT_EQ(changed([](auto& all) { all[1].heads[0].key = linear(3, 1); }),
            "usage: layer 1, head 0, key: columns out, as of the query: expected 2, got 1");
  EXPECT_EQ(changed([](auto& all) { all[1].heads[0].value = linear(3, 2); }),
            "usage: layer 1, head 0, value: columns out: expected 3, got 2");
  EXPECT_EQ(changed([](auto& all) { all[1].heads[0].mask = Mask::any(Matrix<std::uint8_t>(3, 4)); }),
            "usage: layer 1, head 0: rows of the mask: expected 4, got 3");
  EXPECT_EQ(changed([](auto& all) { all[1].heads[0].mask = Mask::any(Matrix<std::uint8_t>(4, 5)); }),
            "usage: layer 1, head 0: columns of the mask: expected 4, got 5");
  EXPECT_EQ(changed([](auto& all) { all[0].heads[0].start->key.pop_back(); }),
            "usage: layer 0, head 0: width of the start token's key: expected 2, got 1");
  EXPECT_EQ(changed([](auto& all) { all[0].heads[0].start->value.pop_back(); }),
            "usage: layer 0, head 0: width of the start token's value: expected 3, got 2");
}

TEST(Transformer, RefusesPartsThatDoNotFit) {
  const auto with = [](const RowFunction<double>& before) { return refusal([&] { Transformer<double>(4, 3, {{before, {}, {}}}); }); };
  EXPECT_EQ(with(linear(7, 3)), "not refused");
  EXPECT_EQ(with(Linear<double>{Rows(3, 3), {1, 2}}), "usage: layer 0, before: width of the bias: expected 3, got 2");
  EXPECT_EQ(with(Mlp<double>{}), "usage: layer 0, before: an MLP without a linear map");
  EXPECT_EQ(with(Mlp<double>{{linear(3, 4), linear(5, 3)}}),
            "usage: layer 0, before, linear map 1 of the MLP: columns in: expected 4, got 5");
  EXPECT_EQ(with(Mlp<double>{{linear(3, 4), {Rows(4, 3), {1}}}}),
            "usage: layer 0, before, linear map 1 of the MLP: width of the bias: expected 3, got 1");
  EXPECT_EQ(with(LayerNorm<double>{{1, 1, 1}, {0}}), "usage: layer 0, before: width of the bias: expected 3, got 1");
  EXPECT_EQ(with(Embedding<double>{Rows(9, 3), Rows(4, 2)}), "usage: layer 0, before: columns of the positions: expected 3, got 2");
  EXPECT_EQ(with(Embedding<double>{Rows(9, 3), Rows(3, 3)}), "usage: layer 0, before: rows of the positions: expected 4 or more, got 3");
  EXPECT_EQ(with(Oracle<double>{"step", 3, 3, {}}), "usage: layer 0, before: the Oracle step has no function");
  EXPECT_EQ(with(Sequence<double>{}), "usage: layer 0, before: a sequence without a step");
  EXPECT_EQ(with(Sequence<double>{{linear(3, 4), linear(5, 3)}}),
            "usage: layer 0, before, step 1 of the sequence: columns in: expected 4, got 5");
  EXPECT_EQ(with(Sequence<double>{{linear(2, 3)}, true}),
            "usage: layer 0, before: columns out of the sequence, for its residual: expected 2, got 3");
  EXPECT_EQ(refusal([] { Matrix<double>{{1, 2}, {3}}; }), "usage: matrix: expected rows of 2, got one of 1");
}

}  // namespace
}  // namespace bridge
