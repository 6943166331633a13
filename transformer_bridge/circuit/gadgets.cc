#include "transformer_bridge/circuit/gadgets.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bridge {
namespace {

Bit bit_of(const BitWord& word, std::size_t i) { return i < word.size() ? word[i] : Bit(0); }

/// combine(a_i, b_i) for every bit that one of them has.
template <class Combine>
BitWord by_bit(const BitWord& a, const BitWord& b, Combine&& combine) {
  BitWord result;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) result.push_back(combine(bit_of(a, i), bit_of(b, i)));
  return result;
}

/// sum of 2^j (factor_a a_j + factor_b b_j) for j < bits.
Expression low_part(const BitWord& a, double factor_a, const BitWord& b, double factor_b, std::size_t bits) {
  Expression part;
  for (std::size_t j = 0; j < bits; ++j) part += std::ldexp(1, static_cast<int>(j)) * (factor_a * bit_of(a, j) + factor_b * bit_of(b, j));
  return part;
}

}  // namespace

Bit bit_and(Circuit& circuit, const Bit& a, const Bit& b) {
  if (a == b || b == Bit(1)) return a;
  if (a == Bit(1)) return b;
  return circuit.relu(a + b - 1);
}
Bit bit_or(Circuit& circuit, const Bit& a, const Bit& b) { return bit_not(bit_and(circuit, bit_not(a), bit_not(b))); }
Bit bit_xor(Circuit& circuit, const Bit& a, const Bit& b) { return a + b - 2 * bit_and(circuit, a, b); }

Bit all_of(Circuit& circuit, std::span<const Bit> bits) {
  Expression missing;
  for (const auto& bit : bits) missing += 1 - bit;
  return circuit.relu(1 - missing);
}

Bit at_least(Circuit& circuit, const Expression& e, double t) {
  const auto [low, high] = circuit.range(e);
  if (low >= t) return 1;
  if (high < t) return 0;
  return circuit.relu(e - t + 1) - circuit.relu(e - t);
}

Bit is_zero(Circuit& circuit, const Expression& e) {
  const auto [low, high] = circuit.range(e);
  if (low > 0 || high < 0) return 0;
  return circuit.relu(e + 1) - 2 * circuit.relu(e) + circuit.relu(e - 1);
}

Bit threshold(Circuit& circuit, const Expression& x) { return circuit.relu(2 * x - 0.5) - circuit.relu(2 * x - 1.5); }

BitWord constant_word(std::uint64_t value) {
  BitWord word;
  for (; value != 0; value >>= 1) word.push_back(static_cast<double>(value & 1));
  return word;
}

Expression number(const BitWord& a) { return low_part(a, 1, {}, 0, a.size()); }

Bit equal(Circuit& circuit, const BitWord& a, const BitWord& b) { return is_zero(circuit, number(a) - number(b)); }
Bit less(Circuit& circuit, const BitWord& a, const BitWord& b) { return at_least(circuit, number(b) - number(a), 1); }

BitWord select(Circuit& circuit, const Bit& c, const BitWord& a, const BitWord& b) {
  return by_bit(a, b, [&](const Bit& x, const Bit& y) {
    if (x == y || c == Bit(1)) return x;
    return c == Bit(0) ? y : circuit.relu(x + c - 1) + circuit.relu(y - c);
  });
}

BitWord smaller(Circuit& circuit, const BitWord& a, const BitWord& b) { return select(circuit, less(circuit, a, b), a, b); }
BitWord larger(Circuit& circuit, const BitWord& a, const BitWord& b) { return select(circuit, less(circuit, a, b), b, a); }

BitWord sum(Circuit& circuit, const BitWord& a, const BitWord& b, unsigned bits) {
  BitWord result;
  const auto carry = [&](std::size_t i) { return at_least(circuit, low_part(a, 1, b, 1, i), std::ldexp(1, static_cast<int>(i))); };
  for (std::size_t i = 0; i < bits; ++i) result.push_back(bit_of(a, i) + bit_of(b, i) + (i == 0 ? Bit(0) : carry(i)) - 2 * carry(i + 1));
  return result;
}

BitWord difference(Circuit& circuit, const BitWord& a, const BitWord& b, unsigned bits) {
  BitWord result;
  const auto borrow = [&](std::size_t i) { return at_least(circuit, low_part(b, 1, a, -1, i), 1); };
  for (std::size_t i = 0; i < bits; ++i) result.push_back(bit_of(a, i) - bit_of(b, i) - (i == 0 ? Bit(0) : borrow(i)) + 2 * borrow(i + 1));
  return result;
}

BitWord word_and(Circuit& circuit, const BitWord& a, const BitWord& b) {
  return by_bit(a, b, [&](const Bit& x, const Bit& y) { return bit_and(circuit, x, y); });
}
BitWord word_or(Circuit& circuit, const BitWord& a, const BitWord& b) {
  return by_bit(a, b, [&](const Bit& x, const Bit& y) { return bit_or(circuit, x, y); });
}
BitWord word_xor(Circuit& circuit, const BitWord& a, const BitWord& b) {
  return by_bit(a, b, [&](const Bit& x, const Bit& y) { return bit_xor(circuit, x, y); });
}

BitWord read(Circuit& circuit, std::span<const BitWord> table, const BitWord& index) {
  BitWord result;
  for (std::size_t t = 0; t < table.size(); ++t) {
    const auto here = equal(circuit, index, constant_word(t));
    for (std::size_t i = 0; i < table[t].size(); ++i) {
      if (i == result.size()) result.emplace_back();
      result[i] += bit_and(circuit, here, table[t][i]);
    }
  }
  return result;
}

std::vector<BitWord> written(Circuit& circuit, std::span<const BitWord> table, const BitWord& index, const BitWord& value) {
  std::vector<BitWord> result;
  for (std::size_t t = 0; t < table.size(); ++t) {
    result.push_back(select(circuit, equal(circuit, index, constant_word(t)), value, table[t]));
  }
  return result;
}

}  // namespace bridge
