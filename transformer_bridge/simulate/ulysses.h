#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "mpc/cluster.h"

#include "transformer_bridge/simulate/token_words.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/program.h"

/// Attention that is parallel over heads (DeepSpeed-Ulysses, Jacobs et al. 2023; the forward pass) as a protocol on P machines, on the same
/// kernels and under the same accounts as Theorem 2. Machine p holds the p-th share of the tokens, and of the heads. In each layer one
/// all-to-all brings the queries, keys and values of a head to its machine, and another one brings its values back to the tokens.
namespace bridge {

/// R = 2 L + 2. Least s: a machine keeps its rows, ceil(N / P) m words and one for their length, and moves the projected rows of its
/// tokens, or its heads' columns of all tokens, whichever is more. Throws mpc::UsageError for more machines than a layer has heads.
template <class Real>
ProtocolSize ulysses_size(const Program<Real>& program, std::size_t tokens, std::uint64_t machines);

/// Runs the program on x [N, in()], which every rank has whole, on all machines of the cluster. Collective. The answer's words are left
/// evenly dealt over the machines, as by simulate(). The same bits as on one process.
template <class Real>
OutputPart<Real> ulysses_attention(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster,
                                   std::size_t shown = std::numeric_limits<std::size_t>::max());

}  // namespace bridge
