#include "bench/command/fit.h"

#include <vector>

#include <gtest/gtest.h>

namespace tests {
namespace {

using roundtrip::fit_line;
using roundtrip::Observation;

TEST(Fit, ALineIsFound) {
  std::vector<Observation> observations;
  for (const double x : {9.0, 10.0, 11.0, 17.0}) observations.push_back({x, 1.5 * x - 4});
  const auto fit = fit_line(observations);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->slope, 1.5, 1e-12);
  EXPECT_NEAR(fit->intercept, -4, 1e-11);
  EXPECT_NEAR(fit->r_squared, 1, 1e-12);
  EXPECT_NEAR(fit->max_deviation, 0, 1e-11);
  EXPECT_EQ(fit->points, 4U);
}

// By hand: means 1 and 3, covariance sum 2, variance sum 2; the line is x + 2, residuals 1/3, -2/3, 1/3... over (0,2), (1,3), (2,5) below.
TEST(Fit, LeastSquaresByHand) {
  const std::vector<Observation> observations{{0, 2}, {1, 2}, {2, 5}};
  const auto fit = fit_line(observations);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->slope, 1.5, 1e-12);  // (-1)(-1) + 0 + (1)(2) = 3, over 2
  EXPECT_NEAR(fit->intercept, 1.5, 1e-12);
  EXPECT_NEAR(fit->max_deviation, 1, 1e-12);        // at x = 1: 3 against 2
  EXPECT_NEAR(fit->r_squared, 1 - 1.5 / 6, 1e-12);  // residuals .5, -1, .5; deviations -1, -1, 2
}

TEST(Fit, RoundsThatDoNotGrowAreExplained) {
  const std::vector<Observation> observations{{9, 4}, {10, 4}, {11, 4}};
  const auto fit = fit_line(observations);
  ASSERT_TRUE(fit);
  EXPECT_EQ(fit->slope, 0);
  EXPECT_EQ(fit->intercept, 4);
  EXPECT_EQ(fit->r_squared, 1);
}

TEST(Fit, OneSizeHasNoLine) {
  EXPECT_FALSE(fit_line({}));
  EXPECT_FALSE(fit_line(std::vector<Observation>{{9, 4}}));
  EXPECT_FALSE(fit_line(std::vector<Observation>{{9.1, 4}, {9.1, 6}, {9.1, 5}}));
}

}  // namespace
}  // namespace tests
