#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "transformer_bridge/transformer/matrix.h"

namespace bridge {

/// Writes a NumPy array file, format 1.0, little endian, in C order: dtype float32, float64 or uint64. values [product of the shape].
/// The file appears under its name only when it is complete. Throws mpc::Fault, with the path and the reason, if it cannot be written.
template <class T>
void write_npy(const std::string& path, std::span<const T> values, const std::vector<std::size_t>& shape);

template <class T>
void write_npy(const std::string& path, const Matrix<T>& matrix) {
  write_npy<T>(path, matrix.values(), {matrix.rows(), matrix.columns()});
}

}  // namespace bridge
