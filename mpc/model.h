#pragma once

#include <cstdint>

#include "mpc/hash.h"
#include "mpc/word.h"

namespace mpc {

/// Smallest k with base^k >= x, by integer arithmetic; base >= 2.
std::uint64_t ceil_log(std::uint64_t base, std::uint64_t x);

/// Smallest r >= 1 with r^k >= x, by integer arithmetic; k >= 1, or x <= 1.
std::uint64_t ceil_root(std::uint64_t x, std::uint64_t k);

/// The Massively Parallel Computation model of a run: q machines, s words each, words of p bits.
struct Model {
  std::uint64_t input_words = 0;  ///< N
  std::uint64_t n = 0;            ///< size of the problem: ids are below n
  std::uint64_t machines = 1;     ///< q
  Words memory{1};                ///< s: kept + sent <= s and kept + received <= s, for every machine and round
  unsigned word_bits = 2;         ///< p
  double delta = 0;               ///< s = ceil(c N^delta); 0 where s was given
  double gamma = 0;               ///< q = ceil(slack N^(1 + gamma) / s)
  double c = 8, slack = 8;        ///< the two O() constants of the presets
  std::uint64_t seed = 1;         ///< of the public hash

  /// Most machines that an address can name.
  static constexpr std::uint64_t most_machines = (std::uint64_t{1} << 31) - 1;

  /// s = max(1, ceil(c N^delta)) and q = max(1, ceil(slack N^(1 + gamma) / s)).
  /// Throws UsageError if delta is outside (0, 1], gamma negative, c or slack not positive, or q too large.
  static Model sublinear(std::uint64_t input_words, std::uint64_t n, double delta, double gamma = 0, double c = 8, double slack = 8);

  /// s as given, and q = max(1, ceil(slack N^(1 + gamma) / s)). Throws UsageError if s is 0.
  static Model with_memory(std::uint64_t input_words, std::uint64_t n, Words memory, double gamma = 0, double slack = 8);

  /// The same with q machines. Throws UsageError if q is 0 or too large.
  Model with_machines(std::uint64_t q) const;

  /// Sets p to 2 ceil(log2 max(N, n, q, 2)), so that two ids fit into a word. Throws UsageError if that is more than 64.
  Model with_default_word_bits() const;

  /// f = max(2, floor(s / 4)): the fan-out of trees.
  std::uint64_t fan_out() const;

  /// T = max(1, ceil(log_f q)): rounds of an all-reduce.
  std::uint64_t tree_rounds() const;

  /// Two ids in one word of p bits.
  Pairing pairing() const { return Pairing(word_bits / 2); }

  PublicHash hash() const { return PublicHash(seed); }
};

}  // namespace mpc
