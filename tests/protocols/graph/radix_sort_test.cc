#include "protocols/graph/radix_sort.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "mpc/hash.h"

namespace protocols {
namespace {

TEST(RadixSort, SortsWordsOfAnyWidth) {
  for (const int bits : {0, 1, 7, 8, 9, 24, 48, 63, 64}) {
    const mpc::PublicHash hash(static_cast<std::uint64_t>(bits));
    std::vector<std::uint64_t> words, scratch;
    for (std::uint64_t i = 0; i < 1000; ++i) words.push_back(bits == 0 ? 5 : hash(i) >> (64 - bits));
    auto expected = words;
    std::ranges::sort(expected);
    radix_sort(words, scratch);
    EXPECT_EQ(words, expected) << bits << " bits";
  }
}

TEST(RadixSort, SeesTheLowestAndTheHighestBit) {
  std::vector<std::uint64_t> scratch, words{UINT64_MAX, std::uint64_t{1} << 63, 1, 0, (std::uint64_t{1} << 63) + 1};
  radix_sort(words, scratch);
  EXPECT_EQ(words, (std::vector<std::uint64_t>{0, 1, std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 1, UINT64_MAX}));
}

TEST(RadixSort, SeesEveryPairOfBits) {
  for (int low = 0; low < 63; ++low) {
    for (int high = low + 1; high < 64; ++high) {
      const auto a = std::uint64_t{1} << low;
      const auto b = std::uint64_t{1} << high;
      std::vector<std::uint64_t> scratch, words{a + b, b, a, 0};
      radix_sort(words, scratch);
      EXPECT_EQ(words, (std::vector<std::uint64_t>{0, a, b, a + b}));
    }
  }
}

TEST(RadixSort, IsStable) {
  std::vector<Edge> edges, scratch;
  for (std::uint64_t i = 0; i < 1000; ++i) edges.push_back({mpc::mix(i) % 7, i});
  auto expected = edges;
  std::ranges::stable_sort(expected, {}, &Edge::u);
  radix_sort(edges, scratch, [](const Edge& edge) { return edge.u; });
  EXPECT_EQ(edges, expected);
}

TEST(RadixSort, SortsEdgesByBothEnds) {
  const mpc::PublicHash hash(3);
  std::vector<Edge> edges, scratch;
  for (std::uint64_t i = 0; i < 1000; ++i) edges.push_back({hash.below(20, i, 1), hash.below(1U << 20, i, 2)});
  auto expected = edges;
  std::ranges::sort(expected);
  radix_sort(edges, scratch);
  EXPECT_EQ(edges, expected);
}

TEST(RadixSort, TakesNothingAndOneItem) {
  std::vector<std::uint64_t> none, scratch, one{7};
  radix_sort(none, scratch);
  radix_sort(one, scratch);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(one, std::vector<std::uint64_t>{7});
}

}  // namespace
}  // namespace protocols
