#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "protocols/graph/edge.h"

namespace protocols {

/// Stable sort by an unsigned 64-bit key, least digit first; digits in which no two keys differ are skipped. `scratch` is memory to reuse.
template <class T, class Key>
void radix_sort(std::vector<T>& items, std::vector<T>& scratch, Key&& key) {
  if (items.size() < 2) return;
  std::uint64_t varying = 0;
  const std::uint64_t some = key(items.front());
  for (const auto& item : items) varying |= key(item) ^ some;
  scratch.resize(items.size());
  constexpr int digit_bits = 8;
  while (varying != 0) {
    // Starting at the lowest bit that varies saves a pass where bits are constant.
    const int shift = std::countr_zero(varying);
    std::array<std::size_t, 1 << digit_bits> next{};
    const auto digit = [&](const T& item) { return (key(item) >> shift) & ((1 << digit_bits) - 1); };
    for (const auto& item : items) ++next[digit(item)];
    std::size_t before = 0;
    for (auto& count : next) before += std::exchange(count, before);
    for (const auto& item : items) scratch[next[digit(item)]++] = item;
    items.swap(scratch);
    varying &= shift + digit_bits >= 64 ? 0 : ~std::uint64_t{0} << (shift + digit_bits);
  }
}

inline void radix_sort(std::vector<std::uint64_t>& words, std::vector<std::uint64_t>& scratch) {
  radix_sort(words, scratch, [](std::uint64_t word) { return word; });
}

/// By u, then v.
inline void radix_sort(std::vector<Edge>& edges, std::vector<Edge>& scratch) {
  radix_sort(edges, scratch, [](const Edge& edge) { return edge.v; });
  radix_sort(edges, scratch, [](const Edge& edge) { return edge.u; });
}

}  // namespace protocols
