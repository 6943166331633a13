#include "mpc/hash.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace tests {
namespace {

TEST(PublicHash, DependsOnSeedKeyAndStream) {
  const mpc::PublicHash hash(1);
  EXPECT_EQ(hash(5, 2), mpc::PublicHash(1)(5, 2));
  EXPECT_NE(hash(5, 2), mpc::PublicHash(2)(5, 2));
  EXPECT_NE(hash(5, 2), hash(6, 2));
  EXPECT_NE(hash(5, 2), hash(5, 3));
  EXPECT_NE(hash(5, 2), hash(2, 5));
}

TEST(PublicHash, BelowIsUniform) {
  const mpc::PublicHash hash(3);
  for (const std::uint64_t bound : {1U, 2U, 3U, 10U, 1000U}) {
    std::vector<std::uint64_t> counts(bound, 0);
    const std::uint64_t draws = 1000 * bound;
    for (std::uint64_t key = 0; key < draws; ++key) {
      const auto x = hash.below(bound, key);
      ASSERT_LT(x, bound);
      ++counts[x];
    }
    // Mean 1000, standard deviation 32 at most: five of them.
    EXPECT_GE(*std::ranges::min_element(counts), 840U);
    EXPECT_LE(*std::ranges::max_element(counts), 1160U);
  }
  EXPECT_EQ(hash.below(1, 77), 0U);
  EXPECT_LT(hash.below(UINT64_MAX, 77), UINT64_MAX);
}

TEST(PublicHash, AvalanchesEveryBit) {
  const mpc::PublicHash hash(3);
  for (int bit = 0; bit < 64; ++bit) {
    int changed = 0;
    for (std::uint64_t key = 0; key < 256; ++key) changed += std::popcount(hash(key) ^ hash(key ^ std::uint64_t{1} << bit));
    EXPECT_GT(changed, 256 * 30) << bit;
    EXPECT_LT(changed, 256 * 34) << bit;
  }
}

std::vector<std::uint64_t> image(const mpc::PublicPermutation& permutation) {
  std::vector<std::uint64_t> result;
  for (std::uint64_t x = 0; x < permutation.size(); ++x) result.push_back(permutation(x));
  return result;
}

TEST(PublicPermutation, IsABijectionWithItsInverse) {
  for (const std::uint64_t size :
       {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 255, 256, 257, 1000, 1023, 1024, 1025, 65'536, 65'537}) {
    for (const std::uint64_t seed : {0, 1, 77}) {
      SCOPED_TRACE(std::to_string(size) + ", seed " + std::to_string(seed));
      const mpc::PublicPermutation permutation(size, seed);
      EXPECT_EQ(permutation.size(), size);
      std::vector<char> hit(size, 0);
      std::uint64_t wrong = 0;
      for (std::uint64_t x = 0; x < size; ++x) {
        const auto y = permutation(x);
        ASSERT_LT(y, size);
        hit[y] = 1;
        wrong += permutation.inverse(y) != x;
      }
      EXPECT_EQ(std::ranges::count(hit, 1), static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(wrong, 0U);
    }
  }
}

TEST(PublicPermutation, LargeSizesGoThereAndBack) {
  for (const auto size : {std::uint64_t{1} << 40, (std::uint64_t{1} << 40) + 1, (std::uint64_t{1} << 63) + 5, UINT64_MAX}) {
    const mpc::PublicPermutation permutation(size, 5);
    for (const auto x : {std::uint64_t{0}, std::uint64_t{1}, size / 3, size - 1}) {
      EXPECT_LT(permutation(x), size);
      EXPECT_EQ(permutation.inverse(permutation(x)), x);
      EXPECT_EQ(permutation(permutation.inverse(x)), x);
    }
  }
}

TEST(PublicPermutation, AnotherSeedIsAnotherOrder) {
  const auto one = image(mpc::PublicPermutation(1000, 1));
  const auto two = image(mpc::PublicPermutation(1000, 2));
  int same = 0;
  for (std::size_t x = 0; x < 1000; ++x) same += one[x] == two[x];
  EXPECT_LT(same, 10);  // one is expected
}

/// Runs of neighbours, and every 2^k-th, land evenly in each sixteenth of the range.
TEST(PublicPermutation, Spreads) {
  const std::uint64_t size = 1U << 16;
  const mpc::PublicPermutation permutation(size, 9);
  for (const std::uint64_t stride : {1U, 2U, 16U, 64U}) {
    std::vector<int> counts(16, 0);
    const auto taken = std::min<std::uint64_t>(size / stride, 4096);
    for (std::uint64_t i = 0; i < taken; ++i) ++counts[permutation(i * stride) / (size / 16)];
    const auto mean = static_cast<int>(taken / 16);
    EXPECT_GT(*std::ranges::min_element(counts), mean / 2) << stride;
    EXPECT_LT(*std::ranges::max_element(counts), mean * 3 / 2) << stride;
  }
}

}  // namespace
}  // namespace tests
