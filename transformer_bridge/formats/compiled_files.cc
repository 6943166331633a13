#include "transformer_bridge/formats/compiled_files.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "mpc/error.h"

#include "transformer_bridge/formats/onnx.h"
#include "transformer_bridge/formats/part_name.h"
#include "transformer_bridge/formats/safetensors.h"

namespace bridge {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema = 1;
constexpr const char* metadata_key = "roundtrip";

/// The list, where an entry that was there before is the number of that one.
template <class Entry, class ToJson>
Json list_of(const std::vector<Entry>& entries, ToJson&& to_json) {
  auto list = Json::array();
  std::map<Json, std::size_t> known;
  for (const auto& entry : entries) {
    auto json = to_json(entry);
    const auto [it, is_new] = known.emplace(json, list.size());
    if (is_new) {
      list.push_back(std::move(json));
    } else {
      list.push_back(it->second);
    }
  }
  return list;
}

Json columns_of(const std::vector<ColumnName>& names) {
  auto columns = Json::array();
  for (const auto& name : names) {
    columns.push_back(name.variable.empty() ? Json() : Json{{"variable", name.variable}, {"bit", name.bit}, {"owner", name.owner}});
  }
  return columns;
}

Json certificate_of(const CompiledModel& model, NumberType type) {
  const auto found = certify(model, type);
  return {{"exact", found.exact},
          {"dtype", facts(found.type).name},
          {"margin", std::isfinite(found.margin) ? Json(found.margin) : Json()},
          {"vanishing", found.vanishing},
          {"largest_number", found.largest_number},
          {"largest_exact", found.largest_exact},
          {"objection", found.objection}};
}

Json description(const CompiledModel& model, NumberType type) {
  const auto& transformer = model.transformer;
  std::size_t heads = 0;
  for (const auto& layer : transformer.layers()) heads += layer.heads.size();
  return {{"schema", schema},
          {"name", model.name},
          {"parameters", model.parameters},
          {"source_hash", model.source_hash()},
          {"dtype", facts(type).name},
          {"any_length", model.any_length},
          {"sizes",
           {{"tokens", transformer.tokens()},
            {"width", transformer.width()},
            {"layers", transformer.layers().size()},
            {"heads", heads},
            {"parameters", transformer.parameters()},
            {"nonzero", model.nonzero()}}},
          {"certificate", certificate_of(model, type)},
          {"columns", list_of(model.columns, columns_of)},
          {"heads", list_of(model.heads, [](const auto& names) { return Json(names); })}};
}

const char* name(Activation activation) {
  switch (activation) {
    case Activation::relu: return "relu";
    case Activation::gelu: return "gelu";
    case Activation::gelu_tanh: return "gelu_tanh";
  }
  return "?";
}

[[noreturn]] void refuse(const PartName& place, const std::string& what) {
  throw mpc::UsageError(fmt::format("{}: {}: a safetensors file of a compiled model cannot say that", place.text, what));
}

/// Puts a transformer into words, and collects its tensors, each once.
template <class Real>
class Structure {
 public:
  explicit Structure(const Transformer<Real>& transformer) {
    std::size_t l = 0;
    layers_ = list_of(transformer.layers(), [&](const Layer<Real>& layer) {
      const auto place = PartName::layer(l);
      ++l;
      return layer_of(layer, place);
    });
  }

  const Json& layers() const { return layers_; }
  const std::vector<TensorToWrite>& tensors() const { return tensors_; }

 private:
  std::string tensor(const std::string& name, const std::vector<std::size_t>& shape, std::span<const Real> values) {
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    const auto hash = std::hash<std::string_view>()(bytes);
    for (auto [it, end] = known_.equal_range(hash); it != end; ++it) {
      const auto& [its_name, its_shape, its_values] = tensors_[it->second];
      const auto others = std::get<std::span<const Real>>(its_values);
      const std::string_view other(reinterpret_cast<const char*>(others.data()), others.size_bytes());
      if (its_shape == shape && other == bytes) return its_name;
    }
    known_.emplace(hash, tensors_.size());
    tensors_.push_back({name, shape, values});
    return name;
  }
  std::string row(const std::string& name, const std::vector<Real>& values) { return tensor(name, {values.size()}, values); }

