#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "transformer_bridge/transformer/transformer.h"

namespace bridge {

struct OnnxOptions {
  bool any_length = false;                        ///< x may have any number of rows; else tokens() of them
  std::string name = "transformer";               ///< of the graph
  std::map<std::string, std::string> metadata{};  ///< the model's metadata_props
  std::size_t most_bytes = 0x7fff'ffff;           ///< that the file may have: what protobuf allows, or less
};

/// The transformer as an ONNX model: opset 17 of the standard operators, IR version 8. From x [N, in()] to y [N, out()], float32 or float64
/// as Real. Names of nodes and initializers say layer, head and part: "layers.0.heads.1.query.weights"; equal initializers are one, with
/// the name of the first.
///
/// It computes what forward() does, in the runtime's order of additions. A row of attention that sees nothing is zeros here too. Not as in
/// forward(): what is not an id of an embedding is the runtime's to refuse, or is rounded; infinity in a row that a mask hides is NaN.
///
/// Throws mpc::UsageError, with layer, head and part, for an Oracle; for a mask of kind any, if the length is to be any; for rows without
/// columns in or out; and for more than `most_bytes`. Compiled for float and double.
template <class Real>
std::string onnx_bytes(const Transformer<Real>& transformer, const OnnxOptions& options = {});

/// The file appears under its name only when it is complete. Throws as onnx_bytes, and mpc::Fault, with the path and the reason, if it
/// cannot be written.
template <class Real>
void write_onnx(const std::string& path, const Transformer<Real>& transformer, const OnnxOptions& options = {});

}  // namespace bridge
