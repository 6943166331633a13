#include "transformer_bridge/formats/hugging_face_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "transformer_bridge/formats/refuse.h"
#include "transformer_bridge/formats/strict_json.h"

namespace bridge {
namespace {

/// The columns first..first + count - 1 of a linear map.
template <class Real>
Linear<Real> columns_of(const Linear<Real>& linear, std::size_t first, std::size_t count) {
  Linear<Real> result{Matrix<Real>(linear.weights.rows(), count), std::vector<Real>(count)};
  for (std::size_t i = 0; i < linear.weights.rows(); ++i) {
    std::ranges::copy(linear.weights.row(i).subspan(first, count), result.weights.row(i).begin());
  }
  std::ranges::copy(std::span(linear.bias).subspan(first, count), result.bias.begin());
  return result;
}

/// The weights of one model, under the names that its family gives them; the file may have a prefix before each.
template <class Real>
class Weights {
 public:
  /// Names have the prefix if `probe`, which every such model has, is there with it.
  Weights(const SafetensorsFile& file, const std::string& prefix, const std::string& probe)
      : file_(file), prefix_(file.tensors().contains(prefix + probe) ? prefix : "") {}

  Matrix<Real> matrix(const std::string& name, std::size_t rows, std::size_t columns) {
    return file_.matrix<Real>(use(name), rows, columns);
  }

  /// The rows of one matrix, with row 0 of another added to each; rounded once.
  Matrix<Real> sum_with_row_0(const std::string& name, std::size_t rows, const std::string& other, std::size_t other_rows,
                              std::size_t columns) {
    const auto terms = file_.matrix<double>(use(name), rows, columns);
    const auto row_0 = file_.matrix<double>(use(other), other_rows, columns).block(0, 1);
    Matrix<Real> sum(rows, columns);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) sum(i, j) = static_cast<Real>(terms(i, j) + row_0(0, j));
    }
    return sum;
  }

  std::vector<Real> vector(const std::string& name, std::size_t size) { return file_.values<Real>(use(name), {size}); }

  /// Kept as [in, out], as a Linear is.
  Linear<Real> conv1d(const std::string& name, std::size_t in, std::size_t out) {
    return {matrix(name + ".weight", in, out), vector(name + ".bias", out)};
  }

  /// Kept as [out, in].
  Linear<Real> linear(const std::string& name, std::size_t in, std::size_t out) {
    const auto kept = matrix(name + ".weight", out, in);
    Matrix<Real> weights(in, out);
    for (std::size_t j = 0; j < out; ++j) {
      for (std::size_t i = 0; i < in; ++i) weights(i, j) = kept(j, i);
    }
    return {std::move(weights), vector(name + ".bias", out)};
  }

  LayerNorm<Real> layer_norm(const std::string& name, std::size_t width, double epsilon) {
    return {vector(name + ".weight", width), vector(name + ".bias", width), static_cast<Real>(epsilon)};
  }

  /// A tensor that need not be there and is not looked at.
  void pass_over(const std::string& name) { used_.insert(prefix_ + name); }

  /// Throws for a tensor that was not used, unless its name begins with `others`.
  void refuse_unused(const char* family, std::string_view others) const {
    for (const auto& [name, tensor] : file_.tensors()) {
      if (!used_.contains(name) && !name.starts_with(others)) {
        refuse(file_.path(), fmt::format("tensor {}: a {} model of this config.json has none of this name", shown(name), family));
      }
    }
  }

 private:
  std::string use(const std::string& name) {
    used_.insert(prefix_ + name);
    return prefix_ + name;
  }

  const SafetensorsFile& file_;
  std::string prefix_;
  std::set<std::string, std::less<>> used_;
};

/// One after the other; takes them by moving, which a list would not.
template <class Real, class... Steps>
Sequence<Real> sequence(bool residual, Steps... steps) {
  Sequence<Real> result;
  (result.steps.push_back(std::move(steps)), ...);
  result.residual = residual;
  return result;
}

template <class Real>
Mlp<Real> mlp(Linear<Real> in, Linear<Real> out, Activation activation) {
  Mlp<Real> result;
  result.layers.push_back(std::move(in));
  result.layers.push_back(std::move(out));
  result.activation = activation;
  return result;
}

/// Head h reads and writes the h-th of equal parts of the columns.
template <class Real>
std::vector<Head<Real>> heads_of(const ModelConfig& config, const Mask& mask, const Linear<Real>& query, const Linear<Real>& key,
                                 const Linear<Real>& value) {
  const auto k = config.width / config.heads;
  const auto scale = static_cast<Real>(1 / std::sqrt(static_cast<double>(k)));
  std::vector<Head<Real>> heads;
  for (std::size_t h = 0; h < config.heads; ++h) {
    heads.push_back({columns_of(query, h * k, k), columns_of(key, h * k, k), columns_of(value, h * k, k), mask, scale});
  }
  return heads;
}

