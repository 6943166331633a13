#pragma once

#include <algorithm>
#include <cstdint>

#include "mpc/model.h"

#include "transformer_bridge/kernels/block_rows.h"

namespace bridge {

/// Addresses as +-1 bits, L = max(2, ceil(log2 q)) of them: equal addresses have the inner product L, others at most L - 2, an empty key 0.
/// One more column belongs to the start token.
inline std::uint64_t address_bits(std::uint64_t machines) { return std::max<std::uint64_t>(2, mpc::ceil_log(2, machines)); }

template <class Real>
void add_address(BlockRows<Real>& row, std::uint64_t machine, std::uint64_t bits) {
  for (std::uint64_t i = 0; i < bits; ++i) row.add(static_cast<std::uint32_t>(i), (machine >> i & 1) != 0 ? Real{1} : Real{-1});
}

/// The query of a machine, which the start token matches too.
template <class Real>
void add_address_query(BlockRows<Real>& queries, std::uint64_t machine, std::uint64_t bits) {
  add_address(queries, machine, bits);
  queries.add(static_cast<std::uint32_t>(bits), Real{1});
  queries.end_row();
}
/// The query that matches only the start token.
template <class Real>
void add_start_query(BlockRows<Real>& queries, std::uint64_t bits) {
  queries.add(static_cast<std::uint32_t>(bits), Real{1});
  queries.end_row();
}
/// The start token's key.
template <class Real>
void add_start_key(BlockRows<Real>& keys, std::uint64_t bits) {
  keys.add(static_cast<std::uint32_t>(bits), static_cast<Real>(bits));
  keys.end_row();
}

}  // namespace bridge
