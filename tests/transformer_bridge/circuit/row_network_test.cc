#include "transformer_bridge/circuit/row_network.h"

#include <bit>
#include <stdexcept>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "tests/transformer_bridge/circuit/network.h"
#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::applied;
using tests::refusal;

/// The network's hidden layers: of the row it keeps, the residual, nothing is said here.
std::size_t hidden_layers(const RowNetwork& network) {
  const auto& sequence = std::get<Sequence<double>>(network.function);
  EXPECT_TRUE(sequence.residual);
  EXPECT_EQ(sequence.steps.size(), 1U);
  const auto* mlp = std::get_if<Mlp<double>>(&sequence.steps.front());
  return mlp == nullptr ? 0 : mlp->layers.size() - 1;
}

TEST(RowNetworks, LeaveOtherColumnsAsTheyAre) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y");
  const std::map<Atom, std::size_t> column_of{{atom_of(x), 1}, {atom_of(y), 4}};
  const auto network = row_network(circuit, column_of, {{2, bit_xor(circuit, x, y)}}, 6);
  const Matrix<float> rows{{1e-39F, 1, 0, 0.1F, 0, -3e30F}, {-1e-39F, 0, 0, 7.25F, 1, 1e-7F}, {0.3F, 1, 0, 0.7F, 1, 16777217.0F}};
  const auto after = applied(network, rows);
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t c = 0; c < rows.columns(); ++c) {
      if (c == 2) continue;
      EXPECT_EQ(std::bit_cast<std::uint32_t>(after(r, c)), std::bit_cast<std::uint32_t>(rows(r, c))) << r << ", " << c;
    }
  }
  EXPECT_EQ(after(0, 2), 1);
  EXPECT_EQ(after(1, 2), 1);
  EXPECT_EQ(after(2, 2), 0);
}

TEST(RowNetworks, ReplaceWhatStood) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y"), z = circuit.column("z", {-9, 9});
  const std::map<Atom, std::size_t> column_of{{atom_of(x), 0}, {atom_of(y), 1}, {atom_of(z), 2}};
  // Cleared, both at once exchanged, and a sum of all into the place of one.
  const auto cleared = row_network(circuit, column_of, {{1, 0}, {2, 0}}, 3);
  EXPECT_EQ(applied(cleared, Matrix<float>{{1, 1, -7}}), (Matrix<float>{{1, 0, 0}}));
  const auto exchanged = row_network(circuit, column_of, {{0, y}, {1, x}}, 3);
  EXPECT_EQ(applied(exchanged, Matrix<float>{{1, 0, -7}, {0, 1, 5}}), (Matrix<float>{{0, 1, -7}, {1, 0, 5}}));
  const auto summed = row_network(circuit, column_of, {{1, x + 2 * y - z + 10}}, 3);
  EXPECT_EQ(applied(summed, Matrix<float>{{1, 1, -7}, {0, 0, 9}}), (Matrix<float>{{1, 20, -7}, {0, 1, 9}}));
  // With units, where the old values are subtracted only after several layers.
  const auto deep = circuit.relu(circuit.relu(x + y - 1) + z - 3);
  const auto replaced = row_network(circuit, column_of, {{0, deep}, {1, 0}, {2, deep - z}}, 3);
  EXPECT_EQ(applied(replaced, Matrix<float>{{1, 1, 5}, {1, 1, -5}, {1, 0, 9}, {0, 0, 2}}),
            (Matrix<float>{{3, 0, -2}, {0, 0, 5}, {6, 0, -3}, {0, 0, -2}}));
}

TEST(RowNetworks, WithoutUnitsAreOneLinearMap) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y");
  const std::map<Atom, std::size_t> column_of{{atom_of(x), 0}, {atom_of(y), 1}};
  for (const auto& outputs : {std::vector<std::pair<std::size_t, Expression>>{}, {{1, 0}}, {{2, 1 - x}}, {{0, y}, {2, 4}}}) {
    const auto network = row_network(circuit, column_of, outputs, 3);
    EXPECT_EQ(hidden_layers(network), 0U);
    EXPECT_EQ(network.units, 0U);
  }
  const auto nothing = row_network(circuit, column_of, {}, 3);
  EXPECT_EQ(applied(nothing, Matrix<float>{{1, 0, 0.3F}}), (Matrix<float>{{1, 0, 0.3F}}));
  EXPECT_EQ(nothing.magnitude, 0);
  const auto constants = row_network(circuit, column_of, {{0, y}, {2, 4}}, 3);
  EXPECT_EQ(applied(constants, Matrix<float>{{0, 1, 0}, {1, 0, 0}}), (Matrix<float>{{1, 1, 4}, {0, 0, 4}}));
}

