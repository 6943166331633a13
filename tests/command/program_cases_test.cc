#include "bench/command/program_cases.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tests {
namespace {

using bridge::Matrix;
using bridge::Transformer;
using roundtrip::ComponentsCheck;
using roundtrip::Executor;
using roundtrip::HopsCheck;
using roundtrip::ProgramRow;

HopsCheck few_hops() {
  HopsCheck check;
  check.most_hops = 9;
  check.positions = 40;
  check.sequences = 12;
  check.most_symbols = 6;
  return check;
}

/// Flips a bit of the row of token 3 after every pass of so many layers or more.
Executor broken(std::size_t column, std::size_t layers) {
  return [=, dense = roundtrip::dense_executor(1)](const Transformer<float>& transformer, const Matrix<float>& x) {
    auto y = dense(transformer, x);
    if (transformer.layers().size() >= layers) y(3, column) = 1 - y(3, column);
    return y;
  };
}

TEST(ProgramCases, HopsWholeAndShared) {
  auto check = few_hops();
  const auto whole = roundtrip::check_hops(check, roundtrip::dense_executor(1));
  check.whole = false;
  const auto shared = roundtrip::check_hops(check, roundtrip::dense_executor(1));
  ASSERT_EQ(whole.size(), 9);
  ASSERT_EQ(shared.size(), 9);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_TRUE(whole[i].good()) << whole[i].input;
    EXPECT_TRUE(shared[i].good()) << shared[i].input;
    EXPECT_EQ(whole[i].cases, 12);
    EXPECT_EQ(shared[i].cases, 12);
  }
  EXPECT_EQ(whole[4].input, "k 5, 40 positions, 2 to 6 symbols");
  EXPECT_EQ(whole[4].layers, 5);
  EXPECT_EQ(whole[4].most_tokens, 40);
  EXPECT_EQ(whole[4].most_width, 3 * 3 + 5 * 6);
  EXPECT_TRUE(roundtrip::check_induction(check, roundtrip::dense_executor(1)).good());
}

TEST(ProgramCases, WrongHopsAreCounted) {
  auto check = few_hops();
  check.least_symbols = 4;
  const std::size_t answer = 3 + 3 * 6;  // of 4 to 6 symbols in 3 bits
  for (const auto& row : roundtrip::check_hops(check, broken(answer, 1))) {
    EXPECT_EQ(row.wrong, 12) << row.input;
    EXPECT_FALSE(row.good());
  }
  EXPECT_EQ(roundtrip::check_induction(check, broken(answer, 1)).wrong, 12);
  // Only whole passes are broken: what is shared is right, and the first sequence of each number of symbols shows the difference.
  check.whole = false;
  for (const auto& row : roundtrip::check_hops(check, broken(3 + 6, 3))) EXPECT_EQ(row.wrong, row.layers < 3 ? 0 : 3) << row.input;
}

TEST(ProgramCases, ComponentsOfEveryFamily) {
  ComponentsCheck check;
  check.vertices = {16};
  check.graphs = 3;
  const auto rows = roundtrip::check_components(check, roundtrip::dense_executor(1));
  EXPECT_EQ(rows.size(), 17);
  for (const auto& row : rows) {
    EXPECT_TRUE(row.good()) << row.input;
    EXPECT_EQ(row.cases, 3);
    EXPECT_EQ(row.wrong, 0);
    EXPECT_EQ(row.layers, 8);
    EXPECT_EQ(row.most_width, 2 + 4 * 4);
  }
  for (const auto& row : roundtrip::check_components(check, broken(2 + 4, 1))) {
    EXPECT_EQ(row.wrong, 3) << row.input;
    EXPECT_FALSE(row.good()) << row.input;
  }
}

// The rule that needs more blocks now and then says so itself.
TEST(ProgramCases, UnsettledLabelsAreNoFault) {
  ComponentsCheck check;
  check.vertices = {16};
  check.graphs = 60;
  check.rule = bridge::ComponentsRule::shortcut;
  std::uint64_t unsettled = 0;
  for (const auto& row : roundtrip::check_components(check, roundtrip::dense_executor(1))) {
    EXPECT_TRUE(row.good()) << row.input;
    EXPECT_EQ(row.program, "components (shortcut)");
    unsettled += row.unsettled;
  }
  EXPECT_GT(unsettled, 0);
  check.more_blocks = 2;
  for (const auto& row : roundtrip::check_components(check, roundtrip::dense_executor(1))) EXPECT_EQ(row.wrong, 0) << row.input;
}

}  // namespace
}  // namespace tests
