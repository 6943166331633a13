#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"
#include "transformer_bridge/transformer/mask.h"
#include "transformer_bridge/transformer/row_function.h"

namespace bridge {

/// softmax(scale * query(Y) key(Y)^T, masked) value(Y), of the rows Y that the layer shows its heads.
template <class Real>
struct Head {
  RowFunction<Real> query;  ///< columns of Y -> k
  RowFunction<Real> key;    ///< columns of Y -> k
  RowFunction<Real> value;  ///< columns of Y -> width, or with the layer's heads_out any number of columns
  Mask mask{};
  Real scale = 1;
  std::optional<StartToken<Real>>
      start{};  ///< key [k], value [columns of a value]; g++ 12 crashes on "= {}" where a list of heads is written out
};

/// X = before(X);  Y = heads_in(X);  X = X + heads_out(the heads of Y, side by side);  X = after(X). Without heads_in Y is X; without
/// heads_out the heads are added to X one after the other. A row function replaces the row: a residual connection around an MLP is a
/// Sequence with `residual`. A pre-LN layer has its LayerNorm in heads_in, a post-LN layer in `after`.
template <class Real>
struct Layer {
  std::optional<RowFunction<Real>> before{};
  std::vector<Head<Real>> heads{};
  std::optional<RowFunction<Real>> after{};
  std::optional<RowFunction<Real>> heads_in{};   ///< width -> any number of columns
  std::optional<RowFunction<Real>> heads_out{};  ///< sum of the values' columns -> width: the output projection of all heads
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
