#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"
#include "transformer_bridge/transformer/matrix.h"

namespace bridge {

/// x W + bias.
template <class Real>
struct Linear {
  Matrix<Real> weights;    ///< [a, b]
  std::vector<Real> bias;  ///< [b], or empty: none
};

/// Linear maps with the activation between each and the next, and none after the last.
template <class Real>
struct Mlp {
  std::vector<Linear<Real>> layers;  ///< one or more
  Activation activation = Activation::relu;
};

/// (x - mean) / sqrt(variance + epsilon) * gain + bias.
template <class Real>
struct LayerNorm {
  std::vector<Real> gain, bias;  ///< [a]
  Real epsilon = Real(1e-5);
};

/// From a row of one column, an id 0..u-1, to the id's row of the table, plus the token's row of `positions`.
template <class Real>
struct Embedding {
  Matrix<Real> table;      ///< [u, b], u below 2^32
  Matrix<Real> positions;  ///< [N or more, b], or empty: none
};

/// Any function of a token's position and row: what a theorem calls an MLP, without weights. It must depend on nothing else: a rank calls
/// it for its own tokens only.
template <class Real>
struct Oracle {
  std::string name;
  std::size_t in = 0, out = 0;  ///< columns
  /// (token, row [in]) -> row [out]
  std::function<std::vector<Real>(std::size_t token, std::span<const Real> row)> function;
};

template <class Real>
struct RowFunction;

/// One after the other; with `residual` the first one's row is added to the last one's.
template <class Real>
struct Sequence {
  std::vector<RowFunction<Real>> steps;  ///< one or more
  bool residual = false;
};

/// Goes over the rows one by one: a row of `in()` columns becomes one of `out()` columns. Compiled for float and double.
template <class Real>
struct RowFunction : std::variant<Linear<Real>, Mlp<Real>, LayerNorm<Real>, Embedding<Real>, Oracle<Real>, Sequence<Real>> {
  using std::variant<Linear<Real>, Mlp<Real>, LayerNorm<Real>, Embedding<Real>, Oracle<Real>, Sequence<Real>>::variant;

  std::size_t in() const;
  std::size_t out() const;
  bool has_oracle() const;
  /// The number of its weights; an Oracle has none.
  std::size_t parameters() const;
  /// "mlp 12 -> 48 -> 12, relu"; an Oracle by its name.
  std::string describe() const;

  /// Throws mpc::UsageError if parts do not fit each other or `tokens`; the text begins with `place`.
  void check(std::size_t tokens, const std::string& place) const;
  /// rows [n, in()] of tokens first..first + n - 1 -> [n, out()]. The function has been checked. Throws mpc::Error, with place and token,
  /// for an id that the embedding lacks, and for an Oracle's row of another width.
  Matrix<Real> apply(const Matrix<Real>& rows, std::size_t first, const std::string& place) const;
};

/// The ids in a column of rows [n, 1] of the tokens from `first` on. Throws mpc::InputError, with place and token, for what is not an id of
/// the embedding.
template <class Real>
std::vector<std::uint32_t> embedding_ids(const Embedding<Real>& embedding, std::span<const Real> column, std::size_t first,
                                         const std::string& place);

/// Throws mpc::UsageError unless they are equal: "PLACE: WHAT: expected E, got G".
void expect_equal(const std::string& place, const std::string& what, std::size_t expected, std::size_t got);

}  // namespace bridge
