#include "transformer_bridge/formats/onnx.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/random_matrix.h"
#include "tests/transformer_bridge/refusal.h"
#include "tests/transformer_bridge/sample_transformer.h"

// What the files compute is compared elsewhere, in onnxruntime: tests/peers/compare_exports.py.
namespace tests {
namespace {

using bridge::OnnxOptions;

onnx::ModelProto parsed(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}
template <class Real>
onnx::ModelProto exported(const Transformer<Real>& transformer, const OnnxOptions& options = {}) {
  return parsed(bridge::onnx_bytes(transformer, options));
}

std::map<std::string, const onnx::TensorProto*> initializers(const onnx::ModelProto& model) {
  std::map<std::string, const onnx::TensorProto*> by_name;
  for (const auto& tensor : model.graph().initializer()) by_name[tensor.name()] = &tensor;
  EXPECT_EQ(by_name.size(), model.graph().initializer_size());  // no name twice
  return by_name;
}
std::size_t count(const onnx::ModelProto& model, const std::string& op) {
  return static_cast<std::size_t>(std::ranges::count_if(model.graph().node(), [&](const auto& node) { return node.op_type() == op; }));
}

Linear<double> linear(std::size_t in, std::size_t out, std::uint64_t seed) {
  return {random_matrix<double>(in, out, seed), random_vector<double>(out, seed + 1000)};
}
Layer<double> layer_of(std::size_t width, std::uint64_t seed, const Mask& mask = {}) {
  Layer<double> layer;
  layer.heads = {{linear(width, 2, seed), linear(width, 2, seed + 1), linear(width, width, seed + 2), mask, 0.5}};
  layer.after = linear(width, width, seed + 3);
  return layer;
}

TEST(Onnx, IsAValidModelOfTheVersionsThatItSays) {
  for (const bool any_length : {false, true}) {
    OnnxOptions options;
    options.any_length = any_length;
    options.name = "a name";
    auto model = exported(transformer_of<float>(9, 8, 3, 2, Mask::causal()), options);
    EXPECT_EQ(model.ir_version(), 8);
    ASSERT_EQ(model.opset_import_size(), 1);
    EXPECT_EQ(model.opset_import(0).domain(), "");
    EXPECT_EQ(model.opset_import(0).version(), 17);
    EXPECT_EQ(model.graph().name(), "a name");
    EXPECT_NO_THROW(onnx::checker::check_model(model));
    for (const auto& node : model.graph().node()) EXPECT_EQ(node.domain(), "") << node.name();
    // All shapes follow from those of x, and fit y.
    EXPECT_NO_THROW(onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), {true, 1, true}));
  }
}

template <class Real>
void expect_rows(bool any_length, int type) {
  OnnxOptions options;
  options.any_length = any_length;
  const auto model = exported(transformer_of<Real>(9, 8, 3, 2, Mask()), options);
  ASSERT_EQ(model.graph().input_size(), 1);
  ASSERT_EQ(model.graph().output_size(), 1);
  for (const auto* value : {&model.graph().input(0), &model.graph().output(0)}) {
    const bool is_input = value == &model.graph().input(0);
    EXPECT_EQ(value->name(), is_input ? "x" : "y");
    const auto& tensor = value->type().tensor_type();
    EXPECT_EQ(tensor.elem_type(), type);
    ASSERT_EQ(tensor.shape().dim_size(), 2);
    EXPECT_EQ(tensor.shape().dim(0).dim_param(), any_length ? "N" : "");
    EXPECT_EQ(tensor.shape().dim(0).dim_value(), any_length ? 0 : 9);
    EXPECT_EQ(tensor.shape().dim(1).dim_value(), is_input ? 1 : 2);
  }
}
TEST(Onnx, RowsAreOfTheTypeAndFixedOrFree) {
  for (const bool any_length : {false, true}) {
    expect_rows<float>(any_length, onnx::TensorProto::FLOAT);
    expect_rows<double>(any_length, onnx::TensorProto::DOUBLE);
  }
}

