#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "transformer_bridge/transformer/row_function.h"

namespace bridge {

/// A linear map as the list of its weights that are not 0.
template <class Real>
struct SparseLinear {
  std::size_t in = 0, out = 0;        ///< columns
  std::vector<Real> bias;             ///< [out]
  std::vector<std::size_t> ends;      ///< [out] of each output's weights
  std::vector<std::uint32_t> inputs;  ///< ascending within an output
  std::vector<Real> weights;

  explicit SparseLinear(const Linear<Real>& linear);
};

/// A row function for weights that are mostly 0, on tiles of tokens (kernels/token_tiles.h). A sum begins with the bias and goes over the
/// inputs in ascending order, as in the dense kernels, and leaves out what is times 0. Compiled for float and double.
template <class Real>
class SparseRows {
 public:
  /// Takes Linear, Mlp with ReLU, and Sequence of such; throws mpc::UsageError for others, the text begins with `place`. The function has
  /// been checked.
  SparseRows(const RowFunction<Real>& function, const std::string& place);

  std::size_t in() const { return in_; }
  std::size_t out() const { return out_; }
  std::size_t nonzeros() const;         ///< weights and biases
  std::size_t scratch_columns() const;  ///< of a tile, that apply() needs

  /// x [in][64] -> out [out][64]; neither overlaps the other, nor scratch [scratch_columns()][64]. All 64 tokens are computed.
  void apply(const Real* x, Real* out, Real* scratch) const;

 private:
  std::size_t in_ = 0, out_ = 0;
  std::vector<SparseLinear<Real>> layers_;  // of a Linear or Mlp
  std::vector<SparseRows> steps_;           // of a Sequence
  bool residual_ = false;
};

}  // namespace bridge
