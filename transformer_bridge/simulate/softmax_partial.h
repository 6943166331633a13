#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

/// Softmax over some of the keys of a query, so that parts can be merged: (largest logit, sum of exp(logit - largest), sum of
/// exp(logit - largest) value), in 2 + v columns. The merge is stable: nothing is divided by, or grows with, the number of keys. NaN stays.
namespace bridge {

inline std::size_t partial_columns(std::size_t v) { return v + 2; }

/// Of no key: (minus infinity, 0, zeros).
template <class Real>
std::vector<Real> empty_partial(std::size_t v) {
  std::vector<Real> partial(partial_columns(v));
  partial[0] = -std::numeric_limits<Real>::infinity();
  return partial;
}

/// into = the partial of the keys of both.
template <class Real>
void merge_partial(std::span<const Real> from, std::span<Real> into) {
  if (into[1] == 0) {  // of no key: minus infinity from itself would be NaN
    std::ranges::copy(from, into.begin());
    return;
  }
  const auto largest = std::max(into[0], from[0]);
  const auto keep = std::exp(into[0] - largest), take = std::exp(from[0] - largest);
  into[0] = largest;
  for (std::size_t c = 1; c < into.size(); ++c) into[c] = keep * into[c] + take * from[c];
}

/// into = the partial with one key more.
template <class Real>
void add_key(Real scale, std::span<const Real> query, std::span<const Real> key, std::span<const Real> value, std::span<Real> into) {
  Real dot = 0;
  for (std::size_t c = 0; c < query.size(); ++c) dot += query[c] * key[c];
  std::vector<Real> one(into.size());
  one[0] = scale * dot;
  one[1] = 1;
  std::ranges::copy(value, one.begin() + 2);
  merge_partial<Real>(one, into);
}

/// out += what the softmax weighs: nothing if there was no key.
template <class Real>
void add_softmax(std::span<const Real> partial, std::span<Real> out) {
  if (partial[1] == 0) return;
  for (std::size_t c = 0; c < out.size(); ++c) out[c] += partial[c + 2] / partial[1];
}

}  // namespace bridge
