#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "transformer_bridge/circuit/circuit.h"

/// Operations on bits and on words of bits, lowest first, each with its formula (R = max(0, x)), its depth in ReLU layers and its units.
/// Bits are expressions whose values are 0 or 1; every value inside is an integer. A word shorter than another one is filled up with
/// zeros. What is constant costs nothing.
namespace bridge {

using Bit = Expression;
using BitWord = std::vector<Expression>;

// ---- Bits -----------------------------------------------------------------------------------------------------------------------

inline Bit bit_not(const Bit& a) { return 1 - a; }          ///< 1 - a; depth 0
Bit bit_and(Circuit& circuit, const Bit& a, const Bit& b);  ///< R(a + b - 1); depth 1, 1 unit
Bit bit_or(Circuit& circuit, const Bit& a, const Bit& b);   ///< 1 - R(1 - a - b); depth 1, 1 unit
Bit bit_xor(Circuit& circuit, const Bit& a, const Bit& b);  ///< a + b - 2 R(a + b - 1); depth 1, 1 unit
Bit all_of(Circuit& circuit, std::span<const Bit> bits);    ///< R(sum - (count - 1)); depth 1, 1 unit
/// [e >= t], e an integer: R(e - t + 1) - R(e - t); depth 1, 2 units.
Bit at_least(Circuit& circuit, const Expression& e, double t);
/// [e = 0], e an integer: R(e + 1) - 2 R(e) + R(e - 1); depth 1, 3 units.
Bit is_zero(Circuit& circuit, const Expression& e);
/// The bit that x is within 1/4 of: R(2x - 1/2) - R(2x - 3/2); depth 1, 2 units. For what attention brings.
Bit threshold(Circuit& circuit, const Expression& x);

// ---- Words ----------------------------------------------------------------------------------------------------------------------

BitWord constant_word(std::uint64_t value);
/// sum of 2^i a_i; depth 0.
Expression number(const BitWord& a);
Bit equal(Circuit& circuit, const BitWord& a, const BitWord& b);  ///< [a - b = 0]; depth 1, 3 units
Bit less(Circuit& circuit, const BitWord& a, const BitWord& b);   ///< [b - a >= 1]; depth 1, 2 units
/// c ? a : b: R(a_i + c - 1) + R(b_i - c); depth 1, 2 units a bit.
BitWord select(Circuit& circuit, const Bit& c, const BitWord& a, const BitWord& b);
BitWord smaller(Circuit& circuit, const BitWord& a, const BitWord& b);  ///< select(a < b, a, b); depth 2
BitWord larger(Circuit& circuit, const BitWord& a, const BitWord& b);   ///< select(a < b, b, a); depth 2
/// (a + b) mod 2^bits: carries c_i = [sum of 2^j (a_j + b_j) for j < i >= 2^i]; sum a_i + b_i + c_i - 2 c_{i+1}. Depth 1, 2 units a bit.
BitWord sum(Circuit& circuit, const BitWord& a, const BitWord& b, unsigned bits);
/// (a - b) mod 2^bits: borrows [sum of 2^j (b_j - a_j) for j < i >= 1]. Depth 1, 2 units a bit.
BitWord difference(Circuit& circuit, const BitWord& a, const BitWord& b, unsigned bits);
/// Bit by bit; depth 1.
BitWord word_and(Circuit& circuit, const BitWord& a, const BitWord& b);
BitWord word_or(Circuit& circuit, const BitWord& a, const BitWord& b);
BitWord word_xor(Circuit& circuit, const BitWord& a, const BitWord& b);
/// table[index], and 0 beyond its end: sum over t of R([index = t] + bit - 1). Depth 2.
BitWord read(Circuit& circuit, std::span<const BitWord> table, const BitWord& index);
/// table with table[index] = value; nothing changes beyond its end. Depth 2.
std::vector<BitWord> written(Circuit& circuit, std::span<const BitWord> table, const BitWord& index, const BitWord& value);

}  // namespace bridge
