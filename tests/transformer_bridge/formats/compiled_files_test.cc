#include "transformer_bridge/formats/compiled_files.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <onnx/onnx_pb.h>

#include "transformer_bridge/formats/safetensors.h"

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/formats/compiled_samples.h"
#include "tests/transformer_bridge/refusal.h"

namespace tests {
namespace {

using bridge::SafetensorsFile;
using Json = nlohmann::json;

constexpr auto f32 = NumberType::f32, f64 = NumberType::f64;

Json described(const CompiledModel& model, NumberType type = f32) { return Json::parse(bridge::description_json(model, type)); }

/// An entry that is a number is that entry.
const Json& entry(const Json& list, std::size_t at) { return list[at].is_number() ? list[list[at].get<std::size_t>()] : list[at]; }

class CompiledFiles : public testing::Test {
 protected:
  const TemporaryFolder folder;
  const std::string path = folder.path() / "model.file";
};

TEST(Description, SaysWhatTheModelIs) {
  const auto model = seen_before(f32, 40);
  const auto json = described(model);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["name"], "seen before");
  EXPECT_EQ(json["parameters"], Json({{"n", 40}}));
  EXPECT_EQ(json["source_hash"], model.source_hash());
  EXPECT_EQ(json["dtype"], "float32");
  EXPECT_EQ(json["any_length"], true);
  const Json sizes = {{"tokens", 40},
                      {"width", 13},
                      {"layers", 2},
                      {"heads", 1},
                      {"parameters", model.transformer.parameters()},
                      {"nonzero", model.nonzero()}};
  EXPECT_EQ(json["sizes"], sizes);
  EXPECT_EQ(json["heads"], Json::parse(R"([["a set bit"], []])"));
  EXPECT_FALSE(json.contains("structure"));
  EXPECT_TRUE(bridge::description_json(model, f32).starts_with(R"({"schema":1,"name":"seen before")"));
}

TEST(Description, NamesEveryColumn) {
  for (const auto& model : {seen_before(f32, 40), doubling(f32, 3)}) {
    const auto columns = described(model)["columns"];
    ASSERT_EQ(columns.size(), model.transformer.layers().size() + 1);
    for (std::size_t l = 0; l < model.columns.size(); ++l) {
      const auto& here = entry(columns, l);
      ASSERT_EQ(here.size(), model.transformer.width());
      for (std::size_t c = 0; c < here.size(); ++c) {
        const auto& name = model.columns[l][c];
        if (name.variable.empty()) {
          EXPECT_TRUE(here[c].is_null());
        } else {
          EXPECT_EQ(here[c], Json({{"variable", name.variable}, {"bit", name.bit}, {"owner", name.owner}})) << l << " " << c;
        }
      }
    }
  }
  // Equal lists are there once.
  const auto tied = described(doubling(f32, 3));
  EXPECT_EQ(tied["columns"][3], 0);
  EXPECT_EQ(tied["heads"], Json::parse(R"([["my next token's next"], 0, 0])"));
}

TEST(Description, HasTheCertificateOfTheType) {
  const auto exact = described(doubling(f32, 3))["certificate"];
  EXPECT_EQ(exact, Json({{"exact", true},
                         {"dtype", "float32"},
                         {"margin", 128.0},
                         {"vanishing", 104.0},
                         {"largest_number", exact["largest_number"]},
                         {"largest_exact", 16777216.0},
                         {"objection", ""}}));
  const auto not_exact = described(doubling(f32, 3), f64)["certificate"];
  EXPECT_EQ(not_exact["exact"], false);
  EXPECT_EQ(not_exact["dtype"], "float64");
  EXPECT_EQ(not_exact["vanishing"], 745.2);
  EXPECT_NE(not_exact["objection"], "");
  auto headless = doubling(f32, 3);
  for (auto& proof : headless.proofs) proof.gap = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(described(headless)["certificate"]["margin"].is_null());
}

TEST(Description, HashesTheSource) {
  const auto hash = [](const auto& change) {
    auto model = doubling(f32, 3);
    change(model);
    return described(model)["source_hash"].get<std::string>();
  };
  const std::set<std::string> all{hash([](auto&) {}), hash([](auto& model) { model.parameters["bits"] = 4; }),
                                  hash([](auto& model) { model.parameters["k"] = 3; }), hash([](auto& model) { model.source += " "; }),
                                  hash([](auto& model) { model.name += "s"; })};
  EXPECT_EQ(all.size(), 5);
  EXPECT_EQ(all.begin()->size(), 16);
}

/// Compares what a file says of row functions with those of the transformer, tensor by tensor.
template <class Real>
class Reader {
 public:
  Reader(const SafetensorsFile& file) : file_(file), description_(Json::parse(file.metadata().at("roundtrip"))) {}

  const Json& description() const { return description_; }
  const std::set<std::string>& seen() const { return seen_; }

  void expect_rows(const Json& json, const bridge::RowFunction<double>& function) {
    if (const auto* f = std::get_if<Linear<double>>(&function)) return expect_linear(json, *f);
    if (const auto* f = std::get_if<Mlp<double>>(&function)) {
      const std::map<Activation, std::string> names{
          {Activation::relu, "relu"}, {Activation::gelu, "gelu"}, {Activation::gelu_tanh, "gelu_tanh"}};
      EXPECT_EQ(json.at("form"), "mlp");
      EXPECT_EQ(json.at("activation"), names.at(f->activation));
      ASSERT_EQ(json.at("maps").size(), f->layers.size());
      for (std::size_t d = 0; d < f->layers.size(); ++d) expect_linear(json.at("maps")[d], f->layers[d]);
      return;
    }
    const auto& f = std::get<Sequence<double>>(function);
    EXPECT_EQ(json.at("form"), "sequence");
    EXPECT_EQ(json.at("residual"), f.residual);
    ASSERT_EQ(json.at("steps").size(), f.steps.size());
    for (std::size_t s = 0; s < f.steps.size(); ++s) expect_rows(json.at("steps")[s], f.steps[s]);
  }
  void expect_part(const Json& layer, const char* part, const std::optional<bridge::RowFunction<double>>& function) {
    ASSERT_EQ(layer.contains(part), function.has_value()) << part;
    if (function) expect_rows(layer.at(part), *function);
  }
  void expect_row(const Json& name, const std::vector<double>& values) { expect_tensor(name, {values.size()}, values); }

 private:
  void expect_linear(const Json& json, const Linear<double>& f) {
    EXPECT_EQ(json.at("form"), "linear");
    expect_tensor(json.at("weights"), {f.weights.rows(), f.weights.columns()}, f.weights.values());
    ASSERT_EQ(json.contains("bias"), !f.bias.empty());
    if (!f.bias.empty()) expect_row(json.at("bias"), f.bias);
  }
  void expect_tensor(const Json& name, const std::vector<std::size_t>& shape, std::span<const double> values) {
    const auto read = file_.values<Real>(name.get<std::string>(), shape);
    ASSERT_EQ(read.size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(read[i], static_cast<Real>(values[i])) << name;
    EXPECT_EQ(file_.tensors().at(name.get<std::string>()).dtype, sizeof(Real) == 4 ? "F32" : "F64");
    seen_.insert(name.get<std::string>());
  }

  const SafetensorsFile& file_;
  Json description_;
  std::set<std::string> seen_;
};

/// The file holds the model, and nothing else.
template <class Real>
void expect_file(const std::string& path, const CompiledModel& model) {
  const SafetensorsFile file(path);
  ASSERT_EQ(file.metadata().size(), 1);
  Reader<Real> reader(file);
  auto description = reader.description();
  const auto structure = description.at("structure");
  description.erase("structure");
  EXPECT_EQ(description, described(model, bridge::number_type_of<Real>));
  const auto& layers = model.transformer.layers();
  ASSERT_EQ(structure.size(), layers.size());
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto& json = entry(structure, l);
    reader.expect_part(json, "before", layers[l].before);
    reader.expect_part(json, "heads_in", layers[l].heads_in);
    reader.expect_part(json, "heads_out", layers[l].heads_out);
    reader.expect_part(json, "after", layers[l].after);
    ASSERT_EQ(json.at("heads").size(), layers[l].heads.size());
    for (std::size_t h = 0; h < layers[l].heads.size(); ++h) {
      const auto& head = layers[l].heads[h];
      const auto& its = json.at("heads")[h];
      reader.expect_rows(its.at("query"), head.query);
      reader.expect_rows(its.at("key"), head.key);
      reader.expect_rows(its.at("value"), head.value);
      EXPECT_EQ(its.at("scale"), static_cast<Real>(head.scale));
      EXPECT_EQ(its.at("mask"), head.mask.kind() == Mask::Kind::causal ? "causal" : "none");
      ASSERT_EQ(its.contains("start"), head.start.has_value());
      if (!head.start) continue;
      reader.expect_row(its.at("start").at("key"), head.start->key);
      reader.expect_row(its.at("start").at("value"), head.start->value);
    }
  }
  EXPECT_EQ(reader.seen().size(), file.tensors().size());
}

TEST_F(CompiledFiles, SafetensorsHoldTheTransformer) {
  for (const auto& model : {seen_before(f32, 40), doubling(f32, 3), random_model(9, 7)}) {
    bridge::write_compiled_safetensors(path, model, f32);
    expect_file<float>(path, model);
    bridge::write_compiled_safetensors(path, model, f64);
    expect_file<double>(path, model);
  }
}

TEST_F(CompiledFiles, EqualLayersAreStoredOnce) {
  bridge::write_compiled_safetensors(path, doubling(f32, 3), f32);
  const SafetensorsFile file(path);
  for (const auto& [name, tensor] : file.tensors()) EXPECT_TRUE(name.starts_with("layers.0.")) << name;
  EXPECT_TRUE(file.tensors().contains("layers.0.heads.0.query.weights"));
  EXPECT_TRUE(file.tensors().contains("layers.0.after.steps.0.maps.1.bias"));
  const auto structure = Json::parse(file.metadata().at("roundtrip")).at("structure");
  EXPECT_TRUE(structure[0].is_object());
  EXPECT_EQ(structure[1], 0);
  EXPECT_EQ(structure[2], 0);
}

TEST_F(CompiledFiles, OnnxCarriesTheDescription) {
  const auto model = doubling(f32, 3);
  for (const auto type : {f32, f64}) {
    bridge::write_compiled_onnx(path, model, type);
    onnx::ModelProto onnx;
    ASSERT_TRUE(onnx.ParseFromString(bytes_of(path)));
    ASSERT_EQ(onnx.metadata_props_size(), 1);
    EXPECT_EQ(onnx.metadata_props(0).key(), "roundtrip");
    EXPECT_EQ(onnx.metadata_props(0).value(), bridge::description_json(model, type));
    EXPECT_EQ(onnx.graph().name(), "doubling");
    const auto& x = onnx.graph().input(0).type().tensor_type();
    EXPECT_EQ(x.elem_type(), type == f32 ? onnx::TensorProto::FLOAT : onnx::TensorProto::DOUBLE);
    EXPECT_EQ(x.shape().dim(0).dim_param(), "N");
  }
  auto fixed = model;
  fixed.any_length = false;
  bridge::write_compiled_onnx(path, fixed, f32);
  onnx::ModelProto onnx;
  ASSERT_TRUE(onnx.ParseFromString(bytes_of(path)));
  EXPECT_EQ(onnx.graph().input(0).type().tensor_type().shape().dim(0).dim_value(), 8);
}

/// How the model is refused as safetensors, with one layer more, which this changes.
template <class Change>
std::string refused(const std::string& path, Change&& change) {
  auto model = doubling(f32, 2);
  auto layers = model.transformer.layers();
  change(layers[1]);
  model.transformer = Transformer<double>(4, 6, layers);
  return refusal([&] { bridge::write_compiled_safetensors(path, model, f32); });
}

TEST_F(CompiledFiles, RefusesWhatTheStructureHasNoWordsFor) {
  const std::string end = ": a safetensors file of a compiled model cannot say that";
  EXPECT_EQ(refused(path, [](auto& layer) { layer.heads[0].mask = holes(4); }), "usage: layer 1, head 0: masked" + end);
  EXPECT_EQ(refused(path, [](auto& layer) { layer.heads[0].mask = Mask::causal().of_first(3); }),
            "usage: layer 1, head 0: causal, padding from token 3" + end);
  EXPECT_EQ(refused(path,
                    [](auto& layer) {
                      layer.heads_in = LayerNorm<double>{std::vector<double>(6, 1), std::vector<double>(6)};
                    }),
            "usage: layer 1, heads_in: layer norm 6" + end);
  const bridge::Oracle<double> oracle{"f", 6, 6,
                                      [](std::size_t, std::span<const double> row) { return std::vector<double>(row.begin(), row.end()); }};
  EXPECT_EQ(refused(path, [&](auto& layer) { layer.after = Sequence<double>{{oracle}}; }),
            "usage: layer 1, after, step 0 of the sequence: Oracle f 6 -> 6" + end);
  EXPECT_FALSE(std::filesystem::exists(path));

  auto model = doubling(f32, 2);
  auto layers = model.transformer.layers();
  layers[0].before = oracle;
  model.transformer = Transformer<double>(4, 6, layers);
  EXPECT_EQ(refusal([&] { bridge::write_compiled_onnx(path, model, f32); }),
            "usage: layer 0, before: the Oracle f has no weights: it cannot be exported");
}

TEST_F(CompiledFiles, APathThatCannotBeWrittenIsRefused) {
  const auto missing = (folder.path() / "no" / "model").string();
  const auto fault = "fault: " + missing + ": cannot be written: No such file or directory";
  EXPECT_EQ(refusal([&] { bridge::write_compiled_onnx(missing, doubling(f32, 2), f32); }), fault);
  EXPECT_EQ(refusal([&] { bridge::write_compiled_safetensors(missing, doubling(f32, 2), f32); }), fault);
}

}  // namespace
}  // namespace tests
