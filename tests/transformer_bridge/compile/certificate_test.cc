#include "transformer_bridge/compile/certificate.h"

#include <cmath>

#include <gtest/gtest.h>

#include "transformer_bridge/compile/slots.h"
#include "transformer_bridge/compile/superimposed.h"
#include "transformer_bridge/compile/theorem.h"

#include "tests/transformer_bridge/compile/round.h"

namespace tests {
namespace {

using bridge::NumberType;
using bridge::objection;

bridge::RoutingShape shape(NumberType type) { return bridge::superimposed().shape(task_of(64, 4, 1, 20, type)); }

// exp of the vanishing gap, and of nothing smaller, is 0.
template <class Real>
void expect_vanishing(double gap) {
  EXPECT_EQ(std::exp(static_cast<Real>(-gap)), Real{0});
  EXPECT_GT(std::exp(static_cast<Real>(-gap * 0.99)), Real{0});
}
TEST(NumberType, KnowsWhereExpVanishes) {
  expect_vanishing<float>(bridge::facts(NumberType::f32).vanishing);
  expect_vanishing<double>(bridge::facts(NumberType::f64).vanishing);
}

// Every integer up to the bound comes back from every average; soon above it, one does not.
TEST(NumberType, ReadsIntegersUpToItsBoundAndNotMuchFurther) {
  const auto wrong = [](std::uint64_t from, std::uint64_t to, std::uint64_t step) {
    std::uint64_t count = 0;
    for (auto v = from; v < to; v += step) {
      for (std::uint64_t ties = 1; ties <= 64; ++ties) {
        const auto share = 1.0F / static_cast<float>(ties);
        count += bridge::read_integer(share * static_cast<float>(v), static_cast<float>(ties)) != v ? 1U : 0U;
      }
    }
    return count;
  };
  const auto bound = bridge::largest_readable(NumberType::f32);
  EXPECT_EQ(bound, 2795270U);
  EXPECT_GT(bound, (1U << 21));
  EXPECT_EQ(wrong(0, 3000, 1), 0U);
  EXPECT_EQ(wrong(bound - 3000, bound + 1, 1), 0U);
  EXPECT_EQ(wrong(0, bound, 997), 0U);
  EXPECT_GT(wrong(1U << 23, (1U << 23) + 3000, 1), 0U);
}

TEST(NumberType, CountsTiesExactly) {
  for (std::uint64_t ties = 1; ties < 100000; ++ties) {
    const auto share = 1.0F / static_cast<float>(ties);
    ASSERT_EQ(bridge::read_integer(1.0F / share, 1.0F), ties);
  }
}

TEST(NumberType, ReadsNothingFromNonsense) {
  EXPECT_EQ(bridge::read_integer(std::nanf(""), 2.0F), UINT64_MAX);
  EXPECT_EQ(bridge::read_integer(-3.0F, 2.0F), UINT64_MAX);
  EXPECT_EQ(bridge::read_integer(INFINITY, 2.0F), UINT64_MAX);
}

TEST(Objection, NoneToWhatIsBuilt) {
  for (const auto type : {NumberType::f32, NumberType::f64}) {
    EXPECT_FALSE(objection(shape(type)));
    EXPECT_FALSE(objection(bridge::slots().shape(task_of(64, 4, 1, 20, type))));
  }
}

/// The objection to a shape that was changed in one place begins with the number type, and names what fails.
template <class Change>
void expect_objection(Change&& change, const std::string& part, NumberType type = NumberType::f32) {
  auto changed = shape(type);
  change(changed);
  const auto text = objection(changed);
  ASSERT_TRUE(text) << part;
  EXPECT_TRUE(text->starts_with(bridge::facts(type).name)) << *text;
  EXPECT_NE(text->find(part), std::string::npos) << *text;
}

TEST(Objection, ToEveryBoundThatFails) {
  expect_objection(
      [](auto& s) {
        s.temperature = 8;
        s.margin = 12;
      },
      "8 * 12 = 96");
  expect_objection([](auto& s) { s.temperature = std::nan(""); }, "temperature");
  expect_objection([](auto& s) { s.temperature = 27.5; }, "power of two");
  expect_objection([](auto& s) { s.key_width = (1U << 24) + 1; }, "columns");
  expect_objection([](auto& s) { s.most_tied = 1U << 22; }, "4194304");
  expect_objection([](auto& s) { s.most_collisions = 1U << 22; }, "can meet there");
  expect_objection([](auto& s) { s.largest_integer = bridge::largest_readable(NumberType::f32) + 1; }, "2795271");
  expect_objection([](auto& s) { s.temperature = 32; }, "745.2", NumberType::f64);
}

TEST(Objection, NotJustBelowEveryBound) {
  auto s = shape(NumberType::f32);
  s.temperature = 8;
  s.margin = 13;  // 104
  s.key_width = 1U << 24;
  s.most_tied = 4000000;
  s.most_collisions = (1U << 22) - 3;
  s.largest_integer = bridge::largest_readable(NumberType::f32);
  EXPECT_FALSE(objection(s));
}

// Words of 24 bits in one piece: float32 cannot; in two halves, or in float64, it can.
TEST(Objection, ToWordsTooLongForTheirColumns) {
  auto task = task_of(64, 4, 1, 24, NumberType::f32);
  task.limb_bits = 24;
  ASSERT_TRUE(objection(bridge::superimposed().shape(task)));
  task.limb_bits = 0;
  EXPECT_EQ(task.limbs().count(), 2U);
  EXPECT_FALSE(objection(bridge::superimposed().shape(task)));
  task.limb_bits = 24;
  task.type = NumberType::f64;
  EXPECT_FALSE(objection(bridge::superimposed().shape(task)));
}

TEST(Measured, BelowTheConstructionIsRefused) {
  bridge::LayerCertificate layer{3, "double", shape(NumberType::f32), 0, 2, 100, 100};
  layer.measured_margin = layer.shape.margin;
  EXPECT_NO_THROW(bridge::check_measured(layer));
  layer.measured_margin = INFINITY;
  EXPECT_NO_THROW(bridge::check_measured(layer));
  layer.measured_margin = layer.shape.margin - 1;
  EXPECT_THROW(bridge::check_measured(layer), bridge::Garbled);
  layer.measured_margin = std::nan("");
  EXPECT_THROW(bridge::check_measured(layer), bridge::Garbled);
  layer.measured_margin = INFINITY;
  layer.measured_width = 101;
  EXPECT_THROW(bridge::check_measured(layer), bridge::Garbled);
}

TEST(Theorem, WidthAndThreshold) {
  // 96 s^4 ln N reaches N at 617, 14,743 and 310,811 tokens.
  EXPECT_NEAR(bridge::theorem_threshold(1), 617, 1);
  EXPECT_NEAR(bridge::theorem_threshold(2), 14743, 1);
  EXPECT_NEAR(bridge::theorem_threshold(4), 310811, 2);
  EXPECT_NEAR(bridge::theorem_threshold(16), 1.2e8, 0.1e8);
  EXPECT_NEAR(bridge::theorem_width(4, 1024), 170348, 20);
}

TEST(Theorem, FitsExponents) {
  std::vector<bridge::WidthPoint> points;
  for (const double s : {3, 6, 9, 20}) {
    for (const double n : {4, 64, 1024}) points.push_back({s, n, 7 * std::pow(s, 3.5) * std::pow(n, 0.25)});
  }
  const auto fit = bridge::fit_width(points);
  EXPECT_TRUE(fit.memory_varies && fit.tokens_vary);
  EXPECT_NEAR(fit.in_memory, 3.5, 1e-9);
  EXPECT_NEAR(fit.in_tokens, 0.25, 1e-9);
  const auto one = bridge::fit_width({{3, 64, 10}, {6, 64, 80}});
  EXPECT_TRUE(one.memory_varies);
  EXPECT_FALSE(one.tokens_vary);
  EXPECT_NEAR(one.in_memory, 3, 1e-9);
  EXPECT_FALSE(bridge::fit_width({{3, 64, 10}}).memory_varies);
  EXPECT_FALSE(bridge::fit_width({}).tokens_vary);
}

// m = 1 + s l + (w' field' + 1)(4 + P l), in numbers worked out by hand: N = 1024, s = 4, one word of 20 bits: the packet code has (4 *
// 1024^2 numbers, weight 15 (k - 1) + 1): k = 3, weight 31, field 163 (162^3 > 2^22 > 161^3).
TEST(Width, IsItsFormula) {
  const auto task = task_of(1024, 4, 1, 20, NumberType::f32);
  const auto code = bridge::packet_code(task);
  EXPECT_EQ(code.weight() * code.field(), 46U * 47U);
  const auto s = bridge::superimposed().shape(task);
  EXPECT_EQ(s.width(), (46U * 47U + 1) * (4 + 1));
  EXPECT_EQ(s.heads, 1U);
}

}  // namespace
}  // namespace tests
