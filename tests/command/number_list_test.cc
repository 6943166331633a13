#include "bench/command/number_list.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/error.h"

namespace tests {
namespace {

using roundtrip::Steps;
using Numbers = std::vector<std::uint64_t>;

Numbers doubling(const std::vector<std::string>& words) { return roundtrip::number_list(words, Steps::doubling, "--sizes"); }

TEST(NumberList, NumbersPowersAndRanges) {
  EXPECT_EQ(doubling({"1024", "2^3", "7"}), (Numbers{1024, 8, 7}));
  EXPECT_EQ(doubling({"2^8..2^11"}), (Numbers{256, 512, 1024, 2048}));
  EXPECT_EQ(doubling({"100..900", "5..5"}), (Numbers{100, 200, 400, 800, 5}));
  EXPECT_EQ(doubling({"2^62"}), (Numbers{std::uint64_t{1} << 62}));
  EXPECT_EQ(doubling({"2^61..2^62"}).size(), 2U);
  EXPECT_EQ(roundtrip::number_list({"3..6", "1"}, Steps::counting, "--seeds"), (Numbers{3, 4, 5, 6, 1}));
  EXPECT_EQ(doubling({}), Numbers{});
}

TEST(NumberList, AnythingElseIsNamed) {
  for (const auto* word : {"", "0", "-1", "x", "1.5", "2^", "2^63", "2^x", "3^2", "2^4..", "..4", "8..4", "1..2..3", "0..4", " 4", "4 ",
                           "9223372036854775808", "99999999999999999999"}) {
    SCOPED_TRACE(word);
    try {
      doubling({"16", word});
      ADD_FAILURE() << "taken";
    } catch (const mpc::UsageError& error) {
      EXPECT_EQ(error.what(),
                "--sizes holds '" + std::string(word) +
                    "'; expected positive numbers such as 1024 or 2^10, or a range such as 2^10..2^17, each twice the one before");
    }
  }
  EXPECT_THROW(roundtrip::number_list({"1..2^62"}, Steps::counting, "--seeds"), mpc::UsageError);
}

}  // namespace
}  // namespace tests
