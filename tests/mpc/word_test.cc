#include "mpc/word.h"

#include <array>
#include <limits>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace tests {
namespace {

using mpc::Word;

constexpr auto largest = std::numeric_limits<Word>::max();

TEST(Words, WhereMinAndMax) {
  EXPECT_EQ(mpc::where(true, 3, 4), 3U);
  EXPECT_EQ(mpc::where(false, 3, 4), 4U);
  EXPECT_EQ(mpc::min(3, 4), 3U);
  EXPECT_EQ(mpc::min(4, 3), 3U);
  EXPECT_EQ(mpc::max(3, 4), 4U);
  EXPECT_EQ(mpc::max(4, 3), 4U);
  EXPECT_EQ(mpc::min(largest, 0), 0U);
  EXPECT_EQ(mpc::max(largest, 0), largest);
  static_assert(mpc::where(mpc::min(1, 2) == 1, 5, 6) == 5);
}

// Beyond its end a table reads 0, whatever container it is.
TEST(Words, Read) {
  const std::vector<Word> table{7, 0, largest};
  const auto expect = [](const auto& of) {
    EXPECT_EQ(mpc::read(of, 0), 7U);
    EXPECT_EQ(mpc::read(of, 1), 0U);
    EXPECT_EQ(mpc::read(of, 2), largest);
    EXPECT_EQ(mpc::read(of, 3), 0U);
    EXPECT_EQ(mpc::read(of, largest), 0U);
  };
  expect(table);
  expect(std::array<Word, 3>{7, 0, largest});
  expect(std::span(table));
  EXPECT_EQ(mpc::read(std::vector<Word>{}, 0), 0U);
  static_assert(mpc::read(std::array<Word, 2>{4, 5}, 1) == 5);
  static_assert(mpc::read(std::array<Word, 2>{4, 5}, 2) == 0);
}

}  // namespace
}  // namespace tests
