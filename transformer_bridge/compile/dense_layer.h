#pragma once

#include <cstddef>
#include <vector>

#include "transformer_bridge/compile/residual_columns.h"
#include "transformer_bridge/kernels/block_rows.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/transformer.h"

namespace bridge {

/// Keys and values of some tokens.
template <class Real>
struct KeyValueRows {
  BlockRows<Real> keys, values;
  void clear(std::size_t block) {
    keys.clear(1);
    values.clear(block);
  }
};

/// What the tokens of a rank bring to a head: its machines, then its other tokens; and the start token, the same on every rank.
template <class Real>
struct HeadRows {
  KeyValueRows<Real> machines, others, start;
  BlockRows<Real> queries;  ///< of the machines, then of the others
  void clear(std::size_t block) {
    machines.clear(block);
    others.clear(block);
    start.clear(block);
    queries.clear(1);
  }
};

/// A routing layer as a layer of a Transformer, nothing left out: heads whose query, key and value are Oracles on rows of the full width.
/// It reads `heads`, which must outlive it; `first` is the number of this rank's first token.
template <class Real>
Layer<Real> dense_layer(const std::vector<HeadRows<Real>>& heads, const RoutingShape& shape, const ResidualColumns& columns,
                        std::size_t first);

/// What a head wrote into rows of the full width, block by block, zeros left out.
template <class Real>
BlockRows<Real> head_output(const Matrix<Real>& rows, std::size_t head, const RoutingShape& shape, const ResidualColumns& columns);

}  // namespace bridge