TEST(RowNetworks, AColumnThatKeepsItsValueNeedsNoNetwork) {
  Circuit circuit;
  const auto x = circuit.column("x");
  const auto network = row_network(circuit, {{atom_of(x), 0}}, {{0, x}}, 1);
  EXPECT_EQ(hidden_layers(network), 0U);
  EXPECT_EQ(network.magnitude, 0);
}

/// A value that is used at several depths is carried by a unit a layer, by two if it may be negative.
TEST(RowNetworks, CarryValuesDown) {
  for (const double low : {0.0, -6.0}) {
    Circuit circuit;
    const auto x = circuit.column("x", {low, 6});
    auto e = x;
    for (int layer = 0; layer < 4; ++layer) e = circuit.relu(e - 1);
    const auto network = row_network(circuit, {{atom_of(x), 0}}, {{1, e + 2 * x}}, 2);
    EXPECT_EQ(hidden_layers(network), 4U);
    EXPECT_EQ(network.units, low < 0 ? 4U + 8U : 4U + 4U);
    for (int value = static_cast<int>(low); value <= 6; ++value) {
      const auto after = applied(network, Matrix<float>{{static_cast<float>(value), 0}});
      EXPECT_EQ(after(0, 1), static_cast<float>(std::max(0, value - 4) + 2 * value)) << value;
      EXPECT_EQ(after(0, 0), static_cast<float>(value));
    }
  }
}

/// A unit that is needed twice is there once; one that is needed later is carried as it is, never negative.
TEST(RowNetworks, CarryUnitsDown) {
  Circuit circuit;
  const auto x = circuit.column("x", {-6, 6});
  const auto u = circuit.relu(x - 1);
  const auto v = circuit.relu(u - 2), w = circuit.relu(v - 1);
  const auto network = row_network(circuit, {{atom_of(x), 0}}, {{1, u + w}, {2, u - v}}, 3);
  EXPECT_EQ(hidden_layers(network), 3U);
  EXPECT_EQ(network.units, 6U);  // u; u and v; u, v and w
  for (int value = -6; value <= 6; ++value) {
    const auto after = applied(network, Matrix<float>{{static_cast<float>(value), 0, 0}});
    const auto u_is = std::max(0, value - 1), v_is = std::max(0, u_is - 2), w_is = std::max(0, v_is - 1);
    EXPECT_EQ(after(0, 1), static_cast<float>(u_is + w_is));
    EXPECT_EQ(after(0, 2), static_cast<float>(u_is - v_is));
  }
}

/// Random circuits, against their own evaluation; numbers of float within the bound.
TEST(RowNetworks, DoWhatTheCircuitSays) {
  std::uint64_t draws = 0;
  const auto draw = [&](std::uint64_t below) { return mpc::mix(mpc::mix(99) + ++draws) % below; };
  const auto number = [&](int low, int high) { return low + static_cast<int>(draw(static_cast<std::uint64_t>(high - low + 1))); };
  std::size_t deepest = 0;
  for (int trial = 0; trial < 100; ++trial) {
    constexpr std::size_t width = 9;
    Circuit circuit;
    std::map<Atom, std::size_t> column_of;
    std::vector<Expression> known;
    for (const std::size_t place : {1U, 3U, 4U, 8U}) {
      const auto low = number(-4, 0);
      known.push_back(circuit.column("c", {static_cast<double>(low), static_cast<double>(low + 5)}));
      column_of.emplace(atom_of(known.back()), place);
    }
    const auto combination = [&] {
      Expression e = number(-3, 3);
      for (const auto& k : known) {
        if (draw(3) == 0) e += number(-2, 2) * k;
      }
      return e;
    };
    for (int u = 0; u < 8; ++u) known.push_back(circuit.relu(combination()));
    const std::vector<std::pair<std::size_t, Expression>> outputs{
        {0, combination()}, {3, combination()}, {8, known.back() - known[2]}, {4, 0}};
    const auto network = row_network(circuit, column_of, outputs, width);
    ASSERT_LE(network.magnitude / network.step, 0x1p24);
    deepest = std::max(deepest, hidden_layers(network));
    Matrix<float> rows(5, width);
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      for (const auto& [atom, column] : column_of) {
        const auto range = circuit.unit(atom).range;
        rows(r, column) = static_cast<float>(number(static_cast<int>(range.low), static_cast<int>(range.high)));
      }
    }
    const auto after = applied(network, rows);
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      std::map<Atom, double> values;
      for (const auto& [atom, column] : column_of) values[atom] = static_cast<double>(rows(r, column));
      std::vector<double> expected(width, 0);
      for (const auto& [atom, column] : column_of) expected[column] = values[atom];
      for (const auto& [column, e] : outputs) expected[column] = circuit.evaluate(e, values);
      for (std::size_t c = 0; c < width; ++c) ASSERT_EQ(after(r, c), expected[c]) << "trial " << trial << ", column " << c;
    }
  }
  EXPECT_GE(deepest, 4U);
}

