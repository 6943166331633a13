#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mpc/ranks.h"

namespace protocols {

/// A sequence of symbols, spread over the ranks. Symbols are numbers, 0..symbols-1.
struct Sequence {
  std::uint64_t positions = 0;       ///< N
  std::uint64_t symbols = 0;         ///< size of the alphabet
  std::vector<std::uint64_t> share;  ///< this rank's symbols; the ranks' shares concatenate in rank order
  std::uint64_t first = 0;           ///< index of share.front() among all
  /// How often each symbol occurs; the same on every rank.
  std::shared_ptr<const std::vector<std::uint64_t>> occurrences = std::make_shared<std::vector<std::uint64_t>>();
  /// What the symbols are called, on rank 0. Empty: by their numbers.
  std::vector<std::string> names;

  std::string name(std::uint64_t symbol) const { return names.empty() ? std::to_string(symbol) : names[symbol]; }
};

/// "sequence:N,ALPHABET": N symbols 0..ALPHABET-1, uniform among the sequences without immediate repeats, by the public hash; anything
/// else: the symbols of a text file, plain or gzip (see read_symbols), numbered by their first occurrence. Collective. Throws on every
/// rank: UsageError for numbers out of range, InputError for a file that is not a text.
Sequence load_sequence(const std::string& source, std::uint64_t seed, mpc::Ranks& ranks);

/// Counts the occurrences, and spreads what rank 0 holds evenly over the ranks. Collective.
Sequence spread_sequence(std::vector<std::uint64_t> on_first_rank, std::uint64_t symbols, std::vector<std::string> names,
                         mpc::Ranks& ranks);

/// Positions of a sequence: ids and numbers of occurrences fit half a word.
inline constexpr std::uint64_t most_positions = (std::uint64_t{1} << 32) - 2;

}  // namespace protocols
