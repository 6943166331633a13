#pragma once

#include <cstddef>
#include <ostream>
#include <span>
#include <vector>

#include "transformer_bridge/kernels/kernels.h"

/// What every implementation of bridge::Kernels must do, whichever device it runs on: its results are compared with those of the plain
/// loops in float64, and with its own on other batches of rows. Arrays go through bridge::Array alone.
namespace tests {

/// How much work: what executes a thousand times slower than its device takes less.
struct KernelSizes {
  std::vector<std::size_t> tokens{1, 7, 1000, 4097};  ///< from 1000 on few columns
  std::vector<std::size_t> widths{1, 3, 64, 100};     ///< of queries, keys, values and rows
  std::size_t batch = 300;                            ///< rows that are computed at once and in parts; more than 140
  std::size_t model = 384;                            ///< the width of a model's rows, a multiple of 32
  std::size_t pairs = 300;                            ///< of single tokens
};

template <class Real>
struct KernelCheck {
  const char* name;
  void (*run)(const bridge::Kernels<Real>& kernels, const KernelSizes& sizes);  ///< reports to GoogleTest

  friend std::ostream& operator<<(std::ostream& to, const KernelCheck& check) { return to << check.name; }
};

/// All checks, for float and double.
template <class Real>
std::span<const KernelCheck<Real>> kernel_checks();

}  // namespace tests
