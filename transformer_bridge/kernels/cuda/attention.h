#pragma once

#include <cstddef>
#include <span>

#include "transformer_bridge/kernels/cuda/kl.h"
#include "transformer_bridge/kernels/kernels.h"

/// Attention on a CUDA device, Real float or double: what Kernels says of the calls of the same names, all pointers in the device's memory.
/// Keys are taken in chunks of 512 from the first on, a chunk in tiles of 32, and the chunks are summed in a binary tree by their index:
/// the bits of a row depend on its query, the keys it sees and their places, and on nothing else. n and t together are below 2^31.
namespace bridge::cuda {

/// Throws mpc::InputError if the numbers of the kernels do not hold those of the shape. In a file of its own, compiled without the tracer.
void check_attention_size(const AttentionShape& shape, std::size_t pairs);

/// How many numbers of scratch memory the calls below want; 0 for few keys, and bounded for many rows.
template <class Real>
std::size_t attention_scratch(const AttentionShape& shape);

template <class Real>
void attention(const AttentionShape& shape, const Real* queries, const Real* keys, const Real* values, const VisibleKeys& visible,
               Real scale, Real* out, Real* scratch, kl::Stream stream);

template <class Real>
void attention_partial(const AttentionShape& shape, const Real* queries, const Real* keys, const Real* values, const VisibleKeys& visible,
                       Real scale, Real* largest, Real* sum, Real* value, Real* scratch, kl::Stream stream);

/// `pairs` on the host, and the same in the device's memory.
template <class Real>
void attention_blocks(const AttentionShape& shape, std::span<const BlockPair> pairs, const BlockPair* device_pairs, const Real* queries,
                      const Real* keys, const Real* values, const VisibleKeys& visible, Real scale, Real* largest, Real* sum, Real* value,
                      Real* scratch, kl::Stream stream);

}  // namespace bridge::cuda
