#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "transformer_bridge/simulate/schemes.h"
#include "transformer_bridge/transformer/transformer.h"

namespace roundtrip {

/// A random transformer of `check theorem2`.
struct Theorem2Case {
  std::uint64_t tokens = 1, width = 1, heads = 1, layers = 1;
  std::string mask = "none";   ///< none, causal, padding (the last quarter is hidden), any (a third is hidden, and a row sees nothing)
  std::uint64_t multiple = 1;  ///< s is so many times the least

  std::string name() const;  ///< "N 16, m 8, H 2, L 2, causal"
  /// Tokens from here on are padding.
  std::size_t shown() const;
};

/// The grid: N, m, H, L, mask and s, so that b goes from 2 to all of N in one step.
std::vector<Theorem2Case> theorem2_grid();

/// Its transformer, of embeddings, pre-LN layers with GELU MLPs, post-LN layers and layers without norm, drawn from a seed; and ids to run
/// it on. In float the weights are those in double, rounded.
template <class Real>
bridge::Transformer<Real> random_transformer(const Theorem2Case& one, std::uint64_t seed);
template <class Real>
bridge::Matrix<Real> random_ids(const Theorem2Case& one, std::uint64_t seed);

}  // namespace roundtrip
