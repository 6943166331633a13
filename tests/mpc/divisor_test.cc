#include "mpc/divisor.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"

namespace tests {
namespace {

TEST(Divisor, DividesEveryNumberExactly) {
  std::vector<std::uint64_t> numbers{1, 2, 3, 5, 7, 1000, 5793, UINT32_MAX, std::uint64_t{1} << 32, UINT64_MAX - 1, UINT64_MAX};
  for (std::uint64_t i = 0; i < 200; ++i) numbers.push_back(1 + (mpc::mix(i) >> i % 64));
  for (const auto divisor : numbers) {
    const mpc::Divisor by(divisor);
    EXPECT_EQ(by.value(), divisor);
    const auto check = [&](std::uint64_t dividend) {
      ASSERT_EQ(by.quotient(dividend), dividend / divisor) << dividend << " / " << divisor;
      ASSERT_EQ(by.remainder(dividend), dividend % divisor) << dividend << " / " << divisor;
    };
    check(0);
    for (const auto dividend : numbers) {
      check(dividend);
      // Around the multiples, where an estimate would be one off.
      const auto multiple = dividend - dividend % divisor;
      check(multiple);
      if (multiple != 0) check(multiple - 1);
    }
  }
}

}  // namespace
}  // namespace tests
