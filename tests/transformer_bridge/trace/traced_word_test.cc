#include "transformer_bridge/trace/traced_word.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/word.h"

namespace bridge {
namespace {

using mpc::Word;

/// Symbolic words and what stands in their columns.
class Columns {
 public:
  explicit Columns(std::uint64_t seed) : seed_(seed) {}

  /// A word of new columns, and its number.
  std::pair<TracedWord, Word> word(unsigned bits) {
    const auto drawn = mpc::mix(mpc::mix(seed_) + ++draws_);
    return word(bits, drawn % 4 == 0 ? (drawn >> 8) & 1 : drawn >> (64 - bits));
  }
  std::pair<TracedWord, Word> word(unsigned bits, Word number) {
    BitWord columns;
    for (unsigned i = 0; i < bits; ++i) {
      columns.push_back(Tracer::current().circuit().column("bit"));
      values_[columns.back().terms.front().first] = static_cast<double>(number >> i & 1);
    }
    return {TracedWord(std::move(columns)), number};
  }
  std::pair<TracedBit, bool> bit(bool value) { return {TracedBit(word(1, value ? 1 : 0).first.bits()[0]), value}; }

  /// What a word is now. Every bit of it is 0 or 1.
  Word of(const TracedWord& word) const {
    Word number = 0;
    for (std::size_t i = 0; i < word.bits().size(); ++i) number |= static_cast<Word>(of(TracedBit(word.bits()[i])) ? 1 : 0) << i;
    return number;
  }
  bool of(const TracedBit& bit) const {
    const auto value = Tracer::current().circuit().evaluate(bit.bit(), values_);
    if (value != 0 && value != 1) throw std::logic_error("a bit is " + std::to_string(value));
    return value != 0;
  }

 private:
  std::uint64_t seed_, draws_ = 0;
  std::map<Atom, double> values_;
};

/// Calls check(columns, a, x, b, y) for traced words a and b that are x and y, of many widths.
template <class Check>
void for_pairs(Check&& check) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    for (const auto& [bits_a, bits_b] : {std::pair{5U, 5U}, std::pair{1U, 1U}, std::pair{7U, 3U}, std::pair{2U, 9U}, std::pair{20U, 20U}}) {
      Tracer tracer;
      Columns columns(seed * 100 + bits_a);
      const auto [a, x] = columns.word(bits_a);
      const auto [b, y] = columns.word(bits_b);
      check(columns, a, x, b, y);
      const auto [same, z] = columns.word(bits_b, x & ((Word{1} << bits_b) - 1));  // often equal words
      check(columns, a, x, same, z);
    }
  }
}

