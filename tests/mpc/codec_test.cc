#include "mpc/codec.h"

#include <cmath>
#include <limits>
#include <list>
#include <map>
#include <set>
#include <sstream>

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/array.hpp>
#include <boost/serialization/list.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/set.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>
#include <gtest/gtest.h>

namespace tests {
namespace {

using mpc::Word;

enum class Colour : std::uint8_t { red = 1, green = 7 };

/// Its memory is its word sequence.
struct Point {
  Word x = 0, y = 0;
  template <class A>
  void serialize(A& a, unsigned) {
    a& x& y;
  }
  friend auto operator<=>(const Point&, const Point&) = default;
};

struct Backwards {  // words in another order than in memory
  Word x = 0, y = 0;
  template <class A>
  void serialize(A& a, unsigned) {
    a& y& x;
  }
  friend bool operator==(const Backwards&, const Backwards&) = default;
};

struct Partly {  // one member is none of the message's business
  Word x = 0, scratch = 0;
  template <class A>
  void serialize(A& a, unsigned) {
    a& x;
  }
  friend bool operator==(const Partly& a, const Partly& b) { return a.x == b.x; }
};

struct Twice {
  Word x = 0, y = 0;
  template <class A>
  void serialize(A& a, unsigned) {
    a& x& x;
  }
};

struct Narrow {  // a word a member, but half a word in memory
  std::uint32_t x = 0, y = 0;
  template <class A>
  void serialize(A& a, unsigned) {
    a& x& y;
  }
  friend bool operator==(const Narrow&, const Narrow&) = default;
};

struct alignas(16) Aligned {
  Word x = 0, y = 0;
  template <class A>
  void serialize(A& a, unsigned) {
    a& x& y;
  }
  friend bool operator==(const Aligned&, const Aligned&) = default;
};

struct Large {  // too large for the layout to be a constant
  std::array<Word, 20> words{};
  double real = 0;
  template <class A>
  void serialize(A& a, unsigned) {
    a& words& real;
  }
  friend bool operator==(const Large&, const Large&) = default;
};

class Hidden {  // through boost::serialization::access
 public:
  Hidden() = default;
  explicit Hidden(Word word) : word_(word) {}
  friend bool operator==(const Hidden&, const Hidden&) = default;

