#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"
#include "transformer_bridge/transformer/mask.h"
#include "transformer_bridge/transformer/row_function.h"

namespace bridge {

/// softmax(scale * query(X) key(X)^T, masked) value(X), added to X.
template <class Real>
struct Head {
  RowFunction<Real> query;  ///< width -> k
  RowFunction<Real> key;    ///< width -> k
  RowFunction<Real> value;  ///< width -> width: the head's output projection is part of it
  Mask mask{};
  Real scale = 1;
  std::optional<StartToken<Real>> start{};  ///< key [k], value [width]; g++ 12 crashes on "= {}" where a list of heads is written out
};

/// X = before(X);  X = X + the sum of the heads of X, in order;  X = after(X). A row function replaces the row: a residual connection
/// around an MLP is a Sequence with `residual`.
template <class Real>
struct Layer {
  std::optional<RowFunction<Real>> before{};
  std::vector<Head<Real>> heads{};
  std::optional<RowFunction<Real>> after{};
};

/// Throws mpc::UsageError if the layer cannot take rows of `in` columns, or does not add heads to rows of `width`. Returns the columns out.
template <class Real>
std::size_t check(const Layer<Real>& layer, std::size_t index, std::size_t tokens, std::size_t in, std::size_t width);

/// N tokens and layers over rows of `width`. The first layer's `before` may read rows of another width, and the last one's `after` may
/// write such. Layers, heads and tokens count from 0. Compiled for float and double.
template <class Real>
class Transformer {
 public:
  /// Throws mpc::UsageError, with layer, head and row function, if shapes do not fit.
  Transformer(std::size_t tokens, std::size_t width, std::vector<Layer<Real>> layers);

  std::size_t tokens() const { return tokens_; }
  std::size_t width() const { return width_; }
  const std::vector<Layer<Real>>& layers() const { return layers_; }
  std::size_t in() const { return in_; }    ///< columns of the input
  std::size_t out() const { return out_; }  ///< columns of the output

  /// Whether a row function anywhere is an Oracle: then it cannot be exported as weights.
  bool has_oracle() const;
  /// The number of its weights.
  std::size_t parameters() const;
  /// A line for the whole and one for each layer; if there is an Oracle, a last line that says so.
  std::string describe() const;

 private:
  std::size_t tokens_, width_, in_, out_;
  std::vector<Layer<Real>> layers_;
};

}  // namespace bridge
