#pragma once

#include <cstddef>
#include <optional>

#include "transformer_bridge/kernels/cuda/kl.h"
#include "transformer_bridge/kernels/kernels.h"

/// What is done to rows, column by column; the letters of the shapes are those of kernels.h.
namespace bridge::cuda {

/// What follows a matrix product: out = activation(product + bias) + residual.
///   product [n, b], bias [b] or null, residual [n, b] or null, out [n, b], which may be the residual
template <class Real>
void epilogue(std::size_t n, std::size_t b, const Real* product, const Real* bias, std::optional<Activation> activation,
              const Real* residual, Real* out, kl::Stream stream);

/// A tile of `height` rows with n of x in it from row `at` on, and zeros elsewhere.
///   x [n, a], tile [height, a]
template <class Real>
void pad_rows(std::size_t at, std::size_t n, std::size_t height, std::size_t a, const Real* x, Real* tile, kl::Stream stream);

/// Kernels::activate and Kernels::add.
template <class Real>
void activate(Activation activation, std::size_t count, Real* x, kl::Stream stream);
template <class Real>
void add(std::size_t count, const Real* x, Real* into, kl::Stream stream);

/// Kernels::copy_columns.
template <class Real>
void copy_columns(std::size_t n, std::size_t columns, const Real* from, std::size_t from_stride, Real* to, std::size_t to_stride,
                  kl::Stream stream);

/// Makes *first the first row of x [n, a] that holds a NaN, if it is below *first.
template <class Real>
void first_nan(std::size_t n, std::size_t a, const Real* x, unsigned long long* first, kl::Stream stream);

}  // namespace bridge::cuda
