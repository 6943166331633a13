#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "transformer_bridge/kernels/kernels.h"

/// The kernels as plain loops. The letters of the shapes are those of kernels.h. Arrays are dense; every sum is taken in Real, in ascending
/// order of its index. Row i of a result depends on row i of the first argument and on no other, and is the same bits however many rows
/// there are. NaN goes through every kernel: none swallows it.
namespace bridge {

/// Plain loops: the measure for every other kernel.
namespace reference {

/// out = softmax(scale * queries keys^T, masked) values. The largest logit of a row is taken off before exp, and a masked logit is minus
/// infinity: what it weighs is not looked at. A row that sees nothing (all masked, no start token) is zeros, and so are its weights.
/// A row whose visible logits are all minus infinity, or include NaN or plus infinity, is NaN.
///   queries [n, k], keys [t, k], values [t, v]
///   mask    [n, t], 0 hides; empty: nothing is hidden
///   start   null: none; it comes last in every sum
///   out     [n, v]
///   weights [n, t], or [n, t + 1] with a start token, whose column is the last; empty: not wanted
template <class Real>
void attention(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys, std::span<const Real> values,
               std::span<const std::uint8_t> mask, Real scale, const StartToken<Real>* start, std::span<Real> out,
               std::span<Real> weights = {});

/// out = x W + bias; a row's sum begins with the bias.
///   x [n, a], W [a, b], bias [b] or empty: zero, out [n, b]
template <class Real>
void linear(std::size_t n, std::size_t a, std::size_t b, std::span<const Real> x, std::span<const Real> W, std::span<const Real> bias,
            std::span<Real> out);

/// In place, x [any]:
///   relu       max(x, 0)
///   gelu       x/2 (1 + erf(x / sqrt 2))
///   gelu_tanh  x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
template <class Real>
void activate(Activation activation, std::span<Real> x);

/// out = (x - mean) / sqrt(variance + epsilon) * gain + bias, by row; the variance divides by a.
///   x [n, a], gain [a], bias [a], out [n, a]
template <class Real>
void layer_norm(std::size_t n, std::size_t a, std::span<const Real> x, std::span<const Real> gain, std::span<const Real> bias, Real epsilon,
                std::span<Real> out);

/// out[i] = table[ids[i]].
///   ids [n], each below u; table [u, b], out [n, b]
template <class Real>
void embedding(std::size_t n, std::size_t b, std::span<const std::size_t> ids, std::span<const Real> table, std::span<Real> out);

/// Attention in parts, to be merged: over the keys given, for each row the largest visible logit, the sum of exp(logit - largest), and the
/// sum of exp(logit - largest) value, not divided. A row that sees nothing is (minus infinity, 0, 0); so is one whose visible logits are
/// all minus infinity, as they weigh nothing beside another part's. A logit that is NaN or plus infinity makes sum and value NaN; largest
/// may drop a NaN, so a row is known to be bad by its sum.
///   queries [n, k], keys [t, k], values [t, v], mask [n, t] or empty: as for attention
///   largest [n], sum [n], value [n, v]
template <class Real>
void attention_partial(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys, std::span<const Real> values,
                       std::span<const std::uint8_t> mask, Real scale, std::span<Real> largest, std::span<Real> sum, std::span<Real> value);

/// into = into and from as one part, by row. Merging is commutative to the bit, but not associative: the caller's order decides the bits.
/// A row (minus infinity, 0, any) is none at all: merged on either side it leaves the other's bits.
///   into, from: largest [n], sum [n], value [n, v]
template <class Real>
void merge(std::size_t n, std::size_t v, std::span<Real> into_largest, std::span<Real> into_sum, std::span<Real> into_value,
           std::span<const Real> from_largest, std::span<const Real> from_sum, std::span<const Real> from_value);

/// out = value / sum; rows with the sum 0 are zeros, and rows with the sum NaN are NaN.
///   sum [n], value [n, v], out [n, v]
template <class Real>
void finish(std::size_t n, std::size_t v, std::span<const Real> sum, std::span<const Real> value, std::span<Real> out);

}  // namespace reference
}  // namespace bridge
