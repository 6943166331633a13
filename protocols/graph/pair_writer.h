#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/spread.h"
#include "protocols/graph/text_sink.h"

namespace protocols {

/// A line "a b" for each pair of words.
std::string pair_lines(std::span<const std::uint64_t> words);

/// Writes pairs of numbers that are spread over the ranks, in rank order. Rank 0 writes; the others send to it piece by piece.
/// Every member is collective, and throws mpc::Fault on every rank if writing fails.
class PairWriter {
 public:
  /// The text of the next pairs, given as words; called on rank 0, in order.
  using Text = std::function<std::string(std::span<const std::uint64_t> words)>;

  PairWriter(const std::string& path, const std::string& header, mpc::Ranks& ranks, Text text = pair_lines);

  /// Writes this rank's `pairs` pairs after those of the ranks before it. words(first, count) gives `count` pairs, as 2 * count words;
  /// it is called on all ranks together, with a count of 0 where it is another rank's turn.
  void write(std::size_t pairs, const std::function<std::vector<std::uint64_t>(std::size_t first, std::size_t count)>& words);

  /// As above, from memory.
  template <class Pair>
  void write(std::span<const Pair> pairs) {
    static_assert(words_per<Pair> == 2);
    write(pairs.size(), [&](std::size_t first, std::size_t count) {
      const auto words = words_of(pairs.subspan(first, count));
      return std::vector<std::uint64_t>(words.begin(), words.end());
    });
  }

  /// Writes what comes last. The file is complete only after this.
  void close(const std::function<std::string()>& footer = {});

 private:
  mpc::Ranks& ranks_;
  Text text_;
  std::optional<TextSink> sink_;  // on rank 0
};

}  // namespace protocols
