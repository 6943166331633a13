#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "mpc/cluster.h"

#include "transformer_bridge/simulate/token_words.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/program.h"

/// Ring attention (Liu, Zaharia, Abbeel 2023; the forward pass) as a protocol on P machines: what others run, on the same kernels and under
/// the same accounts as Theorem 2. Machine p holds the p-th share of the tokens. In each layer keys and values go round a ring of the
/// machines, P - 1 rounds, while every machine merges what it sees of them into the softmax partials of its own tokens.
namespace bridge {

/// R = (P - 1) L + 2: the rows come in, P - 1 rounds in each layer, the rows go out. Least s: with B = ceil(N / P) tokens a machine keeps
/// rows, queries and partials, B (m + (k + v + 2) H) words and one for the length of each of four arrays, and sends and receives keys and
/// values, B (k + v) H.
template <class Real>
ProtocolSize ring_size(const Program<Real>& program, std::size_t tokens, std::uint64_t machines);

/// Runs the program on x [N, in()], which every rank has whole, on all machines of the cluster. Collective. The answer's words are left
/// evenly dealt over the machines, as by simulate(); its bits depend on the number of machines, and not on that of ranks.
template <class Real>
OutputPart<Real> ring_attention(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster,
                                std::size_t shown = std::numeric_limits<std::size_t>::max());

}  // namespace bridge
