// Three places of the k-hop construction in the appendix of arXiv 2402.09268v1, as printed and as corrected; in double, hardmax in place of
// softmax. The printed ones must be seen to fail, or nothing was corrected. transformer_bridge/programs/hops.cc needs none of them but the
// third: it has bits for angles.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/model.h"

#include "protocols/oracle/hops.h"

namespace tests {
namespace {

using Sequence = std::vector<std::uint64_t>;
using Positions = std::vector<std::uint64_t>;  // of positions 0..N; 0 leads to 0

constexpr double equal_within = 1e-12;  // logits that differ by less are tied; true distances are above 1e-7 here

Sequence random_sequence(std::uint64_t length, std::uint64_t symbols, std::uint64_t seed) {
  Sequence sequence;
  for (std::uint64_t i = 0; i < length; ++i) sequence.push_back(mpc::mix(mpc::mix(seed) + i) % symbols);
  return sequence;
}

/// find(i) = max({0} u {j <= i : X_{j-1} = X_i}), as it is defined.
Positions find_of(const Sequence& sequence) {
  Positions find(sequence.size() + 1, 0);
  for (std::size_t i = 1; i <= sequence.size(); ++i) {
    for (std::size_t j = 2; j <= i; ++j) {
      if (sequence[j - 2] == sequence[i - 1]) find[i] = j;
    }
  }
  return find;
}

Positions composed(const Positions& outer, const Positions& inner) {
  Positions result;
  for (const auto i : inner) result.push_back(outer[i]);
  return result;
}

Positions power(const Positions& find, std::uint64_t n) {
  Positions result(find.size());
  for (std::size_t i = 0; i < find.size(); ++i) result[i] = i;
  for (std::uint64_t step = 0; step < n; ++step) result = composed(find, result);
  return result;
}

// ---- Lemma D.2: the last occurrence -------------------------------------------------------------------------------------------------

/// The position that the head reads: keys and queries at the angles 2 pi (spacing symbol + position) / (spacing symbols), the symbol being
/// that before the position on the key's side. The start token's logit stands half a position below the furthest right one.
Positions last_occurrence(const Sequence& sequence, std::uint64_t symbols, std::uint64_t spacing) {
  const auto n = sequence.size();
  const auto turn = 2 * std::numbers::pi / static_cast<double>(spacing * symbols);
  const auto start = std::cos(turn * (static_cast<double>(n) - 0.5));
  Positions read(n + 1, 0);
  for (std::size_t i = 1; i <= n; ++i) {
    auto largest = start;
    for (std::size_t j = 2; j <= i; ++j) {
      const auto query = turn * static_cast<double>(spacing * sequence[i - 1] + i);
      const auto key = turn * static_cast<double>(spacing * sequence[j - 2] + j);
      const auto logit = std::cos(query) * std::cos(key) + std::sin(query) * std::sin(key);
      if (logit > largest) largest = logit, read[i] = j;
    }
  }
  return read;
}

std::uint64_t wrong_last_occurrences(std::uint64_t symbols, std::uint64_t spacing) {
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto sequence = random_sequence(100, symbols, seed);
    const auto right = find_of(sequence);
    const auto read = last_occurrence(sequence, symbols, spacing);
    for (std::size_t i = 1; i < right.size(); ++i) wrong += read[i] != right[i] ? 1 : 0;
  }
  return wrong;
}

TEST(PrintedLemmas, SpacingByNReadsWrongSymbols) {
  const auto few = wrong_last_occurrences(4, 100), many = wrong_last_occurrences(26, 100);
  RecordProperty("wrong_of_2000_with_4_symbols", static_cast<int>(few));
  RecordProperty("wrong_of_2000_with_26_symbols", static_cast<int>(many));
  EXPECT_GT(few, 0);
  EXPECT_GT(many, few);
  // The key of one symbol less, d positions back, is N - d steps away: nearer than a right one further back than that, and than the start
  // token.
  std::uint64_t wrong = 0;
  for (std::uint64_t code = 0; code < 256; ++code) {
    const Sequence each{code % 4, code / 4 % 4, code / 16 % 4, code / 64};
    wrong += last_occurrence(each, 4, 4) != find_of(each) ? 1 : 0;
  }
  EXPECT_GT(wrong, 0);
}

TEST(PrintedLemmas, SpacingByTwiceNIsRight) {
  for (const auto symbols : {std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{26}}) {
    EXPECT_EQ(wrong_last_occurrences(symbols, 200), 0) << symbols;
  }
  for (std::uint64_t code = 0; code < 256; ++code) {
    const Sequence each{code % 4, code / 4 % 4, code / 16 % 4, code / 64};
    EXPECT_EQ(last_occurrence(each, 4, 8), find_of(each));
  }
}

// ---- Lemma D.1: looking up a position -------------------------------------------------------------------------------------------------

/// The mean of what stands at the positions that token i reads when it looks up `wanted`, at the angles 2 pi position / modulus; the start
/// token is position 0 and holds 0.
double looked_up(const std::vector<double>& values, std::size_t i, std::uint64_t wanted, std::uint64_t modulus) {
  const auto turn = 2 * std::numbers::pi / static_cast<double>(modulus);
  std::vector<double> logits;
  for (std::size_t j = 0; j <= i; ++j) logits.push_back(std::cos(turn * (static_cast<double>(wanted) - static_cast<double>(j))));
  const auto largest = *std::ranges::max_element(logits);
  double sum = 0, count = 0;
  for (std::size_t j = 0; j <= i; ++j) {
    if (logits[j] >= largest - equal_within) sum += values[j], ++count;
  }
  return sum / count;
}

/// How many (i, wanted <= i) read something else.
std::uint64_t wrong_look_ups(std::uint64_t n, std::uint64_t modulus) {
  std::vector<double> values{0};
  for (std::uint64_t j = 1; j <= n; ++j) values.push_back(static_cast<double>(j));
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 1; i <= n; ++i) {
    for (std::uint64_t wanted = 0; wanted <= i; ++wanted) wrong += looked_up(values, i, wanted, modulus) != values[wanted] ? 1 : 0;
  }
  return wrong;
}