TEST(TracedWords, Sums) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto& b, Word y) {
    EXPECT_EQ(columns.of(a + b), x + y);
    EXPECT_EQ(columns.of(a + a), x + x);
    EXPECT_EQ(columns.of(a + 13), x + 13);
    EXPECT_EQ(columns.of(Word{1} + a), x + 1);
    EXPECT_EQ(columns.of(a + b + a), x + y + x);
    EXPECT_EQ(columns.of(a + 0), x);
  });
}
TEST(TracedWords, Differences) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto& b, Word y) {
    const auto larger = mpc::max(a, b), smaller = mpc::min(a, b);
    EXPECT_EQ(columns.of(larger - smaller), std::max(x, y) - std::min(x, y));
    if (x >= y) {
      EXPECT_EQ(columns.of(a - b), x - y);
    }
    EXPECT_EQ(columns.of(a + b - b), x);
    EXPECT_EQ(columns.of(a - a), 0U);
    EXPECT_EQ(columns.of(a - 0), x);
    EXPECT_EQ(columns.of((Word{1} << 21) - a), (Word{1} << 21) - x);
  });
}
TEST(TracedWords, BitByBit) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto& b, Word y) {
    EXPECT_EQ(columns.of(a & b), x & y);
    EXPECT_EQ(columns.of(a | b), x | y);
    EXPECT_EQ(columns.of(a ^ b), x ^ y);
    EXPECT_EQ(columns.of(a & 6), x & 6);
    EXPECT_EQ(columns.of(a | 6), x | 6);
    EXPECT_EQ(columns.of(a ^ 6), x ^ 6);
  });
}
TEST(TracedWords, Shifts) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto&, Word) {
    for (const unsigned bits : {0U, 1U, 3U, 8U, 30U}) {
      EXPECT_EQ(columns.of(a << bits), x << bits);
      EXPECT_EQ(columns.of(a >> bits), x >> bits);
    }
  });
}
TEST(TracedWords, Comparisons) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto& b, Word y) {
    EXPECT_EQ(columns.of(a == b), x == y);
    EXPECT_EQ(columns.of(a != b), x != y);
    EXPECT_EQ(columns.of(a < b), x < y);
    EXPECT_EQ(columns.of(a > b), x > y);
    EXPECT_EQ(columns.of(a <= b), x <= y);
    EXPECT_EQ(columns.of(a >= b), x >= y);
    EXPECT_EQ(columns.of(a < 3), x < 3);
    EXPECT_EQ(columns.of(a == Word{0}), x == 0);
    EXPECT_EQ(columns.of(7 <= b), 7 <= y);
    EXPECT_TRUE(columns.of(a == a));
    EXPECT_FALSE(columns.of(a < a));
  });
}
TEST(TracedWords, Conditions) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto& b, Word y) {
    const auto p = a < b, q = a == TracedWord(1);
    EXPECT_EQ(columns.of(!p), !(x < y));
    EXPECT_EQ(columns.of(p && q), x < y && x == 1);
    EXPECT_EQ(columns.of(p || q), x < y || x == 1);
    EXPECT_EQ(columns.of(p && TracedBit(true)), x < y);
    EXPECT_EQ(columns.of(TracedBit(false) || q), x == 1);
    EXPECT_FALSE(columns.of(p && TracedBit(false)));
    const bool known = true;
    EXPECT_EQ(columns.of(p && known), x < y);
    EXPECT_EQ(columns.of(known && q), x == 1);
    EXPECT_TRUE(columns.of(p || known));
    EXPECT_TRUE(columns.of(known || q));
  });
}
TEST(TracedWords, SelectionsAndExtremes) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto& b, Word y) {
    EXPECT_EQ(columns.of(mpc::where(a < b, a + 1, b)), mpc::where(x < y, x + 1, y));
    EXPECT_EQ(columns.of(mpc::where(a < b, Word{3}, Word{12})), mpc::where(x < y, 3, 12));
    EXPECT_EQ(columns.of(mpc::where(true, a, b)), x);
    EXPECT_EQ(columns.of(mpc::where(false, a, b)), y);
    EXPECT_EQ(columns.of(mpc::min(a, b)), std::min(x, y));
    EXPECT_EQ(columns.of(mpc::max(a, b)), std::max(x, y));
    EXPECT_EQ(columns.of(mpc::min(a, Word{4})), std::min<Word>(x, 4));
    EXPECT_EQ(columns.of(mpc::max(Word{4}, a)), std::max<Word>(x, 4));
    EXPECT_EQ(columns.of(mpc::min(a, a)), x);
  });
}
TEST(TracedWords, Read) {
  for_pairs([](auto& columns, const auto& a, Word x, const auto& b, Word y) {
    // Of traced words, and of known ones; beyond the end there is 0.
    const std::vector<TracedWord> table{b, a, TracedWord(5), b + 1};
    const std::vector<Word> numbers{y, x, 5, y + 1};
    const auto index = a & 7;
    EXPECT_EQ(columns.of(mpc::read(table, index)), mpc::read(numbers, x & 7));
    const std::array<Word, 3> known{9, 0, 14};
    EXPECT_EQ(columns.of(mpc::read(known, index)), mpc::read(known, x & 7));
    EXPECT_EQ(columns.of(mpc::read(std::vector<Word>{}, index)), 0U);
    EXPECT_EQ(columns.of(mpc::read(numbers, TracedWord(3))), y + 1);
    EXPECT_EQ(columns.of(mpc::read(numbers, TracedWord(4))), 0U);
  });
}

TEST(TracedWords, AreNumbersWhereTheyAreKnown) {
  Tracer tracer;
  EXPECT_EQ(TracedWord().bits(), BitWord{});
  EXPECT_EQ(TracedWord(5).bits(), (BitWord{1, 0, 1}));
  const Columns columns(1);
  for (Word x = 0; x < 9; ++x) {
    for (Word y = 0; y < 9; ++y) {
      const TracedWord a(x), b(y);
      EXPECT_EQ(columns.of(a + b), x + y);
      if (x >= y) {
        EXPECT_EQ(columns.of(a - b), x - y);
      }
      EXPECT_EQ(columns.of(a ^ b), x ^ y);
      EXPECT_EQ(columns.of(a < b), x < y);
      EXPECT_EQ(columns.of(a == b), x == y);
      EXPECT_EQ(columns.of(mpc::min(a, b)), std::min(x, y));
    }
  }
  EXPECT_EQ(tracer.circuit().size(), 0U);  // no unit, no column
}

