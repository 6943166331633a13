#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/transformer/matrix.h"

/// k hops of induction heads, by a causal transformer in weights: one head a layer, ceil(log2 k) + 2 layers.
///
/// Positions count from 1, token i - 1 is position i, and position 0, the start token, is nowhere. For a sequence X let
///   find(i) = max({0} u {j <= i : X_{j-1} = X_i}),  the position after the last occurrence of X_i before i,
/// and find^n its n-th power, find(0) = 0. The answer at i is the symbol at find^k(i), or none.
///   Layer 1 brings X_{i-1}. Layer 2 brings the largest j with X_{j-1} = X_i, and X_j. So far this is the standard induction head.
///   Layer 2 + t has (find^{n-1}, find^n) with n = n_{t-1} and looks up position find^n if n_t is even, else find^{n-1}; what stands there
///   is (find^{n_t - 1}, find^{n_t}), and the symbol at find^{n_t}. n_T = k, n_{t-1} = ceil(n_t / 2), T = ceil(log2 k), n_0 = 1.
/// Symbols are numbered from 1 in the row, 0 is none: b = bit_width(symbols); positions take P = bit_width(positions). Width 3 b + 5 P.
namespace bridge {

/// Runs on every sequence of 1 to `positions` symbols below `symbols`. All k with the same ceil(k / 2) have the same layers but the last.
/// Throws mpc::UsageError if k, positions or symbols is 0.
CompiledModel hops(std::uint64_t k, std::uint64_t positions, std::uint64_t symbols, NumberType type);

/// [sequence, width]: symbol, position and the position before. Throws mpc::UsageError for a symbol that is not below `symbols` and for a
/// sequence of more than `positions`. For float and double.
template <class Real>
Matrix<Real> hops_tokens(std::uint64_t positions, std::uint64_t symbols, std::span<const std::uint64_t> sequence);

/// The answer of every position, in the rows after the last layer: a symbol, or `none`. Throws mpc::Fault, with the token, where a bit is
/// neither 0 nor 1.
template <class Real>
std::vector<std::uint64_t> hops_answers(std::uint64_t positions, std::uint64_t symbols, const Matrix<Real>& y, std::uint64_t none);

}  // namespace bridge