TEST(PrintedLemmas, ModuloNTheLastTokenIsTheStartToken) {
  for (const std::uint64_t n : {2, 10, 100}) {
    EXPECT_EQ(wrong_look_ups(n, n), 2) << n;  // token N, whether it looks up N or 0
    EXPECT_EQ(wrong_look_ups(n, n + 1), 0) << n;
  }
  const std::vector<double> values{0, 1, 2, 3};
  EXPECT_EQ(looked_up(values, 3, 0, 3), 1.5);
  EXPECT_EQ(looked_up(values, 3, 0, 4), 0);
}

// ---- The recurrence in the number of layers -------------------------------------------------------------------------------------------

/// As printed: layer l >= 2 has find^(2^(l-2)), and where bit l - 1 of k is set the result so far is composed with it; bit 0 with find.
Positions printed_hops(const Positions& find, std::uint64_t k) {
  auto result = power(find, k % 2);
  auto doubled = find;  // find^(2^(l-2))
  for (std::uint64_t l = 2; k >> (l - 1) != 0; ++l) {
    if ((k >> (l - 1) & 1) != 0) result = composed(doubled, result);
    doubled = composed(doubled, doubled);
  }
  return result;
}

/// Corrected: (find^(n-1), find^n) from n = 1 to k, one composition a layer; layers counts from the second one on.
Positions corrected_hops(const Positions& find, std::uint64_t k, std::uint64_t& layers) {
  std::vector<std::uint64_t> counts{k};
  while (counts.back() != 1) counts.push_back((counts.back() + 1) / 2);
  layers = 2;
  auto near = power(find, 0), far = find;
  for (auto t = counts.size() - 1; t > 0; --t, ++layers) {
    const auto pointer = counts[t - 1] % 2 == 0 ? far : near;
    near = composed(near, pointer);
    far = composed(far, pointer);
  }
  return far;
}

TEST(PrintedLemmas, ThePrintedRecurrenceHopsTooFewTimes) {
  for (std::uint64_t k = 1; k <= 16; ++k) {
    std::uint64_t wrong = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto find = find_of(random_sequence(100, 4, seed));
      wrong += printed_hops(find, k) != power(find, k) ? 1 : 0;
    }
    EXPECT_EQ(wrong == 0, k == 1) << "k " << k << ": " << wrong << " of 20 sequences";
  }
}

TEST(PrintedLemmas, PairsOfPointersReachEveryNumberOfHops) {
  for (std::uint64_t k = 1; k <= 64; ++k) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const auto sequence = random_sequence(300, 2, seed);
      std::uint64_t layers = 0;
      const auto reached = corrected_hops(find_of(sequence), k, layers);
      EXPECT_EQ(layers, mpc::ceil_log(2, k) + 2);
      EXPECT_EQ(reached, power(find_of(sequence), k));
      const auto symbols = protocols::oracle::hops(sequence, k, 99);
      for (std::size_t i = 1; i <= sequence.size(); ++i) {
        EXPECT_EQ(reached[i] == 0 ? 99 : sequence[reached[i] - 1], symbols[i - 1]);
      }
    }
  }
}

// Each layer can at most double the hops that a pointer has made, so floor(log2 k) + 2 layers are too few unless k is a power of two.
TEST(PrintedLemmas, FloorOfTheLogarithmIsTooFewLayers) {
  for (std::uint64_t k = 1; k <= 64; ++k) {
    std::uint64_t layers = 2, reach = 1;
    for (; reach < k; reach *= 2) ++layers;
    std::uint64_t printed = 2;
    while (k >> (printed - 1) != 0) ++printed;
    EXPECT_EQ(layers, mpc::ceil_log(2, k) + 2);
    EXPECT_EQ(printed < layers, (k & (k - 1)) != 0);
  }
}

}  // namespace
}  // namespace tests
