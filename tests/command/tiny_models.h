#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/formats/safetensors.h"

#include "tests/support/temporary_folder.h"
#include "tests/transformer_bridge/random_matrix.h"

namespace tests {

/// Small models with random weights, written as others write large ones.
class TinyModel {
 public:
  /// 12 columns, 3 heads, 2 layers, 16 positions, a vocabulary of 30, padding id 0.
  static void write_bert(const std::filesystem::path& folder) {
    TinyModel model;
    for (const auto& [name, rows] : {std::pair{"word", 30}, {"position", 16}, {"token_type", 2}}) {
      model.add(std::string("embeddings.") + name + "_embeddings.weight", {static_cast<std::size_t>(rows), 12});
    }
    model.add_norm("embeddings.LayerNorm");
    for (const std::string layer : {"encoder.layer.0.", "encoder.layer.1."}) {
      for (const auto* part : {"query", "key", "value"}) model.add_linear(layer + "attention.self." + part, 12, 12);
      model.add_linear(layer + "attention.output.dense", 12, 12);
      model.add_norm(layer + "attention.output.LayerNorm");
      model.add_linear(layer + "intermediate.dense", 12, 20);
      model.add_linear(layer + "output.dense", 20, 12);
      model.add_norm(layer + "output.LayerNorm");
    }
    model.write(folder, R"({"model_type": "bert", "vocab_size": 30, "max_position_embeddings": 16, "num_hidden_layers": 2,
                            "num_attention_heads": 3, "hidden_size": 12, "intermediate_size": 20, "pad_token_id": 0})");
  }
  /// The same sizes, causal, without padding. `scale` is of a matrix in every MLP, `last` is added to a column of the output.
  static void write_gpt2(const std::filesystem::path& folder, double scale = 1, float last = 0) {
    TinyModel model;
    model.add("wte.weight", {30, 12});
    model.add("wpe.weight", {16, 12});
    for (const std::string layer : {"h.0.", "h.1."}) {
      model.add_norm(layer + "ln_1");
      model.add_linear(layer + "attn.c_attn", 36, 12);  // [in, out]
      model.add_linear(layer + "attn.c_proj", 12, 12);
      model.add_norm(layer + "ln_2");
      model.add_linear(layer + "mlp.c_fc", 48, 12);
      model.add_linear(layer + "mlp.c_proj", 12, 48);
      for (auto& value : model.tensors_[layer + "mlp.c_proj.weight"].second) value *= static_cast<float>(scale);
      for (const auto& [name, width] : {std::pair{"attn.c_attn", 36}, {"mlp.c_fc", 48}, {"attn.c_proj", 12}, {"mlp.c_proj", 12}}) {
        model.add(layer + name + ".bias", {static_cast<std::size_t>(width)});
      }
    }
    model.add_norm("ln_f");
    model.tensors_["ln_f.bias"].second[0] += last;
    model.write(folder, R"({"model_type": "gpt2", "vocab_size": 30, "n_positions": 16, "n_layer": 2, "n_head": 3, "n_embd": 12})");
  }

 private:
  void add(const std::string& name, std::vector<std::size_t> shape, float around = 0) {
    std::size_t count = 1;
    for (const auto extent : shape) count *= extent;
    auto values = random_vector<float>(count, 7 + tensors_.size());
    for (auto& value : values) value = around + value / 2;
    tensors_[name] = {std::move(shape), std::move(values)};
  }
  void add_linear(const std::string& name, std::size_t in, std::size_t out) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }
  void add_norm(const std::string& name) {
    add(name + ".weight", {12}, 1);
    add(name + ".bias", {12});
  }
  void write(const std::filesystem::path& folder, const std::string& config) const {
    std::filesystem::create_directories(folder);
    write_bytes(folder / "config.json", config);
    std::vector<bridge::TensorToWrite> tensors;
    for (const auto& [name, tensor] : tensors_) tensors.push_back({name, tensor.first, std::span<const float>(tensor.second)});
    bridge::write_safetensors(folder / "model.safetensors", std::move(tensors));
  }

  std::map<std::string, std::pair<std::vector<std::size_t>, std::vector<float>>> tensors_;
};

}  // namespace tests
