#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace protocols::oracle {

/// hop_k of the sequence X_1, X_2, ..., for every position in order: the symbol there is, or `undefined` where the hops leave the sequence.
/// A hop leads from i to the position after the last occurrence of X_i before i. Time O(N log k).
std::vector<std::uint64_t> hops(std::span<const std::uint64_t> symbols, std::uint64_t k, std::uint64_t undefined);

}  // namespace protocols::oracle