TEST(Onnx, InitializersAreTheWeightsUnderTheNameOfTheirPlace) {
  const auto layer = layer_of(4, 10);
  const auto model = exported(Transformer<double>(3, 4, {layer}));
  const auto by_name = initializers(model);
  const auto expect_matrix = [&](const std::string& name, const bridge::RowFunction<double>& function) {
    ASSERT_TRUE(by_name.contains(name)) << name;
    const auto& tensor = *by_name.at(name);
    const auto& weights = std::get<Linear<double>>(function).weights;
    ASSERT_EQ(tensor.dims_size(), 2);
    EXPECT_EQ(tensor.dims(0), weights.rows());
    EXPECT_EQ(tensor.dims(1), weights.columns());
    ASSERT_EQ(tensor.raw_data().size(), weights.values().size_bytes());
    EXPECT_EQ(std::memcmp(tensor.raw_data().data(), weights.values().data(), tensor.raw_data().size()), 0) << name;
  };
  expect_matrix("layers.0.heads.0.query.weights", layer.heads[0].query);
  expect_matrix("layers.0.heads.0.key.weights", layer.heads[0].key);
  expect_matrix("layers.0.heads.0.value.weights", layer.heads[0].value);
  expect_matrix("layers.0.after.weights", *layer.after);
}

