#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "transformer_bridge/kernels/code_groups.h"
#include "transformer_bridge/kernels/cpu/thread_pool.h"
#include "transformer_bridge/kernels/kernels.h"
#include "transformer_bridge/kernels/token_tiles.h"

namespace bridge {

/// softmax(scale * queries keys^T, masked) values, of one head: n tokens that ask, t tokens that are looked at.
template <class Real>
struct RoutedHead {
  std::size_t n = 0, t = 0, k = 0, v = 0;
  TileSource<Real> queries;       ///< of k columns
  TileSource<Real> keys, values;  ///< of k and v columns
  Real scale = 1;
  bool causal = false;                                          ///< token i sees the tokens up to i
  std::size_t shown = std::numeric_limits<std::size_t>::max();  ///< tokens from here on are hidden from all
  const StartToken<Real>* start = nullptr;
  std::string place{};  ///< what an error begins with: "layer 3, head 0"
};

/// What it took.
struct RoutedCounts {
  std::uint64_t queries = 0;
  std::uint64_t distinct = 0;   ///< different rows among them
  std::uint64_t matches = 0;    ///< keys whose logits were computed, one by one
  std::uint64_t fallbacks = 0;  ///< rows of the result for which nothing was proved, and which the dense kernel computed
  RoutedCounts& operator+=(const RoutedCounts& other);
};

/// The rows of a result, each different one once.
template <class Real>
class RoutedRows {
 public:
  std::size_t columns() const { return v_; }
  /// Tokens [64 tile, 64 tile + count) -> out, v columns of a tile.
  void put(std::size_t tile, std::size_t count, Real* out) const;

 private:
  template <class>
  friend class RoutedAttention;
  std::size_t v_ = 0;
  std::vector<std::uint32_t> row_of_;  // [n]; empty: each token has its own
  AlignedArray<Real> values_;          // [rows, v]
};

/// Attention that looks only at the keys that weigh something, in O(n k + matches). Nothing is taken on trust; from the numbers alone:
///
///   code columns   those in which |key| is the same for all keys, and both signs occur. Keys of the same signs there are a group.
///   matching keys  those whose signs are the query's where the query is not 0. Every other key has a logit of at most
///                    sum over code columns of |q_c| |k_c|  -  2 min of |q_c| |k_c| where q_c != 0  +  sum over the others of max(q_c k_c)
///   proof          scale * (best - that) >= 104 (float32) or 745.2 (float64), `best` being the largest logit of the matching keys and of
///                  the start token: then every other key weighs exactly 0. If numbers are not integers, or not below 2^24 (2^53), what
///                  their sums may be off by comes on top.
///   no proof       the row is computed by the dense kernel; so it is where no code column tells keys apart and more than 64 different
///                  queries would each look at all of them, and where queries are 0 in more than 7 different sets of code columns
///
/// Equal queries are computed once. With a causal mask a query sees the first keys of its group, and the next equal query goes on from
/// there. The result is the dense kernel's: the same bits if logits are exact, all keys that weigh something tie, and the sums of their
/// values are exact; equal up to rounding otherwise. It does not depend on the number of threads. Compiled for float and double. For one
/// caller at a time: it keeps what it computes with for the next call.
template <class Real>
class RoutedAttention {
 public:
  /// `dense` is called when a proof fails; all outlive this.
  RoutedAttention(cpu::ThreadPool& pool, std::function<const Kernels<Real>&()> dense);
  ~RoutedAttention();

  /// Throws mpc::Fault, with the place and the first such token, for a number that is not finite.
  RoutedCounts run(const RoutedHead<Real>& head, RoutedRows<Real>& out);

 private:
  struct Work;
  cpu::ThreadPool* pool_;
  std::function<const Kernels<Real>&()> dense_;
  std::unique_ptr<Work> work_;
};

}  // namespace bridge
