#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "transformer_bridge/circuit/gadgets.h"

/// Words and conditions that are not known yet: what a step does to them is written down in a circuit, bit by bit. Operators exist for
/// what a ReLU network computes exactly; anything else does not compile, an `if` above all.
namespace bridge {

/// Where the operations of this thread's symbolic words go, while one is alive.
class Tracer {
 public:
  Tracer();
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// Throws std::logic_error where there is none.
  static Tracer& current();

  Circuit& circuit() { return circuit_; }

  /// Until the guard is lifted, what existed before keeps its value where the condition does not hold: assignments to it are selections.
  void guard(const Bit& condition);
  void lift_guard();
  /// The conjunction of all guards.
  const Bit& condition() const { return guards_.back().condition; }

  /// A number for everything that is made, in order.
  std::uint64_t next_birth() { return ++births_; }
  /// Whether something was there before the innermost guard.
  bool guarded(std::uint64_t birth) const { return birth <= guards_.back().birth; }

 private:
  struct Guard {
    Bit condition;
    std::uint64_t birth;
  };
  Circuit circuit_;
  std::vector<Guard> guards_;
  std::uint64_t births_ = 0;
  Tracer* outer_;
};

class TracedWord;

/// A condition on symbolic words: what comparisons give and `where` takes. It is not a bool.
class TracedBit {
 public:
  using SymbolicWord = TracedWord;

  TracedBit(bool value);  // NOLINT: a bool is a known condition
  explicit TracedBit(Bit bit);
  TracedBit(const TracedBit& other);
  TracedBit& operator=(const TracedBit& other);
  const Bit& bit() const { return bit_; }
  /// A step that is compiled into weights has no branches on words: where(condition, a, b).
  explicit operator bool() const = delete;

  friend TracedBit operator!(const TracedBit& a) { return TracedBit(bit_not(a.bit_)); }
  friend TracedBit operator&&(const TracedBit& a, const TracedBit& b);
  friend TracedBit operator||(const TracedBit& a, const TracedBit& b);
  // With a condition that is known: the built-in operators would do as well, and neither be chosen.
  friend TracedBit operator&&(const TracedBit& a, std::same_as<bool> auto b) { return a && TracedBit(b); }
  friend TracedBit operator&&(std::same_as<bool> auto a, const TracedBit& b) { return TracedBit(a) && b; }
  friend TracedBit operator||(const TracedBit& a, std::same_as<bool> auto b) { return a || TracedBit(b); }
  friend TracedBit operator||(std::same_as<bool> auto a, const TracedBit& b) { return TracedBit(a) || b; }

 private:
  Bit bit_;
  std::uint64_t birth_;
};

/// A symbolic word: bits, lowest first. A sum has one bit more than its terms; a difference must not go below zero. What memory and
/// messages take of it is word_bits bits.
class TracedWord {
 public:
  using SymbolicWord = TracedWord;

  TracedWord() : TracedWord(std::uint64_t{0}) {}
  template <std::integral Integer>
  TracedWord(Integer value) : TracedWord(constant_word(static_cast<std::uint64_t>(value))) {}  // NOLINT: a number is a known word
  explicit TracedWord(BitWord bits);
  TracedWord(const TracedWord& other);
  TracedWord& operator=(const TracedWord& other);

  const BitWord& bits() const { return bits_; }
  std::uint64_t birth() const { return birth_; }
  /// The same word, written otherwise: of the tracer alone, whatever guard there is.
  void replace(BitWord bits) { bits_ = std::move(bits); }

  friend TracedWord operator+(const TracedWord& a, const TracedWord& b);
  friend TracedWord operator-(const TracedWord& a, const TracedWord& b);
  friend TracedWord operator&(const TracedWord& a, const TracedWord& b);
  friend TracedWord operator|(const TracedWord& a, const TracedWord& b);
  friend TracedWord operator^(const TracedWord& a, const TracedWord& b);
  friend TracedWord operator<<(const TracedWord& a, unsigned bits);
  friend TracedWord operator>>(const TracedWord& a, unsigned bits);
  friend TracedBit operator==(const TracedWord& a, const TracedWord& b);
  friend TracedBit operator!=(const TracedWord& a, const TracedWord& b) { return !(a == b); }
  friend TracedBit operator<(const TracedWord& a, const TracedWord& b);
  friend TracedBit operator>(const TracedWord& a, const TracedWord& b) { return b < a; }
  friend TracedBit operator<=(const TracedWord& a, const TracedWord& b) { return !(b < a); }
  friend TracedBit operator>=(const TracedWord& a, const TracedWord& b) { return !(a < b); }

 private:
  BitWord bits_;
  std::uint64_t birth_;
};

/// What mpc::where, min, max and read do with them (mpc/word.h).
TracedWord symbolic_where(const TracedBit& condition, const TracedWord& a, const TracedWord& b);
TracedWord symbolic_min(const TracedWord& a, const TracedWord& b);
TracedWord symbolic_max(const TracedWord& a, const TracedWord& b);
TracedWord read_table(const std::vector<BitWord>& table, const TracedWord& index);
template <class Table>
TracedWord symbolic_read(const Table& table, const TracedWord& index) {
  std::vector<BitWord> words;
  for (std::size_t i = 0; i < table.size(); ++i) words.push_back(TracedWord(table[i]).bits());
  return read_table(words, index);
}

}  // namespace bridge
