#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mpc/ranks.h"

#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/transformer.h"

/// Runs a transformer by the reference kernels, in float or double. Shapes that do not fit are an mpc::UsageError. NaN anywhere is an
/// mpc::Error with Exit::fault that names the layer, the head or row function, and the first such token.
///
/// Over ranks, each holds the rows of consecutive tokens, in rank order, and may hold none; it computes for its own tokens, and sees the
/// keys and values of all. The transformer is the same on every rank. The rows are the same bits as on one process, for every number of
/// ranks, and so is the text of an error, which all ranks throw together.
namespace bridge {

/// x [N, in()] -> [N, out()].
template <class Real>
Matrix<Real> forward(const Transformer<Real>& transformer, const Matrix<Real>& x);

/// The same for this rank's rows: mine [this rank's tokens, in()] -> [this rank's tokens, out()]. Collective.
template <class Real>
Matrix<Real> forward(const Transformer<Real>& transformer, const Matrix<Real>& mine, mpc::Ranks& ranks);

/// One layer: x [N, columns in] -> [N, columns out]. `index` is the layer's number in errors.
template <class Real>
Matrix<Real> apply(const Layer<Real>& layer, const Matrix<Real>& x, std::size_t index = 0);

/// The same for this rank's rows: rank r holds the tokens starts[r]..starts[r + 1] - 1, as protocols::part_starts() gives them, and so
/// `starts` has size() + 1 entries. Collective. Moves, of every head, all keys and values to every rank.
template <class Real>
Matrix<Real> apply(const Layer<Real>& layer, const Matrix<Real>& mine, std::span<const std::uint64_t> starts, mpc::Ranks& ranks,
                   std::size_t index = 0);

}  // namespace bridge
