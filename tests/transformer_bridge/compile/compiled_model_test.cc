#include "transformer_bridge/compile/compiled_model.h"

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "transformer_bridge/transformer/forward.h"

#include "tests/transformer_bridge/refusal.h"
#include "tests/transformer_bridge/sample_transformer.h"

namespace bridge {
namespace {

using tests::refusal;

/// Two layers of one weight each, and proofs that hold in both types.
CompiledModel two_layers(double weight = 1) {
  CompiledModel model;
  model.name = "small";
  Layer<double> layer;
  layer.after = Linear<double>{Matrix<double>{{weight}}, {}};
  model.transformer = Transformer<double>(1, 1, {layer, layer});
  LayerProof proof;
  proof.gap = 1024;
  proof.largest_logit = 12;
  proof.largest_number = 100;
  proof.step = 0.5;
  model.proofs = {proof, proof};
  return model;
}

TEST(WeightsCertificates, SayWhatWasProved) {
  auto model = two_layers();
  for (const auto type : {NumberType::f32, NumberType::f64}) {
    const auto certificate = certify(model, type);
    EXPECT_TRUE(certificate.exact);
    EXPECT_EQ(certificate.objection, "");
    EXPECT_EQ(certificate.type, type);
    EXPECT_EQ(certificate.margin, 1024);
    EXPECT_EQ(certificate.largest_number, 200);  // in halves
    EXPECT_EQ(certificate.largest_exact, type == NumberType::f32 ? 0x1p24 : 0x1p53);
    // exp(-x) of what has to vanish does.
    EXPECT_EQ(type == NumberType::f32 ? static_cast<double>(std::exp(static_cast<float>(-certificate.vanishing)))
                                      : std::exp(-certificate.vanishing),
              0);
  }
  model.proofs[1].gap = 2000;
  model.proofs[0].largest_logit = 300;
  EXPECT_EQ(certify(model, NumberType::f32).margin, 1024);
  EXPECT_EQ(certify(model, NumberType::f32).largest_number, 300);
}

TEST(WeightsCertificates, WithoutHeadsThereIsNoMargin) {
  auto model = two_layers();
  for (auto& proof : model.proofs) proof.gap = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(certify(model, NumberType::f64).exact);
  EXPECT_EQ(certify(model, NumberType::f64).margin, std::numeric_limits<double>::infinity());
}

TEST(WeightsCertificates, WantAProofForEachLayer) {
  for (const std::size_t proofs : {0U, 1U, 3U}) {
    auto model = two_layers();
    model.proofs.resize(proofs, model.proofs.front());
    const auto certificate = certify(model, NumberType::f32);
    EXPECT_FALSE(certificate.exact);
    EXPECT_EQ(certificate.objection, "2 layers and " + std::to_string(proofs) + " proofs: expected one for each layer");
  }
}

TEST(WeightsCertificates, RefuseASmallGap) {
  auto model = two_layers();
  model.proofs[1].gap = 104;
  EXPECT_TRUE(certify(model, NumberType::f32).exact);
  EXPECT_EQ(certify(model, NumberType::f64).objection,
            "layer 1 in float64: scale * margin is 104; expected at least 745.2 for the other weights to vanish");
  model.proofs[1].gap = 103.5;
  EXPECT_FALSE(certify(model, NumberType::f32).exact);
  EXPECT_EQ(certify(model, NumberType::f32).objection,
            "layer 1 in float32: scale * margin is 103.5; expected at least 104 for the other weights to vanish");
  model.proofs[1].gap = 0;
  EXPECT_FALSE(certify(model, NumberType::f64).exact);
  model.proofs[1].gap = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(certify(model, NumberType::f64).exact);
}

TEST(WeightsCertificates, RefuseLargeNumbers) {
  auto model = two_layers();
  model.proofs[0].largest_number = 0x1p23;  // halves
  EXPECT_TRUE(certify(model, NumberType::f32).exact);
  model.proofs[0].largest_number = 0x1p23 + 0.5;
  EXPECT_FALSE(certify(model, NumberType::f32).exact);
  EXPECT_EQ(certify(model, NumberType::f32).objection,
            "layer 0 in float32: numbers reach 16777217; expected at most 16777216, which are exact");
  EXPECT_TRUE(certify(model, NumberType::f64).exact);
  model.proofs[0].step = 1;
  EXPECT_TRUE(certify(model, NumberType::f32).exact);
  model.proofs[0].largest_logit = 0x1p24 + 1;
  EXPECT_FALSE(certify(model, NumberType::f32).exact);
  model.proofs[0].largest_logit = 0x1p54;
  EXPECT_FALSE(certify(model, NumberType::f64).exact);
  model.proofs[0].largest_logit = std::numeric_limits<double>::quiet_NaN();
  model.proofs[0].largest_number = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(certify(model, NumberType::f64).exact);
}

TEST(WeightsCertificates, RefuseLongAverages) {
  auto model = two_layers();
  model.proofs[1].most_tied = (1U << 21) - 2;  // (b + 2) 2^-24 is an eighth
  EXPECT_TRUE(certify(model, NumberType::f32).exact);
  model.proofs[1].most_tied = (1U << 21) - 1;
  EXPECT_EQ(certify(model, NumberType::f32).objection,
            "layer 1 in float32: an average of 2097151 values is read; expected at most 2097150");
  EXPECT_TRUE(certify(model, NumberType::f64).exact);
}

TEST(WeightsCertificates, RefuseAWeightThatIsNoFloat) {
  for (const auto weight : {0.1, 16777217.0, 1e39, 1e-60, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(certify(two_layers(weight), NumberType::f32).objection, "layer 0 in float32: a weight is not a number of this type")
        << weight;
  }
  EXPECT_TRUE(certify(two_layers(0.1), NumberType::f64).exact);
  for (const auto weight : {0.0, -0.5, 0x1p-149, 3e38, 16777216.0}) {
    const auto rounded = static_cast<double>(static_cast<float>(weight));
    EXPECT_TRUE(certify(two_layers(rounded), NumberType::f32).exact) << weight;
  }
}

/// Wherever a weight can be.
TEST(WeightsCertificates, SeeEveryWeight) {
  const auto linear = [](double weight) { return Linear<double>{Matrix<double>{{weight}}, {0}}; };
  for (int place = 0; place < 13; ++place) {
    for (const double weight : {0.5, 0.1}) {
      const auto at = [&](int here) { return here == place ? weight : 1.0; };
      Layer<double> layer;
      layer.before = linear(at(0));
      layer.heads_in = LayerNorm<double>{{at(1)}, {at(2)}};
      layer.heads = {{linear(at(3)), linear(at(4)), linear(at(5))}};
      layer.heads[0].start = StartToken<double>{{at(6)}, {at(7)}};
      layer.heads_out = Linear<double>{Matrix<double>{{at(8)}}, {at(9)}};
      layer.after =
          Sequence<double>{{Mlp<double>{{linear(at(10)), linear(1)}}, linear(at(11)), Linear<double>{Matrix<double>{{1}}, {at(12)}}}, true};
      CompiledModel model;
      model.transformer = Transformer<double>(1, 1, {layer});
      model.proofs.resize(1);
      EXPECT_EQ(certify(model, NumberType::f32).exact, weight == 0.5) << place;
      EXPECT_TRUE(certify(model, NumberType::f64).exact) << place;
    }
  }
}

TEST(WeightsCertificates, NameTheFirstObjection) {
  auto model = two_layers();
  model.proofs[0].most_tied = 1U << 30;
  model.proofs[1].gap = 1;
  EXPECT_TRUE(certify(model, NumberType::f32).objection.starts_with("layer 0 in float32: an average"));
}

TEST(CompiledModels, AreHashedByNameParametersAndSource) {
  CompiledModel model;
  model.name = "a";
  model.source = "b";
  // FNV-1a of 61 00 62 00, of 61 00 6e 3d 35 00 62 00 with n=5; worked out apart.
  EXPECT_EQ(model.source_hash(), "ab40d7820d408076");
  model.parameters = {{"n", 5}};
  EXPECT_EQ(model.source_hash(), "cf2d4e36586d5ede");
  std::set<std::string> hashes{model.source_hash()};
  const auto is_new = [&](const CompiledModel& other) { return hashes.insert(other.source_hash()).second; };
  auto other = model;
  other.parameters["n"] = 6;
  EXPECT_TRUE(is_new(other));
  other.parameters = {{"m", 5}};
  EXPECT_TRUE(is_new(other));
  other = model;
  other.name = "an=5";
  other.parameters.clear();
  EXPECT_TRUE(is_new(other));
  other = model;
  other.source = "bb";
  EXPECT_TRUE(is_new(other));
  other = model;
  other.proofs.resize(3);
  other.any_length = true;
  EXPECT_FALSE(is_new(other));  // what it was made of is the same
}

TEST(CompiledModels, CountTheirWeights) {
  EXPECT_EQ(two_layers().nonzero(), 2U);
  EXPECT_EQ(two_layers(0).nonzero(), 0U);
  CompiledModel model;
  Layer<double> layer;
  layer.heads = {{Linear<double>{Matrix<double>{{0}, {2}}, {}}, Linear<double>{Matrix<double>{{1}, {2}}, {0}},
                  Linear<double>{Matrix<double>{{0, 0}, {0, 3}}, {}}}};
  layer.heads[0].start = StartToken<double>{{5}, {0, 0}};
  model.transformer = Transformer<double>(3, 2, {layer});
  EXPECT_EQ(model.nonzero(), 5U);
}

TEST(CompiledModels, NameTheirColumns) {
  EXPECT_EQ((ColumnName{"next", "machine", 3}).text(), "machine.next[3]");
  EXPECT_EQ(ColumnName{}.text(), "-");
}

TEST(SaturatingScales, ArePowersOfTwoThatJustDo) {
  for (const auto type : {NumberType::f32, NumberType::f64}) {
    for (const double margin : {1.0, 2.0, 0.5, 3.0, 0.001}) {
      const auto scale = saturating_scale(type, margin);
      EXPECT_GE(scale * margin, facts(type).vanishing);
      EXPECT_LT(scale / 2 * margin, facts(type).vanishing);
      EXPECT_EQ(std::exp2(std::round(std::log2(scale))), scale);
    }
  }
  EXPECT_EQ(saturating_scale(NumberType::f32), 128);
  EXPECT_EQ(saturating_scale(NumberType::f64), 1024);
}

TEST(ConvertedTransformers, AreTheSameInAnotherType) {
  constexpr std::size_t tokens = 7;
  // Its random weights are floats in both types; but for epsilon and a scale of 0.7 all is exact.
  const auto in_double = tests::transformer_of<double>(tokens, 6, 3, 4, tests::holes(tokens));
  const auto in_float = tests::transformer_of<float>(tokens, 6, 3, 4, tests::holes(tokens));
  const auto as_float = converted<float>(in_double);
  EXPECT_EQ(as_float.describe(), in_float.describe());
  EXPECT_EQ(as_float.tokens(), tokens);
  EXPECT_EQ(forward(as_float, tests::ids<float>(tokens)), forward(in_float, tests::ids<float>(tokens)));
  const auto again = converted<double>(in_double);
  EXPECT_EQ(again.describe(), in_double.describe());
  EXPECT_EQ(forward(again, tests::ids<double>(tokens)), forward(in_double, tests::ids<double>(tokens)));
}

TEST(ConvertedTransformers, HaveNoOracles) {
  Layer<double> layer;
  layer.after = Sequence<double>{{Oracle<double>{
      "best move", 1, 1, [](std::size_t, std::span<const double> row) { return std::vector<double>(row.begin(), row.end()); }}}};
  const Transformer<double> transformer(1, 1, {layer});
  EXPECT_EQ(refusal([&] { converted<float>(transformer); }),
            "usage: the row function 'best move' is an Oracle: it has no weights to convert");
}

}  // namespace
}  // namespace bridge
