#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "transformer_bridge/kernels/cpu/thread_pool.h"
#include "transformer_bridge/kernels/routed_attention.h"
#include "transformer_bridge/transformer/sparse_rows.h"
#include "transformer_bridge/transformer/transformer.h"

namespace bridge {

/// What a forward pass took.
struct RoutedStatistics {
  RoutedCounts attention{};          ///< of all heads of all layers
  std::size_t nonzeros = 0;          ///< weights that are not 0, those of equal layers counted every time
  std::size_t different_layers = 0;  ///< of which each was prepared once
  double row_seconds = 0;            ///< before, heads_out and after, on the way from and to memory
  double attention_seconds = 0;      ///< queries, keys and values included
};

/// A transformer made ready for weights that are mostly 0 and attention that is exactly sparse: rows by lists of weights, heads by
/// RoutedAttention. The result is the Program's, as far as RoutedAttention's is the dense kernel's: the same bits for a transformer that is
/// certified exact. The same bits for any number of threads. For one caller at a time.
template <class Real>
class RoutedProgram {
 public:
  /// The transformer outlives this. Throws mpc::UsageError for a row function other than linear maps, ReLU MLPs and sequences of such, and
  /// for a mask of kind `any`.
  RoutedProgram(const Transformer<Real>& transformer, std::size_t threads);
  ~RoutedProgram();

  /// x [N, in()] -> [N, out()]; tokens from `shown` on are seen by none. Throws mpc::InputError if the sequence is too long, and
  /// mpc::Fault, with layer and token, for NaN where a Program finds it, and for an infinity there too.
  Matrix<Real> forward(const Matrix<Real>& x, std::size_t shown = std::numeric_limits<std::size_t>::max());
  /// Of the last forward().
  const RoutedStatistics& statistics() const { return statistics_; }

 private:
  struct HeadRows {
    SparseRows<Real> query, key, value;
  };
  struct LayerRows {
    const Layer<Real>* layer = nullptr;  // the first of those that are equal
    std::optional<SparseRows<Real>> before, heads_in, heads_out, after;
    std::vector<HeadRows> heads;
    std::size_t values = 0;  // columns of all heads
    std::size_t nonzeros = 0;
  };

  LayerRows prepared(const Layer<Real>& layer, std::size_t index) const;
  void begin(std::size_t layer, TokenTiles<Real>& x);
  void attend(std::size_t layer, const TokenTiles<Real>& x, std::size_t shown);
  void end(std::size_t layer, TokenTiles<Real>& x);
  /// x = function(x), tile by tile; the function may have other columns. function(tile, x, out, scratch).
  template <class Function>
  void for_tiles(TokenTiles<Real>& x, std::size_t columns, std::size_t scratch_columns, const Function& function);

  const Transformer<Real>* transformer_;
  cpu::ThreadPool pool_;
  std::vector<LayerRows> different_;
  std::vector<std::size_t> layers_;  // [L] of different_
  std::unique_ptr<Kernels<Real>> dense_;
  RoutedAttention<Real> attention_;
  std::vector<RoutedRows<Real>> heads_;  // of the layer at hand
  RoutedStatistics statistics_;
};

}  // namespace bridge
