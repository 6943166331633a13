#include "protocols/sequence/sequence.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "protocols/graph/spread.h"
#include "protocols/sequence/symbol_reader.h"

namespace protocols {
namespace {

constexpr std::string_view generator = "sequence:";

/// The two numbers of "sequence:N,ALPHABET".
std::pair<std::uint64_t, std::uint64_t> generator_arguments(const std::string& text) {
  std::uint64_t numbers[2] = {};
  const auto* at = text.data() + generator.size();
  const auto* const end = text.data() + text.size();
  bool right = true;
  for (int i = 0; i < 2 && right; ++i) {
    if (i == 1) right = at != end && *at++ == ',';
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    right = right && error == std::errc();
    at = next;
  }
  if (!right || at != end) throw mpc::UsageError(fmt::format("'{}': expected sequence:N,ALPHABET, two whole numbers", text));
  const auto [n, alphabet] = numbers;
  if (n > most_positions || alphabet == 0 || alphabet > most_positions || (alphabet == 1 && n > 1)) {
    throw mpc::UsageError(fmt::format("'{}': expected at most {} positions and 2 to {} symbols (1 for a single position)", text,
                                      most_positions, most_positions));
  }
  return {n, alphabet};
}

Sequence generate(std::uint64_t n, std::uint64_t alphabet, std::uint64_t seed, mpc::Ranks& ranks) {
  Sequence sequence;
  sequence.positions = n;
  sequence.symbols = alphabet;
  const auto starts = even_starts(n, ranks.size());
  const auto rank = static_cast<std::size_t>(ranks.rank());
  sequence.first = starts[rank];
  const mpc::PublicHash hash(seed);
  constexpr std::uint64_t stream = 21;
  // The first symbol is any; each other one is that before it plus 1 to alphabet - 1, around the alphabet.
  std::uint64_t sum = 0;
  sequence.share.reserve(starts[rank + 1] - starts[rank]);
  for (auto i = starts[rank]; i < starts[rank + 1]; ++i) {
    sum = (sum + (i == 0 ? hash.below(alphabet, i, stream) : 1 + hash.below(alphabet - 1, i, stream))) % alphabet;
    sequence.share.push_back(sum);
  }
  const auto sums = ranks.gather({&sum, 1});
  std::uint64_t before = 0;
  for (std::size_t r = 0; r < rank; ++r) before = (before + sums[r]) % alphabet;
  std::vector<std::uint64_t> occurrences(alphabet);
  for (auto& symbol : sequence.share) {
    symbol = (symbol + before) % alphabet;
    ++occurrences[symbol];
  }
  ranks.reduce(occurrences, mpc::Reduction::sum);
  sequence.occurrences = std::make_shared<std::vector<std::uint64_t>>(std::move(occurrences));
  return sequence;
}

}  // namespace

Sequence spread_sequence(std::vector<std::uint64_t> on_first_rank, std::uint64_t symbols, std::vector<std::string> names,
                         mpc::Ranks& ranks) {
  Sequence sequence;
  sequence.positions = ranks.sum(on_first_rank.size());
  sequence.symbols = ranks.sum(symbols);
  sequence.names = std::move(names);
  std::vector<std::uint64_t> occurrences(sequence.symbols);
  for (const auto symbol : on_first_rank) ++occurrences[symbol];
  ranks.reduce(occurrences, mpc::Reduction::sum);
  sequence.occurrences = std::make_shared<std::vector<std::uint64_t>>(std::move(occurrences));
  const auto starts = even_starts(sequence.positions, ranks.size());
  sequence.first = starts[static_cast<std::size_t>(ranks.rank())];
  auto counts = counts_by_start(0, on_first_rank.size(), starts);
  sequence.share = exchange_items(std::move(on_first_rank), std::move(counts), ranks);
  return sequence;
}

Sequence load_sequence(const std::string& source, std::uint64_t seed, mpc::Ranks& ranks) {
  if (source.starts_with(generator)) {
    const auto [n, alphabet] = generator_arguments(source);
    return generate(n, alphabet, seed, ranks);
  }
  Symbols read;
  mpc::together(ranks, [&] {
    if (ranks.rank() == 0) read = read_symbols(source);
  });
  const auto symbols = read.names.size();
  return spread_sequence(std::move(read.sequence), symbols, std::move(read.names), ranks);
}

}  // namespace protocols
