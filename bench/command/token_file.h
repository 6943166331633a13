#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mpc/ranks.h"

#include "transformer_bridge/formats/hugging_face.h"
#include "transformer_bridge/transformer/matrix.h"

namespace roundtrip {

/// A line of a file of token ids.
struct TokenSequence {
  std::vector<std::uint32_t> ids;
  std::size_t shown = 0;  ///< ids before the padding at the end

  /// As the first layer reads it: [tokens, 1].
  template <class Real>
  bridge::Matrix<Real> column() const {
    bridge::Matrix<Real> x(ids.size(), 1);
    for (std::size_t i = 0; i < ids.size(); ++i) x(i, 0) = static_cast<Real>(ids[i]);
    return x;
  }
};

/// One sequence of ids a line, for a model: trailing ids equal to its padding id are padding. Throws mpc::InputError, with `path` and the
/// line, for what is not an id of the vocabulary, for a line without ids or with nothing but padding, for more ids than the model has
/// positions, and for a text without lines.
std::vector<TokenSequence> parse_tokens(std::string_view text, const bridge::ModelConfig& model, const std::string& path);

/// The same from a file or a pipe that rank 0 reads. Collective.
std::vector<TokenSequence> read_tokens(const std::string& path, const bridge::ModelConfig& model, mpc::Ranks& ranks);

}  // namespace roundtrip
