#include "transformer_bridge/formats/hugging_face.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <utility>

#include <fmt/core.h>

#include "transformer_bridge/formats/refuse.h"
#include "transformer_bridge/formats/strict_json.h"

namespace bridge {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t largest_size = (std::uint64_t{1} << 31) - 1;
constexpr std::size_t largest_file = std::size_t{1} << 20;

/// The settings of one file, by name.
class Settings {
 public:
  Settings(const Json& root, const std::string& path) : root_(root), path_(path) {}

  /// A size, or the default if it is left out; without a default it must be there.
  std::uint64_t size(const char* name, std::optional<std::uint64_t> otherwise = {}) const {
    const auto* value = find(name);
    if (value == nullptr && otherwise) return *otherwise;
    if (value == nullptr) refuse(path_, fmt::format("expected \"{}\", a size from 1 to {}; it is not there", name, largest_size));
    if (value->is_number_unsigned()) {
      const auto size = value->get<std::uint64_t>();
      if (size >= 1 && size <= largest_size) return size;
    }
    refuse(path_, fmt::format("\"{}\": expected a size from 1 to {}, got {}", name, largest_size, shown(*value)));
  }

  double epsilon(const char* name, double otherwise) const {
    const auto* value = find(name);
    if (value == nullptr) return otherwise;
    if (value->is_number()) {
      const auto epsilon = value->get<double>();
      if (epsilon > 0 && epsilon <= 1) return epsilon;
    }
    refuse(path_, fmt::format("\"{}\": expected a number above 0 and at most 1, got {}", name, shown(*value)));
  }

  Activation activation(const char* name, const char* otherwise) const {
    static constexpr std::pair<const char*, Activation> known[] = {
        {"relu", Activation::relu},
        {"gelu", Activation::gelu},
        {"gelu_new", Activation::gelu_tanh},
        {"gelu_pytorch_tanh", Activation::gelu_tanh},
    };
    const auto* value = find(name);
    const auto text = value == nullptr ? Json(otherwise) : *value;
    for (const auto& [word, activation] : known) {
      if (text == word) return activation;
    }
    refuse(path_, fmt::format("\"{}\": expected relu, gelu, gelu_new or gelu_pytorch_tanh, got {}", name, shown(text)));
  }

  /// An id below the vocabulary, if there is one.
  std::optional<std::uint64_t> id(const char* name, std::uint64_t vocabulary) const {
    const auto* value = find(name);
    if (value == nullptr) return {};
    if (value->is_number_unsigned() && value->get<std::uint64_t>() < vocabulary) return value->get<std::uint64_t>();
    refuse(path_, fmt::format("\"{}\": expected an id below the {} of the vocabulary, got {}", name, vocabulary, shown(*value)));
  }

  /// A setting that has only one supported value, which is also the one if it is left out.
  void must_be(const char* name, const Json& supported) const {
    const auto* value = find(name);
    if (value != nullptr && *value != supported) {
      refuse(path_, fmt::format("\"{}\": only {} is supported, got {}", name, supported.dump(), shown(*value)));
    }
  }

 private:
  /// Null counts as left out.
  const Json* find(const char* name) const {
    const auto found = root_.find(name);
    return found == root_.end() || found->is_null() ? nullptr : &*found;
  }

  const Json& root_;
  const std::string& path_;
};

ModelConfig gpt2(const Settings& settings) {
  ModelConfig config;
  config.family = ModelConfig::Family::gpt2;
  config.vocabulary = settings.size("vocab_size");
  config.positions = settings.size("n_positions");
  config.layers = settings.size("n_layer");
  config.heads = settings.size("n_head");
  config.width = settings.size("n_embd");
  config.inner_width = settings.size("n_inner", 4 * config.width);
  config.activation = settings.activation("activation_function", "gelu_new");
  config.epsilon = settings.epsilon("layer_norm_epsilon", 1e-5);
  settings.must_be("scale_attn_weights", true);
  settings.must_be("scale_attn_by_inverse_layer_idx", false);
  settings.must_be("add_cross_attention", false);
  return config;
}

ModelConfig bert(const Settings& settings) {
  ModelConfig config;
  config.family = ModelConfig::Family::bert;
  config.vocabulary = settings.size("vocab_size");
  config.positions = settings.size("max_position_embeddings");
  config.token_types = settings.size("type_vocab_size", 2);
  config.layers = settings.size("num_hidden_layers");
  config.heads = settings.size("num_attention_heads");
  config.width = settings.size("hidden_size");
  config.inner_width = settings.size("intermediate_size");
  config.activation = settings.activation("hidden_act", "gelu");
  config.epsilon = settings.epsilon("layer_norm_eps", 1e-12);
  settings.must_be("position_embedding_type", "absolute");
  settings.must_be("is_decoder", false);
  settings.must_be("add_cross_attention", false);
  return config;
}

}  // namespace

ModelConfig parse_config(std::string_view text, const std::string& path) {
  const auto root = parse_json_object(text, path);
  const auto type = root.find("model_type");
  if (type == root.end()) refuse(path, "expected \"model_type\", \"gpt2\" or \"bert\"; it is not there");
  const Settings settings(root, path);
  ModelConfig config;
  if (*type == "gpt2") {
    config = gpt2(settings);
  } else if (*type == "bert") {
    config = bert(settings);
  } else {
    refuse(path, fmt::format("\"model_type\": expected \"gpt2\" or \"bert\", got {}", shown(*type)));
  }
  if (config.width % config.heads != 0) {
    refuse(path, fmt::format("expected heads that divide the width, got {} heads of width {}", config.heads, config.width));
  }
  config.padding_id = settings.id("pad_token_id", config.vocabulary);
  return config;
}

ModelConfig read_config(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(largest_file + 1, ' ');
  if (!file.is_open() || (file.read(text.data(), static_cast<std::streamsize>(text.size())), file.bad())) {
    refuse(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest_file) refuse(path, fmt::format("expected at most {} bytes, got more", largest_file));
  return parse_config(text, path);
}

}  // namespace bridge
