#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "transformer_bridge/transformer/program.h"

namespace bridge {

/// Softmax partials of `total` tokens lie group by group (Program::attend_partial). These put those of tokens row..row + n - 1 there, from
/// numbers that hold these tokens only, in the same order, and take them from there.

template <class Real, class Copy>
void for_each_part_array(const std::vector<HeadGroup<Real>>& groups, std::size_t total, std::size_t row, std::size_t n, Copy&& copy) {
  for (const auto& group : groups) {
    const auto largest = total * group.part_at, mine = n * group.part_at;
    copy(largest + row * group.heads, mine, n * group.heads, true);
    copy(largest + (total + row) * group.heads, mine + n * group.heads, n * group.heads, false);
    copy(largest + 2 * total * group.heads + row * group.heads * group.v, mine + 2 * n * group.heads, n * group.heads * group.v, false);
  }
}

/// An empty part is that of no keys.
template <class Real>
void put_part_rows(const std::vector<HeadGroup<Real>>& groups, std::span<const Real> part, std::size_t n, std::span<Real> all,
                   std::size_t total, std::size_t row) {
  for_each_part_array(groups, total, row, n, [&](std::size_t at, std::size_t from, std::size_t count, bool largest) {
    if (part.empty()) {
      std::ranges::fill(all.subspan(at, count), largest ? -std::numeric_limits<Real>::infinity() : Real{0});
    } else {
      std::ranges::copy(part.subspan(from, count), all.subspan(at, count).begin());
    }
  });
}

template <class Real>
void take_part_rows(const std::vector<HeadGroup<Real>>& groups, std::span<const Real> all, std::size_t total, std::size_t row,
                    std::size_t n, std::span<Real> part) {
  for_each_part_array(groups, total, row, n, [&](std::size_t at, std::size_t to, std::size_t count, bool) {
    std::ranges::copy(all.subspan(at, count), part.subspan(to, count).begin());
  });
}

}  // namespace bridge
