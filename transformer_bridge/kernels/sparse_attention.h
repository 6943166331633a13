#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "transformer_bridge/kernels/block_rows.h"

namespace bridge {

// n queries, t keys (a start token is the last of them), d_k and d_v columns.

/// softmax(scale Q K^T) without its zeros. Rows may be shared: equal queries have equal weights.
template <class Real>
struct SparseWeights {
  std::vector<std::uint32_t> row_of;  ///< [n] the row of each query
  std::vector<std::size_t> ends;      ///< [rows]
  std::vector<std::uint32_t> keys;    ///< ascending within a row
  std::vector<Real> weights;
  /// The smallest gap, over all queries, between the largest logit and the next smaller one, before the scale; infinity if all tie.
  double margin = 0;

  std::size_t rows() const { return ends.size(); }
  std::size_t begin(std::size_t row) const { return row == 0 ? 0 : ends[row - 1]; }
};

/// Every logit, every exponential. queries [n, d_k], keys [t, d_k], both with blocks of one column. Throws mpc::Fault for a NaN.
template <class Real>
SparseWeights<Real> dense_weights(const BlockRows<Real>& queries, const BlockRows<Real>& keys, std::size_t key_width, Real scale);

/// The same result, bit for bit where logits are exact (integers times a power of two), from an index over the columns: a key that shares
/// no column with a query has the logit 0 and is not looked at, unless 0 is within reach of the largest logit; what underflows to 0 is
/// not evaluated; a query that occurs more than once is evaluated once.
template <class Real>
SparseWeights<Real> routed_weights(const BlockRows<Real>& queries, const BlockRows<Real>& keys, std::size_t key_width, Real scale);

/// Weights times values [t, d_v], into `out`: one row for each row of the weights, [rows, d_v], summed in ascending order of the keys.
/// The blocks of each row of the values ascend; those of `out` may not. `blocks`: d_v in blocks of the values. Throws mpc::Fault for a NaN.
template <class Real>
void mix(const SparseWeights<Real>& weights, const BlockRows<Real>& values, std::size_t blocks, BlockRows<Real>& out);

}  // namespace bridge
