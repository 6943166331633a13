#include "transformer_bridge/circuit/gadgets.h"

#include <algorithm>
#include <bit>
#include <functional>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "tests/transformer_bridge/circuit/network.h"

namespace bridge {
namespace {

using tests::outputs_of;
using tests::units_of;
using tests::word_columns;

constexpr std::uint64_t mask(unsigned bits) { return (std::uint64_t{1} << bits) - 1; }

/// All tuples of words of these widths, if they are few; else random ones, with equal, neighbouring and extreme words among them.
std::vector<std::vector<std::uint64_t>> samples(const std::vector<unsigned>& bits) {
  unsigned all = 0;
  for (const auto b : bits) all += b;
  std::vector<std::vector<std::uint64_t>> tuples;
  if (all <= 11) {
    for (std::uint64_t code = 0; code <= mask(all); ++code) {
      auto rest = code;
      auto& tuple = tuples.emplace_back();
      for (const auto b : bits) tuple.push_back(rest & mask(b)), rest >>= b;
    }
    return tuples;
  }
  for (std::uint64_t trial = 0; trial < 400; ++trial) {
    auto& tuple = tuples.emplace_back();
    for (std::size_t w = 0; w < bits.size(); ++w) {
      const auto random = mpc::mix(mpc::mix(trial) + w);
      const auto earlier = w == 0 ? 0 : tuple[w - 1];
      const std::uint64_t choices[] = {random, random >> 17,      earlier, earlier + 1, earlier - 1,
                                       0,      ~std::uint64_t{0}, random,  random,      earlier ^ 1};
      tuple.push_back(choices[(random >> 40) % std::size(choices)] & mask(bits[w]));
    }
  }
  return tuples;
}

/// A gadget: what it makes of words, as bits, and what that is as numbers.
struct Gadget {
  std::function<BitWord(Circuit&, const std::vector<BitWord>&)> build;
  std::function<std::uint64_t(const std::vector<std::uint64_t>&)> expected;
};

/// Compares the emitted network with the numbers, exactly, for words of these widths; returns units and depth.
struct Cost {
  std::size_t units = 0;
  unsigned depth = 0;
  bool operator==(const Cost&) const = default;
};
void PrintTo(const Cost& cost, std::ostream* out) { *out << cost.units << " units, depth " << cost.depth; }

template <class Real>
Cost check(const Gadget& gadget, const std::vector<unsigned>& bits) {
  Circuit circuit;
  std::vector<BitWord> words;
  for (const auto b : bits) words.push_back(word_columns(circuit, b));
  const auto result = gadget.build(circuit, words);
  const auto tuples = samples(bits);
  Matrix<Real> columns(tuples.size(), circuit.size() - units_of(circuit));
  for (std::size_t t = 0; t < tuples.size(); ++t) {
    std::size_t column = 0;
    for (std::size_t w = 0; w < bits.size(); ++w) {
      for (unsigned i = 0; i < bits[w]; ++i) columns(t, column++) = static_cast<Real>(tuples[t][w] >> i & 1);
    }
  }
  const auto made = outputs_of(circuit, result, columns);
  for (std::size_t t = 0; t < tuples.size(); ++t) {
    const auto expected = gadget.expected(tuples[t]);
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (made(t, i) == static_cast<Real>(expected >> i & 1)) continue;
      ADD_FAILURE() << "bit " << i << " is " << made(t, i) << ", words " << testing::PrintToString(tuples[t]) << " of "
                    << testing::PrintToString(bits) << " bits, expected " << expected << " in a type of " << sizeof(Real) << " bytes";
      break;
    }
    EXPECT_LE(std::bit_width(expected), static_cast<int>(result.size()));  // no bit was left out
  }
  Cost cost{units_of(circuit), 0};
  for (const auto& bit : result) cost.depth = std::max(cost.depth, circuit.depth(bit));
  return cost;
}

/// Every width up to 5, where all pairs are tried, and the widest that each type holds.
void check_pairs(const Gadget& gadget, const std::function<Cost(unsigned bits)>& cost) {
  for (const unsigned bits : {1U, 2U, 3U, 4U, 5U}) {
    EXPECT_EQ(check<float>(gadget, {bits, bits}), cost(bits)) << bits;
    EXPECT_EQ(check<double>(gadget, {bits, bits}), cost(bits)) << bits;
  }
  for (const unsigned bits : {8U, 13U, 21U, 22U}) EXPECT_EQ(check<float>(gadget, {bits, bits}), cost(bits)) << bits;
  for (const unsigned bits : {22U, 33U, 50U, 51U}) EXPECT_EQ(check<double>(gadget, {bits, bits}), cost(bits)) << bits;
}
/// Words of different widths, one of them empty.
void check_unequal(const Gadget& gadget) {
  for (const auto& [a, b] : {std::pair{0U, 3U}, std::pair{3U, 0U}, std::pair{0U, 0U}, std::pair{1U, 4U}, std::pair{5U, 2U},
                             std::pair{3U, 20U}, std::pair{22U, 1U}}) {
    check<float>(gadget, {a, b});
    check<double>(gadget, {a, b});
  }
}

// ---- Bits -----------------------------------------------------------------------------------------------------------------------

TEST(Gadgets, Bits) {
  const auto bitwise = [](auto&& gadget) {
    return [gadget](Circuit& c, const std::vector<BitWord>& w) { return BitWord{gadget(c, w[0][0], w[1][0])}; };
  };
  const Cost one{1, 1};
  EXPECT_EQ(check<float>({bitwise(bit_and), [](const auto& w) { return w[0] & w[1]; }}, {1, 1}), one);
  EXPECT_EQ(check<float>({bitwise(bit_or), [](const auto& w) { return w[0] | w[1]; }}, {1, 1}), one);
  EXPECT_EQ(check<float>({bitwise(bit_xor), [](const auto& w) { return w[0] ^ w[1]; }}, {1, 1}), one);
  EXPECT_EQ(check<float>({[](Circuit&, const auto& w) { return BitWord{bit_not(w[0][0])}; }, [](const auto& w) { return 1 - w[0]; }}, {1}),
            (Cost{0, 0}));
}

TEST(Gadgets, BitsOfConstantsAndOfThemselvesCostNothing) {
  Circuit circuit;
  const auto x = circuit.column("x");
  const Bit zero = 0, one = 1;
  EXPECT_EQ(bit_and(circuit, x, x), x);
  EXPECT_EQ(bit_and(circuit, x, one), x);
  EXPECT_EQ(bit_and(circuit, one, x), x);
  EXPECT_EQ(bit_and(circuit, x, zero), zero);
  EXPECT_EQ(bit_and(circuit, zero, x), zero);
  EXPECT_EQ(bit_or(circuit, x, x), x);
  EXPECT_EQ(bit_or(circuit, x, zero), x);
  EXPECT_EQ(bit_or(circuit, zero, x), x);
  EXPECT_EQ(bit_or(circuit, x, one), one);
  EXPECT_EQ(bit_or(circuit, one, x), one);
  EXPECT_EQ(bit_xor(circuit, x, x), zero);
  EXPECT_EQ(bit_xor(circuit, x, zero), x);
  EXPECT_EQ(bit_xor(circuit, zero, x), x);
  EXPECT_EQ(bit_xor(circuit, x, one), 1 - x);
  EXPECT_EQ(bit_xor(circuit, one, x), 1 - x);
  EXPECT_EQ(bit_not(one), zero);
  EXPECT_EQ(circuit.size(), 1U);
}

TEST(Gadgets, AllOf) {
  for (unsigned count = 0; count <= 8; ++count) {
    const Gadget gadget{[](Circuit& c, const auto& w) { return BitWord{all_of(c, w[0])}; },
                        [count](const auto& w) { return w[0] == mask(count) ? 1 : 0; }};
    const auto cost = check<float>(gadget, {count});
    EXPECT_EQ(cost, (count < 2 ? Cost{0, 0} : Cost{1, 1})) << count;
  }
  check<float>({[](Circuit& c, const auto& w) { return BitWord{all_of(c, w[0])}; }, [](const auto& w) { return w[0] == mask(22) ? 1 : 0; }},
               {22});
}

/// e = number - offset, against every threshold around its range.
TEST(Gadgets, AtLeast) {
  for (int t = -10; t <= 10; ++t) {
    const Gadget gadget{[t](Circuit& c, const auto& w) { return BitWord{at_least(c, number(w[0]) - 4, t)}; },
                        [t](const auto& w) { return static_cast<int>(w[0]) - 4 >= t ? 1 : 0; }};
    const auto cost = check<float>(gadget, {3});
    if (t <= -4 || t > 3) {
      EXPECT_EQ(cost, (Cost{0, 0})) << t;
    } else {
      EXPECT_EQ(cost.depth, t == -3 && cost.units == 0 ? 0U : 1U) << t;
      EXPECT_LE(cost.units, 2U) << t;
    }
  }
  for (const auto t : {1.0, 0x1p21, 0x1p22 - 1}) {
    const Gadget gadget{[t](Circuit& c, const auto& w) { return BitWord{at_least(c, number(w[0]), t)}; },
                        [t](const auto& w) { return static_cast<double>(w[0]) >= t ? 1 : 0; }};
    check<float>(gadget, {22});
    check<double>(gadget, {22});
  }
}

TEST(Gadgets, IsZero) {
  for (int offset = -2; offset <= 10; ++offset) {
    const Gadget gadget{[offset](Circuit& c, const auto& w) { return BitWord{is_zero(c, number(w[0]) - offset)}; },
                        [offset](const auto& w) { return static_cast<int>(w[0]) == offset ? 1 : 0; }};
    const auto cost = check<float>(gadget, {3});
    if (offset < 0 || offset > 7) {
      EXPECT_EQ(cost, (Cost{0, 0})) << offset;
    } else if (offset > 1 && offset < 6) {
      EXPECT_EQ(cost, (Cost{3, 1})) << offset;
    } else {
      EXPECT_LE(cost.units, 3U) << offset;  // at an end of the range some units are linear
    }
  }
}

/// What comes from an average: a third three times, a bit that is rounded, a weight that all but vanished.
template <class Real>
void check_threshold() {
  Circuit circuit;
  const auto x = circuit.column("x");
  const std::vector<Expression> outputs{threshold(circuit, x)};
  EXPECT_EQ(units_of(circuit), 2U);
  EXPECT_EQ(circuit.depth(outputs[0]), 1U);
  const auto third = Real(1) / 3;
  const Real zeros[] = {0, Real(1e-39), Real(1e-6), Real(-1e-6), Real(0.125), Real(0.25), -Real(0.25)};
  const Real ones[] = {1, 1 - Real(1e-6), 1 + Real(1e-6), third + third + third, Real(0.875), Real(0.75), Real(1.25)};
  Matrix<Real> columns(std::size(zeros) + std::size(ones), 1);
  for (std::size_t i = 0; i < std::size(zeros); ++i) columns(i, 0) = zeros[i];
  for (std::size_t i = 0; i < std::size(ones); ++i) columns(std::size(zeros) + i, 0) = ones[i];
  const auto made = outputs_of(circuit, outputs, columns);
  for (std::size_t i = 0; i < columns.rows(); ++i) EXPECT_EQ(made(i, 0), i < std::size(zeros) ? Real(0) : Real(1)) << columns(i, 0);
}
TEST(Gadgets, ThresholdOfAnAverage) {
  check_threshold<float>();
  check_threshold<double>();
}

// ---- Words ----------------------------------------------------------------------------------------------------------------------

TEST(Gadgets, ConstantWordsAndNumbers) {
  EXPECT_EQ(constant_word(0), BitWord{});
  EXPECT_EQ(constant_word(6), (BitWord{0, 1, 1}));
  EXPECT_EQ(constant_word(~std::uint64_t{0}).size(), 64U);
  for (const std::uint64_t value : {0U, 1U, 6U, 12345U}) EXPECT_EQ(number(constant_word(value)), Expression(static_cast<double>(value)));
  Circuit circuit;
  const auto word = word_columns(circuit, 3);
  EXPECT_EQ(number(word), word[0] + 2 * word[1] + 4 * word[2]);
}

// One bit and a bit are compared with fewer units: some are linear over their range.
TEST(Gadgets, Equal) {
  const Gadget gadget{[](Circuit& c, const auto& w) { return BitWord{equal(c, w[0], w[1])}; },
                      [](const auto& w) { return w[0] == w[1] ? 1 : 0; }};
  check_pairs(gadget, [](unsigned bits) { return bits == 1 ? Cost{1, 1} : Cost{3, 1}; });
  check_unequal(gadget);
}
TEST(Gadgets, Less) {
  const Gadget gadget{[](Circuit& c, const auto& w) { return BitWord{less(c, w[0], w[1])}; },
                      [](const auto& w) { return w[0] < w[1] ? 1 : 0; }};
  check_pairs(gadget, [](unsigned bits) { return bits == 1 ? Cost{1, 1} : Cost{2, 1}; });
  check_unequal(gadget);
}

TEST(Gadgets, Select) {
  const Gadget gadget{[](Circuit& c, const auto& w) { return select(c, w[2][0], w[0], w[1]); },
                      [](const auto& w) { return w[2] != 0 ? w[0] : w[1]; }};
  for (const unsigned bits : {1U, 3U, 5U, 22U}) {
    EXPECT_EQ(check<float>(gadget, {bits, bits, 1}), (Cost{2 * bits, 1}));
    EXPECT_EQ(check<double>(gadget, {bits, bits, 1}), (Cost{2 * bits, 1}));
  }
  check<double>(gadget, {51, 51, 1});
  check<float>(gadget, {2, 4, 1});
  check<float>(gadget, {4, 0, 1});
  Circuit circuit;
  const auto a = word_columns(circuit, 3), b = word_columns(circuit, 3);
  EXPECT_EQ(select(circuit, 1, a, b), a);
  EXPECT_EQ(select(circuit, 0, a, b), b);
  EXPECT_EQ(select(circuit, circuit.column("c"), a, a), a);
  EXPECT_EQ(units_of(circuit), 0U);
}

TEST(Gadgets, SmallerAndLarger) {
  // The comparison, and two units a bit.
  const auto cost = [](unsigned bits) { return Cost{(bits == 1 ? 1 : 2) + 2 * bits, 2}; };
  const Gadget low{[](Circuit& c, const auto& w) { return smaller(c, w[0], w[1]); }, [](const auto& w) { return std::min(w[0], w[1]); }};
  const Gadget high{[](Circuit& c, const auto& w) { return larger(c, w[0], w[1]); }, [](const auto& w) { return std::max(w[0], w[1]); }};
  check_pairs(low, cost);
  check_pairs(high, cost);
  check_unequal(low);
  check_unequal(high);
}

// Two units a bit, as the header says, and one fewer: the lowest carry, or borrow, is one.
TEST(Gadgets, Sum) {
  const auto cost = [](unsigned bits) { return Cost{2 * bits - 1, 1}; };
  const auto modulo = [](unsigned bits) {
    return Gadget{[bits](Circuit& c, const auto& w) { return sum(c, w[0], w[1], bits); },
                  [bits](const auto& w) { return (w[0] + w[1]) & mask(bits); }};
  };
  for (const unsigned bits : {1U, 2U, 3U, 4U, 5U, 12U, 22U}) EXPECT_EQ(check<float>(modulo(bits), {bits, bits}), cost(bits)) << bits;
  for (const unsigned bits : {1U, 2U, 3U, 4U, 5U, 33U, 51U}) EXPECT_EQ(check<double>(modulo(bits), {bits, bits}), cost(bits)) << bits;
  // Fewer bits than the terms have, and more: with one bit more, nothing is lost, and there is no carry beyond it.
  check<float>(modulo(2), {4, 5});
  check<float>(modulo(4), {2, 1});
  check<float>(modulo(7), {3, 0});
  EXPECT_EQ(check<float>(modulo(6), {5, 5}), (Cost{9, 1}));
  EXPECT_EQ(check<float>(modulo(9), {5, 5}), (Cost{9, 1}));
}
TEST(Gadgets, Difference) {
  const auto cost = [](unsigned bits) { return Cost{2 * bits - 1, 1}; };
  const auto modulo = [](unsigned bits) {
    return Gadget{[bits](Circuit& c, const auto& w) { return difference(c, w[0], w[1], bits); },
                  [bits](const auto& w) { return (w[0] - w[1]) & mask(bits); }};
  };
  for (const unsigned bits : {1U, 2U, 3U, 4U, 5U, 12U, 22U}) EXPECT_EQ(check<float>(modulo(bits), {bits, bits}), cost(bits)) << bits;
  for (const unsigned bits : {1U, 2U, 3U, 4U, 5U, 33U, 51U}) EXPECT_EQ(check<double>(modulo(bits), {bits, bits}), cost(bits)) << bits;
  check<float>(modulo(2), {4, 5});
  check<float>(modulo(5), {2, 1});
  check<float>(modulo(4), {0, 3});
}

TEST(Gadgets, BitByBit) {
  const auto cost = [](unsigned bits) { return Cost{bits, 1}; };
  const Gadget conjunction{[](Circuit& c, const auto& w) { return word_and(c, w[0], w[1]); }, [](const auto& w) { return w[0] & w[1]; }};
  const Gadget disjunction{[](Circuit& c, const auto& w) { return word_or(c, w[0], w[1]); }, [](const auto& w) { return w[0] | w[1]; }};
  const Gadget difference{[](Circuit& c, const auto& w) { return word_xor(c, w[0], w[1]); }, [](const auto& w) { return w[0] ^ w[1]; }};
  for (const auto& gadget : {conjunction, disjunction, difference}) {
    check_pairs(gadget, cost);
    check_unequal(gadget);
  }
}

/// Tables shorter than the index can say, longer, and of words of different widths.
TEST(Gadgets, Read) {
  for (const std::size_t length : {0U, 1U, 2U, 3U, 5U, 8U}) {
    const Gadget gadget{[length](Circuit& c, const auto& w) { return read(c, std::span(w).subspan(1, length), w[0]); },
                        [length](const auto& w) { return w[0] < length ? w[1 + w[0]] : 0; }};
    for (const unsigned index : {0U, 1U, 2U, 3U}) {
      std::vector<unsigned> bits{index};
      for (std::size_t t = 0; t < length; ++t) bits.push_back(t % 2 == 0 ? 1 : 2);
      const auto cost = check<float>(gadget, bits);
      EXPECT_LE(cost.depth, 2U);
      EXPECT_LE(cost.units, 3 * length + 2 * length);
    }
    std::vector<unsigned> wide(length + 1, 22);
    EXPECT_EQ(check<float>(gadget, wide).depth, length == 0 ? 0U : 2U);
    std::vector<unsigned> wider(length + 1, 51);
    EXPECT_EQ(check<double>(gadget, wider).depth, length == 0 ? 0U : 2U);
  }
}

TEST(Gadgets, Written) {
  for (const std::size_t length : {0U, 1U, 3U, 4U}) {
    for (std::size_t shown = 0; shown < length; ++shown) {
      const Gadget gadget{[=](Circuit& c, const auto& w) { return written(c, std::span(w).subspan(2, length), w[0], w[1])[shown]; },
                          [=](const auto& w) { return w[0] == shown ? w[1] : w[2 + shown]; }};
      std::vector<unsigned> bits(length + 2, 2);
      bits[0] = 3;
      EXPECT_EQ(check<float>(gadget, bits).depth, 2U);
      std::vector<unsigned> wide(length + 2, 22);
      wide[0] = 3;
      check<float>(gadget, wide);
    }
    Circuit circuit;
    std::vector<BitWord> table(length, word_columns(circuit, 2));
    EXPECT_EQ(written(circuit, table, word_columns(circuit, 3), word_columns(circuit, 2)).size(), length);
  }
}

}  // namespace
}  // namespace bridge