TEST(TracedWords, ExistWhileThereIsATracer) {
  EXPECT_THROW(Tracer::current(), std::logic_error);
  {
    const Tracer outer;
    auto& circuit = Tracer::current().circuit();
    {
      const Tracer inner;
      EXPECT_NE(&Tracer::current().circuit(), &circuit);
    }
    EXPECT_EQ(&Tracer::current().circuit(), &circuit);
  }
  EXPECT_THROW(Tracer::current(), std::logic_error);
  TracedWord known(4);
  EXPECT_THROW(known = TracedWord(5), std::logic_error);
  EXPECT_THROW((void)(TracedWord(1) + TracedWord(2)), std::logic_error);
}

// ---- Guards ---------------------------------------------------------------------------------------------------------------------

struct Pair {
  TracedWord first, second;
};

TEST(Guards, WhatWasThereChangesOnlyWhereTheyHold) {
  for (const bool holds : {false, true}) {
    Tracer tracer;
    Columns columns(3);
    auto a = columns.word(4, 9).first;
    const auto b = columns.word(4, 5).first;
    auto flag = columns.bit(true).first;
    Pair pair{a, b};
    std::vector<TracedWord> list{a, b};
    tracer.guard(columns.bit(holds).first.bit());
    a = b + 20;
    a = a + 1;  // reads what was assigned
    pair = {TracedWord(1), TracedWord(2)};
    list[1] = TracedWord(14);
    list = std::vector<TracedWord>{list[1], list[1]};
    flag = b == TracedWord(6);
    tracer.lift_guard();
    EXPECT_EQ(columns.of(a), holds ? 26U : 9U);
    EXPECT_EQ(columns.of(pair.first), holds ? 1U : 9U);
    EXPECT_EQ(columns.of(pair.second), holds ? 2U : 5U);
    EXPECT_EQ(columns.of(flag), !holds);
    a = TracedWord(3);  // lifted
    flag = true;
    EXPECT_EQ(columns.of(a), 3U);
    EXPECT_TRUE(columns.of(flag));
  }
}

TEST(Guards, WhatIsBornInsideIsFree) {
  for (const bool holds : {false, true}) {
    Tracer tracer;
    Columns columns(4);
    const auto a = columns.word(4, 9).first;
    auto out = columns.word(4, 7).first;
    tracer.guard(columns.bit(holds).first.bit());
    auto local = a;
    local = local + 1;
    TracedBit known = false;
    known = true;
    EXPECT_EQ(columns.of(local), 10U);  // whether the guard holds or not
    EXPECT_TRUE(columns.of(known));
    EXPECT_EQ(local.bits(), (a + 1).bits());  // not even a selection
    out = local;
    tracer.lift_guard();
    EXPECT_EQ(columns.of(out), holds ? 10U : 7U);
  }
}

TEST(Guards, Nest) {
  for (const bool outer : {false, true}) {
    for (const bool inner : {false, true}) {
      Tracer tracer;
      Columns columns(5);
      auto a = columns.word(4, 1).first;
      tracer.guard(columns.bit(outer).first.bit());
      auto born_outside = columns.word(4, 2).first;
      EXPECT_EQ(columns.of(TracedBit(tracer.condition())), outer);
      tracer.guard(columns.bit(inner).first.bit());
      EXPECT_EQ(columns.of(TracedBit(tracer.condition())), outer && inner);
      a = TracedWord(10);
      born_outside = TracedWord(11);
      auto born_inside = a;
      born_inside = TracedWord(12);
      EXPECT_EQ(columns.of(born_inside), 12U);
      tracer.lift_guard();
      EXPECT_EQ(columns.of(TracedBit(tracer.condition())), outer);
      EXPECT_EQ(columns.of(a), outer && inner ? 10U : 1U);
      EXPECT_EQ(columns.of(born_outside), outer && inner ? 11U : 2U);
      born_outside = TracedWord(13);  // born inside the guard that is left
      EXPECT_EQ(columns.of(born_outside), 13U);
      tracer.lift_guard();
      EXPECT_TRUE(columns.of(TracedBit(tracer.condition())));
      EXPECT_EQ(columns.of(a), outer && inner ? 10U : 1U);
    }
  }
}

TEST(Guards, OfAKnownConditionCostNothing) {
  Tracer tracer;
  Columns columns(6);
  auto a = columns.word(4, 1).first;
  const auto b = columns.word(4, 2).first;
  tracer.guard(Bit(1));
  a = b;
  tracer.lift_guard();
  EXPECT_EQ(a.bits(), b.bits());
  tracer.guard(Bit(0));
  a = TracedWord(3);
  tracer.lift_guard();
  EXPECT_EQ(a.bits(), b.bits());
}

}  // namespace
}  // namespace bridge
