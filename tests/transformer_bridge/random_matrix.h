#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mpc/hash.h"

#include "transformer_bridge/transformer/matrix.h"

namespace tests {

/// In [-1, 1), the same for every run, and exact in float.
template <class Real>
Real random_real(std::uint64_t seed, std::uint64_t at) {
  return static_cast<Real>(static_cast<double>(mpc::mix(mpc::mix(seed) + at) >> 42) / (1 << 21) - 1);
}

template <class Real>
bridge::Matrix<Real> random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  bridge::Matrix<Real> matrix(rows, columns);
  for (std::size_t i = 0; i < matrix.values().size(); ++i) matrix.values()[i] = random_real<Real>(seed, i);
  return matrix;
}

template <class Real>
std::vector<Real> random_vector(std::size_t size, std::uint64_t seed) {
  const auto matrix = random_matrix<Real>(1, size, seed);
  return {matrix.values().begin(), matrix.values().end()};
}

}  // namespace tests
