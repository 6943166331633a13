#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"

namespace bridge {

/// Numbers in rows and columns, one row after the other.
template <class Real>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns, Real fill = 0) : rows_(rows), columns_(columns), values_(rows * columns, fill) {}
  /// Of rows written out: {{1, 2}, {3, 4}}.
  Matrix(std::initializer_list<std::initializer_list<Real>> rows)
      : rows_(rows.size()), columns_(rows.size() == 0 ? 0 : rows.begin()->size()) {
    for (const auto& row : rows) {
      if (row.size() != columns_) throw mpc::UsageError(fmt::format("matrix: expected rows of {}, got one of {}", columns_, row.size()));
      values_.insert(values_.end(), row.begin(), row.end());
    }
  }

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }

  std::span<Real> row(std::size_t i) { return {values_.data() + i * columns_, columns_}; }
  std::span<const Real> row(std::size_t i) const { return {values_.data() + i * columns_, columns_}; }
  Real& operator()(std::size_t i, std::size_t j) { return values_[i * columns_ + j]; }
  const Real& operator()(std::size_t i, std::size_t j) const { return values_[i * columns_ + j]; }

  /// All values, [rows * columns].
  std::span<Real> values() { return values_; }
  std::span<const Real> values() const { return values_; }

  /// Rows first..first + count - 1.
  Matrix block(std::size_t first, std::size_t count) const {
    Matrix result(count, columns_);
    std::ranges::copy(values().subspan(first * columns_, count * columns_), result.values_.begin());
    return result;
  }

  bool operator==(const Matrix&) const = default;

 private:
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<Real> values_;
};

}  // namespace bridge
