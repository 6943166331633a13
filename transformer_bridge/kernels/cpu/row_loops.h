#pragma once

#include "transformer_bridge/kernels/cpu/loops.h"
#include "transformer_bridge/kernels/cpu/product.h"
#include "transformer_bridge/kernels/cpu/vector_math.h"

/// Row functions.
namespace bridge::cpu {
namespace {

/// apply(function of lanes), with the activation's.
template <class Real, class Apply>
[[gnu::always_inline]] inline void with_activation(Activation activation, const Apply& apply) {
  switch (activation) {
    case Activation::relu: return apply([](const Lanes<Real>& x) { return relu<Real>(x); });
    case Activation::gelu: return apply([](const Lanes<Real>& x) { return gelu(x); });
    case Activation::gelu_tanh: return apply([](const Lanes<Real>& x) { return gelu_tanh<Real>(x); });
  }
}

template <class Real>
void activate_loop(Activation activation, std::size_t size, Real* x) {
  with_activation<Real>(activation, [&](const auto& function) {
    for_lanes<Real>(size, [&](std::size_t c, const auto& get, const auto& put) { put(x + c, function(get(x + c))); });
  });
}

template <class Real>
void add_loop(std::size_t size, const Real* x, Real* into) {
  for_lanes<Real>(size, [&](std::size_t c, const auto& get, const auto& put) { put(into + c, get(into + c) + get(x + c)); });
}

template <class Real>
void linear_loop(const LinearWork<Real>& work) {
  constexpr auto panel = tile_vectors * lanes<Real>;
  alignas(64) Real tile[tile_rows * panel];
  const auto vectors = padded<Real>(work.columns) / lanes<Real>;
  for (std::size_t i = 0; i < work.rows; i += tile_rows) {
    const auto rows = work.rows - i < tile_rows ? work.rows - i : tile_rows;
    multiply<Real>({work.depth, work.x + i * work.depth, work.depth, work.weights, panel, work.bias, 0, tile, panel}, rows, vectors);
    const auto finish = [&](const auto& function) {
      for (std::size_t r = 0; r < rows; ++r) {
        const auto* sums = tile + r * panel;
        auto* out = work.out + (i + r) * work.stride;
        const auto* residual = work.residual == nullptr ? nullptr : work.residual + (i + r) * work.stride;
        for_lanes<Real>(work.columns, [&](std::size_t c, const auto& get, const auto& put) {
          const auto result = function(load(sums + c));
          put(out + c, residual == nullptr ? result : result + get(residual + c));
        });
      }
    };
    if (work.activation != nullptr) {
      with_activation<Real>(*work.activation, finish);
    } else {
      finish([](const Lanes<Real>& x) { return x; });
    }
  }
}

inline float square_root(float x) { return __builtin_sqrtf(x); }
inline double square_root(double x) { return __builtin_sqrt(x); }

template <class Real>
void layer_norm_loop(std::size_t n, std::size_t a, const Real* x, const Real* gain, const Real* bias, Real epsilon, Real* out) {
  // Lanes beyond the row must not count: where the row ends within a register, what is there is not a deviation from the mean.
  const auto rest = a % lanes<Real>;
  for (std::size_t i = 0; i < n; ++i, x += a, out += a) {
    Lanes<Real> sums{}, squares{};
    for_lanes<Real>(a, [&](std::size_t c, const auto& get, const auto&) { sums += get(x + c); });
    const auto mean = all(sum_of<Real>(sums) / static_cast<Real>(a));
    for (std::size_t c = 0; c + lanes<Real> <= a; c += lanes<Real>) {
      const auto deviation = load(x + c) - mean;
      squares = multiply_add(deviation, deviation, squares);
    }
    if (rest != 0) {
      const auto deviation = load_first(x + a - rest, rest) - mean;
      const auto inside = lane_numbers<Real>() < static_cast<typename LanesOf<Real>::Bits>(rest);
      squares += inside ? deviation * deviation : Lanes<Real>{};
    }
    const auto inverse = all(1 / square_root(sum_of<Real>(squares) / static_cast<Real>(a) + epsilon));
    for_lanes<Real>(a, [&](std::size_t c, const auto& get, const auto& put) {
      put(out + c, multiply_add((get(x + c) - mean) * inverse, get(gain + c), get(bias + c)));
    });
  }
}

template <class Real>
std::size_t first_nan_loop(std::size_t n, std::size_t a, const Real* x) {
  for (std::size_t i = 0; i < n; ++i, x += a) {
    Lanes<Real> found{};  // a NaN, or zeros
    for_lanes<Real>(a, [&](std::size_t c, const auto& get, const auto&) {
      const auto numbers = get(x + c);
      found += numbers == numbers ? Lanes<Real>{} : numbers;
    });
    if (const auto sum = sum_of<Real>(found); sum != sum) return i;
  }
  return n;
}

template <class Real>
void exponentials_loop(std::size_t size, const Real* x, Real* out) {
  for_lanes<Real>(size, [&](std::size_t c, const auto& get, const auto& put) { put(out + c, exp_of_negative<Real>(get(x + c))); });
}

}  // namespace
}  // namespace bridge::cpu
