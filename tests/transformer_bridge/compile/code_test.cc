#include "transformer_bridge/compile/code.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "transformer_bridge/compile/limbs.h"

namespace tests {
namespace {

using bridge::Code;

std::set<std::uint64_t> ones(const Code& code, std::uint64_t x) {
  std::vector<std::uint64_t> positions;
  code.codeword(x).positions([&](std::uint64_t position) { positions.push_back(position); });
  EXPECT_TRUE(std::ranges::is_sorted(positions));
  return {positions.begin(), positions.end()};
}

std::size_t shared(const std::set<std::uint64_t>& a, const std::set<std::uint64_t>& b) {
  std::size_t count = 0;
  for (const auto x : a) count += b.count(x);
  return count;
}

TEST(Code, CodewordsShareNoMoreThanTheySay) {
  for (const auto& code : {Code(6, 7, 2), Code(5, 5, 3), Code(9, 11, 2), Code(4, 5, 4)}) {
    std::uint64_t numbers = 1;
    for (unsigned i = 0; i < code.symbols(); ++i) numbers *= code.field();
    std::vector<std::set<std::uint64_t>> all;
    for (std::uint64_t x = 0; x < std::min<std::uint64_t>(numbers, 130); ++x) all.push_back(ones(code, x));
    std::size_t most = 0;
    for (std::size_t x = 0; x < all.size(); ++x) {
      EXPECT_EQ(all[x].size(), code.weight());
      EXPECT_LT(*all[x].rbegin(), code.length());
      for (std::size_t y = 0; y < x; ++y) most = std::max(most, shared(all[x], all[y]));
    }
    EXPECT_EQ(most, code.overlap());  // reached, so the bound is not idle
  }
}

TEST(Code, CoversItsOnesAndNothingElse) {
  const Code code(9, 11, 3);
  for (const std::uint64_t x : {0, 1, 10, 11, 120, 121, 1330}) {
    const auto its = ones(code, x);
    for (std::uint64_t position = 0; position < code.length() + 20; ++position) {
      EXPECT_EQ(code.codeword(x).covers(position), its.contains(position)) << x << " " << position;
    }
  }
}

// The lengths that an independent program finds for addresses (weight 2 s (k - 1), N numbers) and for packets (weight (s^2 - 1)(k - 1) + 1,
// N^2 numbers): N, s, key width, slots.
TEST(Code, ShortestIsAsShortAsKnown) {
  struct Known {
    std::uint64_t n, s, addresses, packets;
  };
  for (const auto& [n, s, addresses, packets] :
       {Known{64, 2, 44, 110}, Known{256, 2, 68, 169}, Known{256, 4, 136, 1271}, Known{1024, 2, 88, 221}, Known{1024, 4, 272, 2162}}) {
    EXPECT_EQ(Code::shortest(n, [&](std::uint64_t k) { return 2 * s * (k - 1); }).length(), addresses) << n << " " << s;
    EXPECT_EQ(Code::shortest(n * n, [&](std::uint64_t k) { return (s * s - 1) * (k - 1) + 1; }).length(), packets) << n << " " << s;
  }
}

TEST(Code, ShortestHasRoom) {
  for (const std::uint64_t universe : {1ULL, 2ULL, 3ULL, 100ULL, 1ULL << 20, 1ULL << 40, (1ULL << 62) - 1}) {
    const auto code = Code::shortest(universe, [](std::uint64_t k) { return 3 * (k - 1) + 1; });
    long double room = 1;
    for (unsigned i = 0; i < code.symbols(); ++i) room *= static_cast<long double>(code.field());
    EXPECT_GE(room, static_cast<long double>(universe));
    EXPECT_LE(code.weight(), code.field());
    EXPECT_EQ(code.weight(), 3 * code.overlap() + 1);
  }
}

TEST(Limbs, PutWordsTogetherAgain) {
  for (unsigned bits = 1; bits <= 64; ++bits) {
    for (const unsigned most : {1U, 7U, 20U, 48U, 64U}) {
      const bridge::Limbs limbs(bits, most);
      EXPECT_LE(limbs.bits(), most);
      EXPECT_EQ(limbs.count(), (bits + most - 1) / most);
      const auto top = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
      for (const auto word : {std::uint64_t{0}, std::uint64_t{1}, top, top - top / 3, top & 0x5555555555555555U}) {
        EXPECT_TRUE(limbs.hold(word));
        std::uint64_t joined = 0;
        for (unsigned i = 0; i < limbs.count(); ++i) {
          EXPECT_LE(limbs.limb(i, word), limbs.largest());
          joined |= limbs.joined(i, limbs.limb(i, word));
        }
        EXPECT_EQ(joined, word) << bits << " in limbs of " << most;
      }
    }
  }
  EXPECT_FALSE(bridge::Limbs(20, 10).hold(1U << 20));
  EXPECT_TRUE(bridge::Limbs(20, 10).hold((1U << 20) - 1));
}

}  // namespace
}  // namespace tests