  Json linear(const Linear<Real>& f, const PartName& place) {
    const auto& weights = f.weights;
    Json json{{"form", "linear"}, {"weights", tensor(place.name + ".weights", {weights.rows(), weights.columns()}, weights.values())}};
    if (!f.bias.empty()) json["bias"] = row(place.name + ".bias", f.bias);
    return json;
  }

  Json function_of(const RowFunction<Real>& function, const PartName& place) {
    if (const auto* f = std::get_if<Linear<Real>>(&function)) return linear(*f, place);
    if (const auto* f = std::get_if<Mlp<Real>>(&function)) {
      auto maps = Json::array();
      for (std::size_t d = 0; d < f->layers.size(); ++d) maps.push_back(linear(f->layers[d], place.map(d)));
      return {{"form", "mlp"}, {"activation", name(f->activation)}, {"maps", std::move(maps)}};
    }
    if (const auto* f = std::get_if<Sequence<Real>>(&function)) {
      auto steps = Json::array();
      for (std::size_t s = 0; s < f->steps.size(); ++s) steps.push_back(function_of(f->steps[s], place.step(s)));
      return {{"form", "sequence"}, {"residual", f->residual}, {"steps", std::move(steps)}};
    }
    refuse(place, function.describe());
  }

  Json head_of(const Head<Real>& head, const PartName& place) {
    if (head.mask.kind() == Mask::Kind::any || head.mask.shown() != Mask().shown()) refuse(place, head.mask.describe());
    Json json{{"query", function_of(head.query, place.part("query"))},
              {"key", function_of(head.key, place.part("key"))},
              {"value", function_of(head.value, place.part("value"))},
              {"scale", head.scale},
              {"mask", head.mask.kind() == Mask::Kind::causal ? "causal" : "none"}};
    if (head.start) {
      const auto key = row(place.name + ".start.key", head.start->key), value = row(place.name + ".start.value", head.start->value);
      json["start"] = {{"key", key}, {"value", value}};
    }
    return json;
  }

  Json layer_of(const Layer<Real>& layer, const PartName& place) {
    Json json{{"heads", Json::array()}};
    for (std::size_t h = 0; h < layer.heads.size(); ++h) {
      json["heads"].push_back(head_of(layer.heads[h], place.head(h)));
    }
    const auto add = [&](const char* part, const std::optional<RowFunction<Real>>& function) {
      if (function) json[part] = function_of(*function, place.part(part));
    };
    add("before", layer.before);
    add("heads_in", layer.heads_in);
    add("heads_out", layer.heads_out);
    add("after", layer.after);
    return json;
  }

  Json layers_;
  std::vector<TensorToWrite> tensors_;
  std::unordered_multimap<std::size_t, std::size_t> known_;  // from the hash of a tensor's bytes to its number
};

template <class Real>
void write_safetensors_in(const std::string& path, const CompiledModel& model) {
  if (model.transformer.has_oracle()) Structure<double>{model.transformer};  // refuses it, and says where it is
  const auto transformer = converted<Real>(model.transformer);
  const Structure<Real> structure(transformer);
  auto text = description(model, number_type_of<Real>);
  text["structure"] = structure.layers();
  write_safetensors(path, structure.tensors(), {{metadata_key, text.dump()}});
}

}  // namespace

std::string description_json(const CompiledModel& model, NumberType type) { return description(model, type).dump(); }

void write_compiled_onnx(const std::string& path, const CompiledModel& model, NumberType type) {
  OnnxOptions options;
  options.any_length = model.any_length;
  if (!model.name.empty()) options.name = model.name;
  options.metadata[metadata_key] = description_json(model, type);
  if (type == NumberType::f32 && !model.transformer.has_oracle()) {
    write_onnx(path, converted<float>(model.transformer), options);
  } else {
    write_onnx(path, model.transformer, options);  // an Oracle is refused here, with its place
  }
}

void write_compiled_safetensors(const std::string& path, const CompiledModel& model, NumberType type) {
  if (type == NumberType::f32) {
    write_safetensors_in<float>(path, model);
  } else {
    write_safetensors_in<double>(path, model);
  }
}

}  // namespace bridge