TEST(Onnx, NodesSayWhereTheyAre) {
  const auto model = exported(transformer_of<double>(9, 8, 3, 2, Mask::causal()));
  std::set<std::string> names;
  for (const auto& node : model.graph().node()) EXPECT_TRUE(names.insert(node.name()).second) << node.name();
  for (const auto* name : {"layers.0.heads.1.key.matmul", "layers.0.after.steps.1.maps.0.add_bias", "layers.1.heads.0.softmax",
                           "mask.causal", "layers.2.after.matmul"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(Onnx, EqualLayersAreStoredOnce) {
  const auto one = exported(Transformer<double>(3, 4, {layer_of(4, 10)}));
  const auto many = exported(Transformer<double>(3, 4, std::vector<Layer<double>>(20, layer_of(4, 10))));
  EXPECT_EQ(many.graph().initializer_size(), one.graph().initializer_size());
  EXPECT_EQ(count(many, "Softmax"), 20);
  // One number that differs makes one initializer more.
  auto layers = std::vector<Layer<double>>(20, layer_of(4, 10));
  std::get<Linear<double>>(layers[7].heads[0].key).weights(1, 1) += 1;
  const auto changed = exported(Transformer<double>(3, 4, layers));
  EXPECT_EQ(changed.graph().initializer_size(), one.graph().initializer_size() + 1);
  EXPECT_TRUE(initializers(changed).contains("layers.7.heads.0.key.weights"));
  EXPECT_FALSE(initializers(changed).contains("layers.7.heads.0.query.weights"));
}

// The same bytes in another shape, and 0 and -0, are not equal.
TEST(Onnx, OnlyEqualInitializersAreOne) {
  Layer<double> layer;
  layer.before = bridge::Sequence<double>{{Linear<double>{Matrix<double>(4, 1), {}}, Linear<double>{Matrix<double>(1, 4), {}}}};
  layer.after = bridge::Sequence<double>{{Linear<double>{Matrix<double>(4, 1, -0.0), {}}, Linear<double>{Matrix<double>(1, 4), {}}}};
  EXPECT_EQ(exported(Transformer<double>(3, 4, {layer})).graph().initializer_size(), 3);
}

TEST(Onnx, MasksAreMadeOnce) {
  OnnxOptions options;
  options.any_length = true;
  const auto causal = layer_of(4, 10, Mask::causal());
  const auto model = exported(Transformer<double>(3, 4, {causal, layer_of(4, 20, Mask::causal()), causal}), options);
  EXPECT_EQ(count(model, "LessOrEqual"), 1);
  EXPECT_EQ(count(model, "Range"), 2 - 1);  // queries and keys are the same tokens
  EXPECT_EQ(count(model, "Where"), 3);
}

TEST(Onnx, RowsThatSeeNothingAreCleared) {
  const auto cleared = [](const Mask& mask, bool start) {
    auto layer = layer_of(4, 10, mask);
    if (start) layer.heads[0].start = StartToken<double>{random_vector<double>(2, 1), random_vector<double>(4, 2)};
    const auto model = exported(Transformer<double>(6, 4, {layer}));
    return std::ranges::any_of(model.graph().node(), [](const auto& node) { return node.name() == "layers.0.heads.0.softmax.masked"; });
  };
  EXPECT_TRUE(cleared(holes(6), false));
  EXPECT_FALSE(cleared(holes(6), true));
  EXPECT_TRUE(cleared(Mask().of_first(0), false));
  EXPECT_FALSE(cleared(Mask().of_first(0), true));
  EXPECT_FALSE(cleared(Mask().of_first(1), false));
  EXPECT_FALSE(cleared(Mask::causal(), false));
  Matrix<std::uint8_t> last_only(6, 6);
  for (std::size_t i = 0; i < 6; ++i) last_only(i, 5) = 1;
  EXPECT_FALSE(cleared(Mask::any(last_only), false));
  EXPECT_TRUE(cleared(Mask::any(last_only).of_first(5), false));
}

TEST(Onnx, MetadataIsInTheModel) {
  OnnxOptions options;
  options.metadata = {{"roundtrip", "{\"schema\":1}"}, {"empty", ""}};
  const auto model = exported(Transformer<float>(2, 3, {}), options);
  std::map<std::string, std::string> found;
  for (const auto& entry : model.metadata_props()) found[entry.key()] = entry.value();
  EXPECT_EQ(found, options.metadata);
}

TEST(Onnx, RefusesAnOracleWhereItIs) {
  const auto oracle = bridge::Oracle<double>{
      "round 3", 4, 4, [](std::size_t, std::span<const double> row) { return std::vector<double>(row.begin(), row.end()); }};
  auto layer = layer_of(4, 10);
  layer.after = bridge::Sequence<double>{{linear(4, 4, 1), oracle}};
  EXPECT_EQ(refusal([&] {
              bridge::onnx_bytes(Transformer<double>(3, 4, {layer_of(4, 10), layer}));
            }),
            "usage: layer 1, after, step 1 of the sequence: the Oracle round 3 has no weights: it cannot be exported");
  layer = layer_of(4, 10);
  layer.heads[0].key = bridge::Oracle<double>{"keys", 4, 2, oracle.function};
  EXPECT_EQ(refusal([&] { bridge::onnx_bytes(Transformer<double>(3, 4, {layer})); }),
            "usage: layer 0, head 0, key: the Oracle keys has no weights: it cannot be exported");
}

TEST(Onnx, RefusesAListedMaskForAnyLength) {
  OnnxOptions options;
  options.any_length = true;
  EXPECT_EQ(refusal([&] { bridge::onnx_bytes(Transformer<double>(6, 4, {layer_of(4, 10, holes(6))}), options); }),
            "usage: layer 0, head 0: its mask says what each of 6 tokens sees: it cannot be exported for any number of tokens");
}

TEST(Onnx, RefusesRowsWithoutColumns) {
  Layer<double> layer;
  layer.after = linear(4, 0, 1);
  EXPECT_EQ(refusal([&] { bridge::onnx_bytes(Transformer<double>(3, 4, {layer})); }),
            "usage: ONNX: expected rows of one column or more, got 4 in and 0 out");
}

TEST(Onnx, RefusesMoreBytesThanAFileMayHave) {
  const auto transformer = Transformer<double>(3, 40, std::vector<Layer<double>>(20, layer_of(40, 10)));
  const auto size = bridge::onnx_bytes(transformer).size();
  OnnxOptions options;
  options.most_bytes = size;
  EXPECT_EQ(bridge::onnx_bytes(transformer, options).size(), size);
  options.most_bytes = size - 1;
  EXPECT_EQ(refusal([&] { bridge::onnx_bytes(transformer, options); }), "usage: ONNX: the model takes " + std::to_string(size) +
                                                                            " bytes; expected at most " + std::to_string(size - 1) +
                                                                            ", which a file may have");
  options.most_bytes = 1000;
  EXPECT_EQ(refusal([&] { bridge::onnx_bytes(transformer, options); }),
            "usage: ONNX: the weights take more than the 1000 bytes that a file may have");
}

TEST(Onnx, AFileAppearsWhenItIsComplete) {
  const TemporaryFolder folder;
  const auto path = (folder.path() / "model.onnx").string(), missing = (folder.path() / "no" / "model.onnx").string();
  const Transformer<double> transformer(3, 4, {layer_of(4, 10)});
  bridge::write_onnx(path, transformer);
  EXPECT_EQ(bytes_of(path), bridge::onnx_bytes(transformer));
  EXPECT_EQ(refusal([&] { bridge::write_onnx(missing, transformer); }),
            "fault: " + missing + ": cannot be written: No such file or directory");
  // What is refused leaves what was there.
  OnnxOptions options;
  options.most_bytes = 10;
  EXPECT_TRUE(refusal([&] { bridge::write_onnx(path, transformer, options); }).starts_with("usage: ONNX"));
  EXPECT_EQ(bytes_of(path), bridge::onnx_bytes(transformer));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()), 1);
}

}  // namespace
}  // namespace tests