TEST(RowNetworks, SayHowLargeTheirNumbersGet) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y", {0, 100});
  const std::map<Atom, std::size_t> column_of{{atom_of(x), 0}, {atom_of(y), 1}};
  EXPECT_EQ(row_network(circuit, column_of, {{2, 3 * y + 4}}, 3).magnitude, 304);
  EXPECT_EQ(row_network(circuit, column_of, {{2, circuit.relu(8 * y - 20) - 7}}, 3).magnitude, 820);
  EXPECT_EQ(row_network(circuit, column_of, {{1, x}}, 3).magnitude, 101);  // x less what stood there
  EXPECT_EQ(row_network(circuit, column_of, {{2, 3 * x}}, 3).step, 1);
  EXPECT_EQ(row_network(circuit, column_of, {{2, 3 * x + 0.75}}, 3).step, 0.25);
  EXPECT_EQ(row_network(circuit, column_of, {{2, circuit.relu(2 * x - 0.5)}}, 3).step, 0.5);
  EXPECT_EQ(row_network(circuit, column_of, {{2, 0.125 * x}}, 3).step, 0.125);
  EXPECT_EQ(row_network(circuit, column_of, {{2, 8 * x}}, 3).step, 1);  // no larger
  // Halves of halves: what a unit holds is multiplied once more.
  const auto half = circuit.relu(0.5 * x - 0.25);
  EXPECT_EQ(row_network(circuit, column_of, {{2, half}}, 3).step, 0.25);
  EXPECT_EQ(row_network(circuit, column_of, {{2, 0.5 * half}}, 3).step, 0.125);
  EXPECT_EQ(row_network(circuit, column_of, {{2, circuit.relu(0.5 * half - y) + 3 * y}}, 3).step, 0.125);
  EXPECT_EQ(row_network(circuit, column_of, {{2, 4 * half}}, 3).step, 0.25);  // the unit itself
}

TEST(RowNetworks, RefuseWhatTheyCannotPlace) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("the other");
  const auto of = [&](const std::map<Atom, std::size_t>& column_of, const std::vector<std::pair<std::size_t, Expression>>& outputs) {
    return refusal([&] { row_network(circuit, column_of, outputs, 3); });
  };
  EXPECT_EQ(of({{atom_of(x), 0}}, {{1, x}, {2, 0}, {1, 0}}), "an exception: column 1 is written twice");
  EXPECT_EQ(of({{atom_of(x), 0}}, {{1, x + y}}), "an exception: column 'the other' stands nowhere in the row");
  EXPECT_EQ(of({{atom_of(x), 0}}, {{1, circuit.relu(x + y - 1)}}), "an exception: column 'the other' stands nowhere in the row");
  EXPECT_EQ(of({{atom_of(x), 2}, {atom_of(y), 2}}, {{1, x}}), "an exception: column 2 holds two values at once");
  EXPECT_THROW(row_network(circuit, {{atom_of(x), 0}}, {{1, x}, {1, x}}, 3), std::logic_error);
}

TEST(AffineMaps, AreWeightsOverTheRow) {
  Circuit circuit;
  const auto x = circuit.column("x"), y = circuit.column("y");
  const std::map<Atom, std::size_t> column_of{{atom_of(x), 3}, {atom_of(y), 1}};
  const auto map = affine(circuit, column_of, 2 * x - y + 0.5, 4);
  EXPECT_EQ(map.weights, (std::vector<double>{0, -1, 0, 2}));
  EXPECT_EQ(map.constant, 0.5);
  EXPECT_THROW(affine(circuit, column_of, x + circuit.relu(x - y), 4), std::logic_error);
  EXPECT_THROW(affine(circuit, {{atom_of(x), 3}}, x + y, 4), std::logic_error);
}

}  // namespace
}  // namespace bridge