template <class Real>
std::vector<Layer<Real>> gpt2_layers(const ModelConfig& config, const SafetensorsFile& file) {
  const auto m = config.width;
  Weights<Real> weights(file, "transformer.", "wte.weight");
  const auto norm = [&](const std::string& name) { return weights.layer_norm(name, m, config.epsilon); };
  std::vector<Layer<Real>> layers;
  Embedding<Real> embedding{weights.matrix("wte.weight", config.vocabulary, m), weights.matrix("wpe.weight", config.positions, m)};
  for (std::size_t l = 0; l < config.layers; ++l) {
    const auto in = fmt::format("h.{}.", l);
    Layer<Real> layer;
    layer.heads_in = norm(in + "ln_1");
    const auto attention = weights.conv1d(in + "attn.c_attn", m, 3 * m);  // queries, keys and values side by side
    layer.heads =
        heads_of(config, Mask::causal(), columns_of(attention, 0, m), columns_of(attention, m, m), columns_of(attention, 2 * m, m));
    layer.heads_out = weights.conv1d(in + "attn.c_proj", m, m);
    layer.after = sequence<Real>(true, norm(in + "ln_2"),
                                 mlp(weights.conv1d(in + "mlp.c_fc", m, config.inner_width),
                                     weights.conv1d(in + "mlp.c_proj", config.inner_width, m), config.activation));
    weights.pass_over(in + "attn.bias");
    weights.pass_over(in + "attn.masked_bias");
    layers.push_back(std::move(layer));
  }
  layers.front().before = std::move(embedding);
  layers.back().after = sequence<Real>(false, std::move(*layers.back().after), norm("ln_f"));
  weights.refuse_unused("GPT-2", "lm_head.");
  return layers;
}

template <class Real>
std::vector<Layer<Real>> bert_layers(const ModelConfig& config, const SafetensorsFile& file) {
  const auto m = config.width;
  Weights<Real> weights(file, "bert.", "embeddings.word_embeddings.weight");
  const auto norm = [&](const std::string& name) { return weights.layer_norm(name, m, config.epsilon); };
  Embedding<Real> embedding;
  embedding.table = weights.matrix("embeddings.word_embeddings.weight", config.vocabulary, m);
  embedding.positions = weights.sum_with_row_0("embeddings.position_embeddings.weight", config.positions,
                                               "embeddings.token_type_embeddings.weight", config.token_types, m);
  auto before = sequence<Real>(false, std::move(embedding), norm("embeddings.LayerNorm"));
  std::vector<Layer<Real>> layers;
  for (std::size_t l = 0; l < config.layers; ++l) {
    const auto in = fmt::format("encoder.layer.{}.", l);
    Layer<Real> layer;
    const auto self = in + "attention.self.";
    layer.heads = heads_of(config, Mask(), weights.linear(self + "query", m, m), weights.linear(self + "key", m, m),
                           weights.linear(self + "value", m, m));
    layer.heads_out = weights.linear(in + "attention.output.dense", m, m);
    auto inner = mlp(weights.linear(in + "intermediate.dense", m, config.inner_width),
                     weights.linear(in + "output.dense", config.inner_width, m), config.activation);
    layer.after = sequence<Real>(false, norm(in + "attention.output.LayerNorm"), sequence<Real>(true, std::move(inner)),
                                 norm(in + "output.LayerNorm"));
    layers.push_back(std::move(layer));
  }
  layers.front().before = std::move(before);
  weights.pass_over("embeddings.position_ids");
  weights.pass_over("pooler.dense.weight");
  weights.pass_over("pooler.dense.bias");
  weights.refuse_unused("BERT", "cls.");
  return layers;
}

}  // namespace

template <class Real>
Transformer<Real> build_model(const ModelConfig& config, const SafetensorsFile& file) {
  auto layers = config.family == ModelConfig::Family::gpt2 ? gpt2_layers<Real>(config, file) : bert_layers<Real>(config, file);
  return Transformer<Real>(config.positions, config.width, std::move(layers));
}

template <class Real>
Model<Real> read_model(const std::string& folder) {
  const std::filesystem::path path(folder);
  std::error_code none;
  if (!std::filesystem::is_directory(path, none)) refuse(folder, "expected a folder with a config.json and a model.safetensors");
  const auto config = read_config(path / "config.json");
  return {config, build_model<Real>(config, SafetensorsFile((path / "model.safetensors").string()))};
}

template Transformer<float> build_model(const ModelConfig&, const SafetensorsFile&);
template Transformer<double> build_model(const ModelConfig&, const SafetensorsFile&);
template Model<float> read_model(const std::string&);
template Model<double> read_model(const std::string&);

}  // namespace bridge