 private:
  friend class boost::serialization::access;
  template <class A>
  void serialize(A& a, unsigned) {
    a& word_;
  }
  Word word_ = 0;
};

struct Outside {  // through a free function
  Word word = 0;
  friend bool operator==(const Outside&, const Outside&) = default;
};
template <class A>
void serialize(A& a, Outside& outside, unsigned) {
  a& outside.word;
}

struct Everything {
  std::vector<Point> points;
  std::vector<Narrow> narrow;
  std::vector<std::vector<Word>> nested;
  std::vector<bool> bits;
  std::string name;
  std::pair<Word, std::string> pair;
  std::array<Point, 2> array{};
  Word c_array[3] = {};
  std::map<Word, std::vector<Word>> map;
  std::set<std::string> set;
  std::list<Word> list;
  bool flag = false;
  std::int64_t negative = 0;
  float single = 0;
  double real = 0;
  Colour colour = Colour::red;
  Hidden hidden;
  Outside outside;
  template <class A>
  void serialize(A& a, unsigned) {
    a& points& narrow& nested& bits& name& pair& array& c_array& map& set& list& flag& negative& single& real& colour& hidden& outside;
  }
  friend bool operator==(const Everything&, const Everything&) = default;
};

Everything everything() {
  Everything all;
  all.points = {{1, 2}, {3, 4}, {5, 6}};
  all.narrow = {{7, 8}};
  all.nested = {{}, {9}, {10, 11}};
  all.bits = {true, false, true, true};
  all.name = "name";
  all.pair = {12, "x"};
  all.array = {Point{13, 14}, Point{15, 16}};
  all.c_array[0] = 17;
  all.c_array[2] = 18;
  all.map = {{19, {20, 21}}, {22, {}}};
  all.set = {"b", "aa"};
  all.list = {23, 24};
  all.flag = true;
  all.negative = -25;
  all.single = 0.1F;
  all.real = -0.0;
  all.colour = Colour::green;
  all.hidden = Hidden(26);
  all.outside = {27};
  return all;
}

template <class T>
std::vector<Word> packed(const T& value) {
  constexpr Word guard = 0xfeedfacecafebeefU;
  std::vector<Word> words(mpc::words_of(value) + 1, guard);
  mpc::WordPacker packer(words.data());
  packer& value;
  EXPECT_EQ(packer.next, words.data() + words.size() - 1);
  EXPECT_EQ(words.back(), guard);
  words.pop_back();
  return words;
}

/// Packs and unpacks; returns the words.
template <class T>
std::vector<Word> round_trip(const T& value) {
  const auto words = packed(value);
  T back{};
  mpc::WordUnpacker unpacker(words.data());
  unpacker& back;
  EXPECT_EQ(unpacker.next, words.data() + words.size());
  EXPECT_EQ(back, value);
  return words;
}

using List = std::vector<Word>;

TEST(Codec, EveryLeafIsOneWord) {
  EXPECT_EQ(round_trip(Word{5}), (List{5}));
  EXPECT_EQ(round_trip(std::uint8_t{200}), (List{200}));
  EXPECT_EQ(round_trip('x'), (List{'x'}));
  EXPECT_EQ(round_trip(true), (List{1}));
  EXPECT_EQ(round_trip(std::int32_t{-1}), (List{~Word{0}}));
  EXPECT_EQ(round_trip(std::numeric_limits<std::int64_t>::min()), (List{Word{1} << 63}));
  EXPECT_EQ(round_trip(Colour::green), (List{7}));
  EXPECT_EQ(round_trip(1.0), (List{0x3ff0000000000000U}));
  EXPECT_EQ(round_trip(1.0F), (List{0x3ff0000000000000U}));
  EXPECT_EQ(packed(std::numeric_limits<double>::quiet_NaN()).size(), 1U);
  const auto infinity = round_trip(std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isinf(mpc::unpacked<float>(infinity.data())));
}

TEST(Codec, StructsAndContainers) {
  EXPECT_EQ(round_trip(Point{3, 4}), (List{3, 4}));
  EXPECT_EQ(round_trip(Backwards{3, 4}), (List{4, 3}));
  EXPECT_EQ(round_trip(Partly{3, 4}), (List{3}));
  EXPECT_EQ(round_trip(Narrow{3, 4}), (List{3, 4}));
  EXPECT_EQ(round_trip(Aligned{3, 4}), (List{3, 4}));
  EXPECT_EQ(round_trip(Hidden(3)), (List{3}));
  EXPECT_EQ(round_trip(Outside{3}), (List{3}));
  EXPECT_EQ(round_trip(List{}), (List{0}));
  EXPECT_EQ(round_trip(List{8, 9}), (List{2, 8, 9}));
  EXPECT_EQ(round_trip(std::vector<Narrow>{{1, 2}, {3, 4}}), (List{2, 1, 2, 3, 4}));
  EXPECT_EQ(round_trip(std::vector<Point>{{1, 2}, {3, 4}}), (List{2, 1, 2, 3, 4}));
  EXPECT_EQ(round_trip(std::vector<Backwards>{{1, 2}, {3, 4}}), (List{2, 2, 1, 4, 3}));
  EXPECT_EQ(round_trip(std::vector<List>{{5}, {}, {6, 7}}), (List{3, 1, 5, 0, 2, 6, 7}));
  EXPECT_EQ(round_trip(std::vector<bool>{true, false, true}), (List{3, 1, 0, 1}));
  EXPECT_EQ(round_trip(std::string("ab")), (List{2, 'a', 'b'}));
  EXPECT_EQ(round_trip(std::optional<Word>{}), (List{0}));
  EXPECT_EQ(round_trip(std::optional<Word>{6}), (List{1, 6}));
  EXPECT_EQ(round_trip(std::optional<List>{List{6}}), (List{1, 1, 6}));
  EXPECT_EQ(round_trip(std::pair<Word, bool>{6, true}), (List{6, 1}));
  EXPECT_EQ(round_trip(std::array<Word, 3>{1, 2, 3}), (List{1, 2, 3}));
  EXPECT_EQ(round_trip(std::array<Narrow, 2>{{{1, 2}, {3, 4}}}), (List{1, 2, 3, 4}));
  Large large;
  large.words[19] = 4;
  large.real = 1;
  EXPECT_EQ(round_trip(large).size(), 21U);
}

TEST(Codec, UnpackingReplacesWhatWasThere) {
  const auto words = packed(std::optional<List>{});
  std::optional<List> full = List{1, 2};
  mpc::WordUnpacker(words.data()) & full;
  EXPECT_FALSE(full.has_value());
  const auto two = packed(List{1, 2});
  List five(5);
  mpc::WordUnpacker(two.data()) & five;
  EXPECT_EQ(five, (List{1, 2}));
}

TEST(Codec, ContainersThroughBoostsOwnHeaders) {
  const std::map<Word, Word> map{{1, 2}, {3, 4}};
  const auto words = round_trip(map);
  EXPECT_EQ(words, (List{2, 1, 2, 3, 4}));
  EXPECT_EQ(round_trip(std::set<Word>{7, 5}), (List{2, 5, 7}));
  EXPECT_EQ(round_trip(std::list<Word>{7, 5}), (List{2, 7, 5}));
  EXPECT_EQ(round_trip(std::map<Word, List>{{1, {2, 3}}, {4, {}}}), (List{2, 1, 2, 2, 3, 4, 0}));
}

TEST(Codec, AllAtOnce) {
  const auto words = round_trip(everything());
  // By hand: 1 + 6, 1 + 2, 1 + 1 + 2 + 3, 1 + 4, 1 + 4, 1 + 2, 4, 3, 1 + (1 + 3) + (1 + 1), 1 + 2 + 3, 1 + 2, and 7 single ones.
  EXPECT_EQ(words.size(), 7U + 3 + 7 + 5 + 5 + 3 + 4 + 3 + 7 + 6 + 3 + 7);
}

TEST(Codec, BoostsArchivesTakeTheSameTypes) {
  const auto all = everything();
  std::stringstream stream;
  {
    boost::archive::binary_oarchive out(stream);
    out << all;
  }
  Everything back;
  {
    boost::archive::binary_iarchive in(stream);
    in >> back;
  }
  EXPECT_EQ(back, all);
}

template <class T>
std::size_t plain_words() {
  const auto layout = mpc::layout_of<T>();
  return layout.plain ? layout.words : 0;
}

TEST(Layout, PlainTypes) {
  EXPECT_EQ(plain_words<Word>(), 1U);
  EXPECT_EQ(plain_words<std::int64_t>(), 1U);
  EXPECT_EQ(plain_words<double>(), 1U);
  EXPECT_EQ(plain_words<Point>(), 2U);
  EXPECT_EQ((plain_words<std::array<Point, 3>>()), 6U);
  EXPECT_EQ(plain_words<Large>(), 21U);
  EXPECT_EQ(plain_words<Hidden>(), 1U);
  EXPECT_EQ(plain_words<Outside>(), 1U);
}

TEST(Layout, TypesThatAreNot) {
  EXPECT_EQ(plain_words<std::uint32_t>(), 0U);
  EXPECT_EQ(plain_words<bool>(), 0U);
  EXPECT_EQ(plain_words<float>(), 0U);
  EXPECT_EQ(plain_words<Colour>(), 0U);
  EXPECT_EQ(plain_words<Narrow>(), 0U);
  EXPECT_EQ(plain_words<Backwards>(), 0U);
  EXPECT_EQ(plain_words<Partly>(), 0U);
  EXPECT_EQ(plain_words<Twice>(), 0U);
  EXPECT_EQ((plain_words<std::pair<Word, Word>>()), 0U);
  EXPECT_EQ(plain_words<std::optional<Word>>(), 0U);
  EXPECT_EQ(plain_words<List>(), 0U);
  EXPECT_EQ(plain_words<std::string>(), 0U);
  EXPECT_EQ(plain_words<Everything>(), 0U);
}

/// Messages lie at addresses that are multiples of a word, and no more.
TEST(Layout, StricterAlignmentThanAWordIsNotPlain) { EXPECT_EQ(plain_words<Aligned>(), 0U); }

TEST(Width, IsTheOrOfAllIntegers) {
  EXPECT_EQ(mpc::bits_of(Word{6}), 6U);
  EXPECT_EQ(mpc::bits_of(Point{5, 8}), 13U);
  EXPECT_EQ(mpc::bits_of(Backwards{5, 8}), 13U);
  EXPECT_EQ(mpc::bits_of(std::vector<Point>{{0, 16}, {32, 0}}), 2U | 16U | 32U);
  EXPECT_EQ(mpc::bits_of(std::int32_t{-1}), ~Word{0});
  EXPECT_EQ(mpc::bits_of(std::array<Narrow, 2>{{{1, 0}, {0, 64}}}), 65U);
  EXPECT_EQ(mpc::bits_of(std::vector<bool>(4)), 4U);  // a length is a value too
  EXPECT_EQ(mpc::bits_of(std::map<Word, Word>{{4, 8}}), 13U);
  Large large;
  large.words[19] = Word{1} << 63;
  EXPECT_EQ(mpc::bits_of(large), Word{1} << 63);
}

TEST(Width, FloatingPointIsExempt) {
  EXPECT_EQ(mpc::bits_of(-1.5), 0U);
  EXPECT_EQ(mpc::bits_of(1.5F), 0U);
  EXPECT_EQ(mpc::bits_of(std::vector<double>{-1, -2}), 2U);
  Large large;
  large.real = -1;
  EXPECT_EQ(mpc::bits_of(large), 0U);
}

}  // namespace
}  // namespace tests
