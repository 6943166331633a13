#pragma once

#include <string>

#include "transformer_bridge/formats/hugging_face.h"
#include "transformer_bridge/formats/safetensors.h"
#include "transformer_bridge/transformer/transformer.h"

namespace bridge {

/// The model that config.json describes, with the weights of the file: from a row of one column, a token's id, to the last hidden state.
/// Its tokens are those of the longest sequence, config.positions. Compiled for float and double.
///   GPT-2  causal heads; the last layer's `after` ends with the LayerNorm behind all layers. The names may begin with "transformer.".
///   BERT   every token is of type 0. The names may begin with "bert.".
/// Throws mpc::InputError, with the path and the tensor's name, for a tensor that is missing or of another shape, and for one that the
/// model does not know, as the file would then be of another model. Passed over: masks and position numbers that are kept as tensors, and
/// what reads the last hidden states (BERT's pooler and cls., GPT-2's lm_head).
template <class Real>
Transformer<Real> build_model(const ModelConfig& config, const SafetensorsFile& file);

template <class Real>
struct Model {
  ModelConfig config;
  Transformer<Real> transformer;
};

/// The model in a folder that has a config.json and a model.safetensors.
template <class Real>
Model<Real> read_model(const std::string& folder);

}  // namespace bridge
