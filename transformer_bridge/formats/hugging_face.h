#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transformer_bridge/kernels/kernels.h"

namespace bridge {

/// What a Hugging Face config.json says of a model of the GPT-2 or BERT family. Sizes are from 1 to 2^31 - 1.
struct ModelConfig {
  enum class Family {
    gpt2,  ///< causal, LayerNorm before each part and at the end
    bert,  ///< every token sees every token; LayerNorm after the embedding and after each part
  };

  Family family = Family::bert;
  std::uint64_t vocabulary = 0;
  std::uint64_t positions = 0;    ///< the longest sequence
  std::uint64_t token_types = 0;  ///< rows of BERT's token type embedding; 0 for GPT-2
  std::uint64_t layers = 0;
  std::uint64_t heads = 0;  ///< divides the width
  std::uint64_t width = 0;
  std::uint64_t inner_width = 0;  ///< of the MLP
  Activation activation = Activation::gelu;
  double epsilon = 0;                       ///< of every LayerNorm
  std::optional<std::uint64_t> padding_id;  ///< below the vocabulary
};

/// Reads the text of a config.json; `path` is for errors. What the file leaves out has the default of the library that writes such files.
/// Throws mpc::InputError, which says where and what was expected, for text that is not a JSON object or names a key twice, for another
/// family, for a value of the wrong type or out of range, and for every setting that would change what the model computes and is not
/// supported, so that no model runs as another one.
ModelConfig parse_config(std::string_view text, const std::string& path);

/// The same from a file.
ModelConfig read_config(const std::string& path);

}  // namespace bridge
