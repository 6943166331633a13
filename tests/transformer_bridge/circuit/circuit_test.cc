#include "transformer_bridge/circuit/circuit.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "tests/transformer_bridge/circuit/network.h"

namespace bridge {
namespace {

TEST(Expressions, AreSumsWithTheirTermsInOrder) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y"), z = circuit.column("z");
  const auto e = 2 * z + 3 - y + x;
  EXPECT_EQ(e.constant, 3);
  EXPECT_EQ(e.terms, (std::vector<std::pair<Atom, double>>{{atom_of(x), 1}, {atom_of(y), -1}, {atom_of(z), 2}}));
  EXPECT_EQ(e, x + 2 * z - y + 3);
  EXPECT_NE(e, x + 2 * z - y + 4);
  EXPECT_NE(e, x + 2 * z + y + 3);
  EXPECT_EQ(-e, y - x - 2 * z - 3);
}

TEST(Expressions, ATermOfWeightZeroIsGone) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y");
  EXPECT_EQ(x + y - x, y);
  EXPECT_EQ(0 * x, Expression(0));
  EXPECT_TRUE((x - x + 5).is_constant());
  EXPECT_FALSE((x + 5).is_constant());
  auto sum = Expression(1);
  sum += x;
  sum += -1 * x;
  EXPECT_EQ(sum, Expression(1));
}

TEST(Circuit, AUnitThatIsNeverNegativeIsItsInput) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y");
  EXPECT_EQ(circuit.relu(x + y), x + y);
  EXPECT_EQ(circuit.relu(1 - x), 1 - x);
  EXPECT_EQ(circuit.relu(x - 1), Expression(0));
  EXPECT_EQ(circuit.relu(x + y - 2), Expression(0));
  EXPECT_EQ(circuit.relu(4), Expression(4));
  EXPECT_EQ(circuit.relu(-4), Expression(0));
  EXPECT_EQ(circuit.size(), 2U);  // no unit was made
  EXPECT_NE(circuit.relu(x + y - 1), x + y - 1);
  EXPECT_NE(circuit.relu(x - 0.5), Expression(0));
  EXPECT_EQ(circuit.size(), 4U);
}

TEST(Circuit, AUnitOfTheSameExpressionIsTheSameAtom) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y");
  const auto first = circuit.relu(x + y - 1);
  EXPECT_EQ(circuit.relu(y + x - 1), first);
  EXPECT_EQ(circuit.relu(2 * x - 1 + y - x), first);
  EXPECT_EQ(circuit.size(), 3U);
  EXPECT_NE(circuit.relu(x + y - 1.5), first);
  EXPECT_NE(circuit.relu(x - y), first);
  EXPECT_EQ(circuit.size(), 5U);
}

TEST(Circuit, RangesAndDepths) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y", {-3, 5});
  EXPECT_EQ(circuit.range(x).low, 0);
  EXPECT_EQ(circuit.range(x).high, 1);
  const auto e = 2 * x - y + 10;
  EXPECT_EQ(circuit.range(e).low, 5);
  EXPECT_EQ(circuit.range(e).high, 15);
  const auto u = circuit.relu(y - x);
  EXPECT_EQ(circuit.range(u).low, 0);
  EXPECT_EQ(circuit.range(u).high, 5);
  const auto v = circuit.relu(u + x - 2);
  EXPECT_EQ(circuit.range(v).high, 4);
  EXPECT_EQ(circuit.depth(7), 0U);
  EXPECT_EQ(circuit.depth(e), 0U);
  EXPECT_EQ(circuit.depth(u), 1U);
  EXPECT_EQ(circuit.depth(x - u), 1U);
  EXPECT_EQ(circuit.depth(v + u + x), 2U);
  EXPECT_TRUE(circuit.unit(atom_of(y)).is_column());
  EXPECT_EQ(circuit.unit(atom_of(y)).name, "y");
  EXPECT_FALSE(circuit.unit(atom_of(v)).is_column());
  EXPECT_EQ(circuit.unit(atom_of(v)).input, u + x - 2);
}

TEST(Circuit, EvaluatesWhatTheFormulaSays) {
  Circuit circuit;
  const auto x = circuit.column("x", {-9, 9}), y = circuit.column("y", {-9, 9});
  const auto u = circuit.relu(x - 2 * y + 1);
  const auto v = circuit.relu(3 * u - x - 4);
  for (int a = -9; a <= 9; ++a) {
    for (int b = -9; b <= 9; ++b) {
      const auto unit = std::max(0, a - 2 * b + 1);
      const auto expected = 5 - 2 * std::max(0, 3 * unit - a - 4) + unit + b;
      EXPECT_EQ(circuit.evaluate(5 - 2 * v + u + y, {{atom_of(x), a}, {atom_of(y), b}}), expected);
    }
  }
}

TEST(Circuit, MagnitudeOfSmallSums) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y", {-6, 2});
  EXPECT_EQ(circuit.magnitude(-7), 7);
  EXPECT_EQ(circuit.magnitude(3 * x + 2), 5);
  EXPECT_EQ(circuit.magnitude(2 * y), 12);
  EXPECT_EQ(circuit.magnitude(1 - 2 * y + x), 14);
}

/// Random expressions over columns and units, with values that are extreme as often as not, added up in random orders.
TEST(Circuit, RangesAndMagnitudesHoldForEveryPartialSum) {
  std::uint64_t draws = 0;
  const auto draw = [&](std::uint64_t below) { return mpc::mix(mpc::mix(4711) + ++draws) % below; };
  const auto number = [&](int low, int high) { return low + static_cast<int>(draw(static_cast<std::uint64_t>(high - low + 1))); };
  std::size_t at_range = 0, units = 0;
  for (int trial = 0; trial < 300; ++trial) {
    Circuit circuit;
    std::vector<Expression> known;
    std::map<Atom, double> value;
    for (int c = 0; c < 4; ++c) {
      const double low = number(-8, 3), high = low + number(0, 9);
      known.push_back(circuit.column("c", {low, high}));
      const auto kind = draw(3);
      value[atom_of(known.back())] = kind == 0 ? low : kind == 1 ? high : low + number(0, static_cast<int>(high - low));
    }
    const auto combination = [&] {
      Expression e = number(-5, 5);
      for (const auto& k : known) {
        if (draw(2) == 0) e += number(-3, 3) * k;
      }
      return e;
    };
    for (int u = 0; u < 5; ++u) known.push_back(circuit.relu(combination()));
    units += tests::units_of(circuit);
    const auto e = combination();
    const auto exact = circuit.evaluate(e, value);
    const auto [low, high] = circuit.range(e);
    EXPECT_LE(low, exact);
    EXPECT_GE(high, exact);
    at_range += low == exact || high == exact ? 1 : 0;
    std::vector<double> parts{e.constant};
    for (const auto& [atom, weight] : e.terms) {
      Expression itself;
      itself.terms.emplace_back(atom, 1.0);
      parts.push_back(weight * circuit.evaluate(itself, value));
    }
    for (int order = 0; order < 10; ++order) {
      for (std::size_t i = parts.size(); i > 1; --i) std::swap(parts[i - 1], parts[draw(i)]);
      double sum = 0;
      for (const auto part : parts) {
        sum += part;
        ASSERT_LE(std::abs(sum), circuit.magnitude(e));
      }
      ASSERT_EQ(sum, exact);
    }
  }
  EXPECT_GT(at_range, 10U);  // the bounds are reached, too
  EXPECT_GT(units, 300U);
}

}  // namespace
}  // namespace bridge
