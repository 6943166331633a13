#include "transformer_bridge/circuit/head_plan.h"

#include <bit>
#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "transformer_bridge/transformer/forward.h"

#include "tests/transformer_bridge/circuit/network.h"

namespace bridge {
namespace {

using tests::columns_in_order;
using tests::word_columns;

/// query(row) . key(row), of the emitted head, for every pair of rows.
Matrix<double> logits(const Head<double>& head, const Matrix<double>& rows) {
  const auto queries = head.query.apply(rows, 0, "queries"), keys = head.key.apply(rows, 0, "keys");
  Matrix<double> result(rows.rows(), rows.rows());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < rows.rows(); ++j) {
      for (std::size_t c = 0; c < queries.columns(); ++c) result(i, j) += queries(i, c) * keys(j, c);
    }
  }
  return result;
}

TEST(HeadPlans, AMatchScoresTheBitsThatAreTheSame) {
  constexpr unsigned bits = 3;
  for (const double factor : {1.0, 4.0}) {
    Circuit circuit;
    const auto own = word_columns(circuit, bits), other = word_columns(circuit, bits);
    HeadPlan plan;
    add_match(plan, own, other, factor);
    EXPECT_EQ(plan.logit.size(), bits);
    EXPECT_EQ(largest_logit(circuit, plan), bits * factor);
    const auto layer = attention_layer(circuit, columns_in_order(circuit), {plan}, 2 * bits, 16);
    Matrix<double> rows(64, 2 * bits);
    for (std::size_t r = 0; r < 64; ++r) {
      for (unsigned i = 0; i < 2 * bits; ++i) rows(r, i) = static_cast<double>(r >> i & 1);
    }
    const auto score = logits(layer.heads.front(), rows);
    for (std::size_t i = 0; i < 64; ++i) {
      for (std::size_t j = 0; j < 64; ++j) {
        const auto differing = std::popcount((i & 7) ^ (j >> 3));
        EXPECT_EQ(score(i, j), factor * (static_cast<int>(bits) - 2 * differing));
      }
    }
    EXPECT_EQ(layer.heads.front().scale, 16);
  }
}

TEST(HeadPlans, TheLargestLogitBoundsEveryPartialSum) {
  Circuit circuit;
  const auto x = circuit.column("x", {-3, 2}), y = circuit.column("y");
  HeadPlan plan;
  plan.logit = {{x, 2 * y - 5}, {y, x}, {4, -1 * y}};
  // |x| |2y - 5| <= 3 * 5; |y| |x| <= 3; 4.
  EXPECT_EQ(largest_logit(circuit, plan), 22);
  plan.start = {{1, 2, 3}};
  EXPECT_EQ(largest_logit(circuit, plan), 22);  // the start token's: 3 + 2 + 12 = 17
  plan.start = {{1, 2, -9}};
  EXPECT_EQ(largest_logit(circuit, plan), 41);
  EXPECT_EQ(largest_logit(circuit, HeadPlan{}), 0);
}

/// Every row asks for another one by its number, and gets a column of it, and a sum of two. Rows that nobody has lead to the start token.
template <class Real>
void expect_mail() {
  constexpr std::size_t tokens = 5, width = 9;
  Circuit circuit;
  const auto own = word_columns(circuit, 3), wanted = word_columns(circuit, 3);
  const auto x = circuit.column("x", {-9, 9}), y = circuit.column("y", {-9, 9});
  HeadPlan plan;
  add_match(plan, wanted, own);
  plan.logit.emplace_back(1, 0);
  plan.start = {{0, 0, 0, 2}};
  plan.brought = {{8, 3 * x - y + 1}, {7, x}};
  HeadPlan other = plan;
  other.brought = {{8, y}};
  auto layer = attention_layer(circuit, columns_in_order(circuit), {plan, other}, width, saturating_scale(number_type_of<Real>));
  Matrix<Real> rows(tokens, width);
  const std::size_t asked[tokens] = {3, 3, 6, 0, 4};
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t i = 0; i < 3; ++i) {
      rows(t, i) = static_cast<Real>(t >> i & 1);
      rows(t, 3 + i) = static_cast<Real>(asked[t] >> i & 1);
    }
    rows(t, 6) = static_cast<Real>(t) - 2;
    rows(t, 7) = 4 - 2 * static_cast<Real>(t);
  }
  const auto transformer = converted<Real>(Transformer<double>(tokens, width, {layer}));
  const auto after = apply(transformer.layers().front(), rows);
  for (std::size_t t = 0; t < tokens; ++t) {
    const auto from = asked[t];
    const bool found = from < tokens;
    const auto x_of = static_cast<Real>(from) - 2, y_of = 4 - 2 * static_cast<Real>(from);
    EXPECT_EQ(after(t, 8), found ? 3 * x_of - y_of + 1 + y_of : 0) << t;  // the head adds, and so does the next one
    EXPECT_EQ(after(t, 7), rows(t, 7) + (found ? x_of : 0)) << t;
    for (std::size_t c = 0; c < 7; ++c) EXPECT_EQ(after(t, c), rows(t, c));
  }
}
TEST(HeadPlans, BringValuesIntoColumns) {
  expect_mail<float>();
  expect_mail<double>();
}

TEST(HeadPlans, KeepTheirMasks) {
  Circuit circuit;
  const auto x = circuit.column("x");
  HeadPlan plan;
  plan.logit.emplace_back(1, 0);
  plan.brought = {{0, x}};
  plan.mask = Mask::causal();
  const auto layer = attention_layer(circuit, columns_in_order(circuit), {plan}, 1, 1);
  EXPECT_EQ(layer.heads.front().mask.kind(), Mask::Kind::causal);
  EXPECT_FALSE(layer.heads.front().start);
}

TEST(HeadPlans, AreLinear) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y");
  const auto unit = circuit.relu(x + y - 1);
  const auto with = [&](const Expression& query, const Expression& key, const Expression& value) {
    HeadPlan plan;
    plan.logit.emplace_back(query, key);
    plan.brought = {{0, value}};
    return attention_layer(circuit, columns_in_order(circuit), {plan}, 2, 1);
  };
  EXPECT_NO_THROW(with(x, y, x));
  EXPECT_THROW(with(unit, y, x), std::logic_error);
  EXPECT_THROW(with(x, unit, x), std::logic_error);
  EXPECT_THROW(with(x, y, unit), std::logic_error);
}

}  // namespace
}  // namespace bridge
