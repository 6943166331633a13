#pragma once

#include <compare>
#include <cstdint>

namespace mpc {

/// An integer of at most word_bits bits (mpc/model.h). A step that is to be compiled into weights touches words only through
/// arithmetic, comparison and where, min, max and read below, which are there for symbolic words too.
using Word = std::uint64_t;

/// A product of two words.
__extension__ using DoubleWord = unsigned __int128;

/// a if the condition holds, else b.
constexpr Word where(bool condition, Word a, Word b) { return condition ? a : b; }

/// A type that stands for a word that is not known yet, or for a condition on one (transformer_bridge/trace/traced_word.h). It brings its
/// own symbolic_where, symbolic_min, symbolic_max and symbolic_read.
template <class T>
concept Symbolic = requires {
  typename T::SymbolicWord;
};
template <class Condition, class A, class B>
requires(Symbolic<Condition> || Symbolic<A> || Symbolic<B>) auto where(const Condition& condition, const A& a, const B& b) {
  return symbolic_where(condition, a, b);
}

/// min(a, b) and max(a, b): objects, so that they can be handed to what combines words.
struct Smaller {
  constexpr Word operator()(Word a, Word b) const { return b < a ? b : a; }
  template <class A, class B>
  requires(Symbolic<A> || Symbolic<B>) auto operator()(const A& a, const B& b) const { return symbolic_min(a, b); }
};
struct Larger {
  constexpr Word operator()(Word a, Word b) const { return a < b ? b : a; }
  template <class A, class B>
  requires(Symbolic<A> || Symbolic<B>) auto operator()(const A& a, const B& b) const { return symbolic_max(a, b); }
};
inline constexpr Smaller min;
inline constexpr Larger max;

/// table[index], or 0 beyond its end: a table of words, in any container that has size() and [].
template <class Table>
constexpr Word read(const Table& table, Word index) {
  return index < table.size() ? table[index] : 0;
}
template <class Table, Symbolic Index>
auto read(const Table& table, const Index& index) {
  return symbolic_read(table, index);
}

/// A machine of the model, 0..q-1. Never an MPI rank.
struct MachineId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(MachineId, MachineId) = default;
};

/// A number of words.
struct Words {
  std::uint64_t count = 0;
  friend constexpr auto operator<=>(Words, Words) = default;
};

/// A round of a run, counted from 1.
struct Round {
  std::uint64_t number = 0;
  friend constexpr auto operator<=>(Round, Round) = default;
};

/// Packs two ids into one word: half the load of every (vertex, label) message.
class Pairing {
 public:
  constexpr explicit Pairing(unsigned half_bits) : half_bits_(half_bits), mask_((Word{1} << half_bits) - 1) {}
  constexpr Word pack(Word high, Word low) const { return (high << half_bits_) | low; }
  constexpr Word high(Word pair) const { return pair >> half_bits_; }
  constexpr Word low(Word pair) const { return pair & mask_; }

 private:
  unsigned half_bits_;
  Word mask_;
};

}  // namespace mpc
