#pragma once

#include <string>

#include "transformer_bridge/compile/compiled_model.h"

/// Compiled models as files that explain themselves: each carries a description, a JSON text, under the key "roundtrip".
///
/// {"schema": 1, "name", "parameters": {by name}, "source_hash", "dtype": "float32" or "float64", "any_length",
///  "sizes": {"tokens", "width", "layers", "heads", "parameters", "nonzero"},
///  "certificate": {"exact", "dtype", "margin" (null: there are no heads), "vanishing", "largest_number", "largest_exact", "objection"},
///  "columns": [before each layer, and after the last: [for each column {"variable", "bit", "owner"}, or null: free, holds zeros]],
///  "heads": [of each layer: [names]]}
///
/// A safetensors file's description says besides how the tensors are put together:
///
///  "structure": [of each layer {"heads": [{"query": F, "key": F, "value": F, "scale", "mask": "none" or "causal",
///                                          "start": {"key": tensor, "value": tensor}}],
///                               "before": F, "heads_in": F, "heads_out": F, "after": F}]
///
/// where what is not there is left out, a tensor is its name in the file, and F is one of
///  {"form": "linear", "weights": tensor [a, b], "bias": tensor [b]}
///  {"form": "mlp", "activation": "relu", "gelu" or "gelu_tanh", "maps": [linear...]}
///  {"form": "sequence", "residual": whether the first one's row is added to the last one's, "steps": [F...]}
///
/// An entry of "columns", "heads" or "structure" that is a number l is the same as entry l. Tensors are named after the first that uses
/// them, "layers.0.heads.1.query.weights", and equal ones are one.
namespace bridge {

/// The description, without the structure.
std::string description_json(const CompiledModel& model, NumberType type);

/// The weights in `type`, as write_onnx() writes them, of any length if the model is; the description is in metadata_props. Errors as
/// there.
void write_compiled_onnx(const std::string& path, const CompiledModel& model, NumberType type);

/// The weights in `type`, F32 or F64; the description is in __metadata__. Throws mpc::UsageError, with layer, head and part, for what the
/// structure has no words for: row functions that are a LayerNorm, an Embedding or an Oracle, masks of kind any, and padding; mpc::Fault as
/// write_safetensors().
void write_compiled_safetensors(const std::string& path, const CompiledModel& model, NumberType type);

}  // namespace bridge
