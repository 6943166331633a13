#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/mpl/bool.hpp>
#include <boost/serialization/access.hpp>
#include <boost/serialization/array_wrapper.hpp>
#include <boost/serialization/collection_size_type.hpp>
#include <boost/serialization/item_version_type.hpp>
#include <boost/serialization/library_version_type.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/serialization.hpp>

#include "mpc/word.h"

/// Words from values, by one serialize() per type, as Boost.Serialization spells it (a member, a free function, or
/// boost::serialization::access). The archives here are plain classes that satisfy that syntax, so they inline to loads and stores;
/// Boost's own archives accept the same types.
///
/// An integer, an enumeration and a bool are one word each; a floating-point value is one word; a vector, a string and an optional
/// are their length in one word and their elements.
namespace mpc {

class LayoutProbe;

/// How a type looks in words.
struct Layout {
  bool plain = false;     ///< always `words` words, and its memory is that word sequence: it can be copied as bytes
  std::size_t words = 0;  ///< meaningful for plain types
};

template <class T>
Layout layout_of();

namespace codec {

template <class Archive, class T>
void visit(Archive& archive, T& value);

template <class T>
inline constexpr bool is_leaf = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <class T>
struct ElementOf {};
template <class E>
struct ElementOf<std::vector<E>> {
  using type = E;
};

/// What all word archives share: the syntax that serialize() functions expect.
template <class Self, bool saving>
class Archive {
 public:
  using is_saving = boost::mpl::bool_<saving>;
  using is_loading = boost::mpl::bool_<!saving>;

  template <class T>
  Self& operator&(const T& value) {
    visit(self(), const_cast<T&>(value));
    return self();
  }
  template <class T>
  Self& operator<<(const T& value) requires saving {
    return self() & value;
  }
  template <class T>
  Self& operator>>(T&& value) requires(!saving) {
    return self() & value;
  }

  boost::serialization::library_version_type get_library_version() const { return boost::serialization::library_version_type(19); }
  template <class T>
  void register_type(const T* = nullptr) {}
  void reset_object_address(const void*, const void*) {}

 private:
  Self& self() { return static_cast<Self&>(*this); }
};

template <class T>
Word to_word(const T& value) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<Word>(static_cast<double>(value));
  } else {
    return static_cast<Word>(value);
  }
}

template <class T>
T from_word(Word word) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(std::bit_cast<double>(word));
  } else {
    return static_cast<T>(word);
  }
}

}  // namespace codec

/// Counts the words of a value.
class WordCounter : public codec::Archive<WordCounter, true> {
 public:
  template <class T>
  void leaf(T&) {
    ++words;
  }
  template <class E>
  void plain_run(const E*, std::size_t count, std::size_t words_each) {
    words += count * words_each;
  }
  std::size_t words = 0;
};

/// ORs the integers of a value together: a bit above word_bits in any of them shows in one test. Floating-point values are exempt.
class WidthProbe : public codec::Archive<WidthProbe, true> {
 public:
  template <class T>
  void leaf(T& value) {
    if constexpr (!std::is_floating_point_v<T>) bits |= codec::to_word(value);
  }
  Word bits = 0;
};

/// Writes the words of a value; the caller has made room for as many as WordCounter says.
class WordPacker : public codec::Archive<WordPacker, true> {
 public:
  explicit WordPacker(Word* to) : next(to) {}
  template <class T>
  void leaf(T& value) {
    *next++ = codec::to_word(value);
  }
  template <class E>
  void plain_run(const E* from, std::size_t count, std::size_t words_each) {
    if (count == 0) return;
    std::memcpy(next, from, count * words_each * sizeof(Word));
    next += count * words_each;
  }
  Word* next;
};

/// Reads what WordPacker wrote.
class WordUnpacker : public codec::Archive<WordUnpacker, false> {
 public:
  explicit WordUnpacker(const Word* from) : next(from) {}
  template <class T>
  void leaf(T& value) {
    value = codec::from_word<T>(*next++);
  }
  template <class E>
  void plain_run(E* to, std::size_t count, std::size_t words_each) {
    if (count == 0) return;
    std::memcpy(static_cast<void*>(to), next, count * words_each * sizeof(Word));
    next += count * words_each;
  }
  const Word* next;
};

/// The same for words that may be of another type's value: throws std::length_error where WordUnpacker would read past their end.
class CheckedUnpacker : public codec::Archive<CheckedUnpacker, false> {
 public:
  explicit CheckedUnpacker(std::span<const Word> from) : rest(from) {}
  template <class T>
  void leaf(T& value) {
    value = codec::from_word<T>(*take(1));
  }
  template <class E>
  void plain_run(E* to, std::size_t count, std::size_t words_each) {
    if (count == 0) return;
    const auto words = count * words_each;
    std::memcpy(static_cast<void*>(to), take(words), words * sizeof(Word));
  }
  /// So many elements of a sequence are said to follow, each of a word or more.
  void expect(Word elements) const {
    if (elements > rest.size()) throw std::length_error("a value has more words than there are");
  }
  std::span<const Word> rest;  ///< what was not read

 private:
  const Word* take(std::size_t words) {
    expect(words);
    const auto* from = rest.data();
    rest = rest.subspan(words);
    return from;
  }
};

/// Finds out whether a type's memory is its word sequence, from the addresses that serialize() visits.
class LayoutProbe : public codec::Archive<LayoutProbe, true> {
 public:
  explicit LayoutProbe(const void* object) : next_(static_cast<const std::byte*>(object)) {}
  template <class T>
  void leaf(T& value) {
    const auto* at = reinterpret_cast<const std::byte*>(&value);
    plain = plain && sizeof(T) == sizeof(Word) && at == next_;
    next_ = at + sizeof(T);
    ++words;
  }
  void ragged() { plain = false; }
  bool plain = true;
  std::size_t words = 0;

 private:
  const std::byte* next_;
};

namespace codec {

template <class Archive, class Sequence>
void visit_elements(Archive& archive, Sequence& sequence) {
  using E = typename Sequence::value_type;
  if constexpr (requires { archive.plain_run(sequence.data(), std::size_t{}, std::size_t{}); } && !std::is_same_v<E, bool>) {
    if (const auto layout = layout_of<E>(); layout.plain) return archive.plain_run(sequence.data(), sequence.size(), layout.words);
  }
  if constexpr (std::is_same_v<Sequence, std::vector<bool>>) {
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      bool bit = sequence[i];
      visit(archive, bit);
      sequence[i] = bit;
    }
  } else {
    for (auto& element : sequence) visit(archive, element);
  }
}

template <class Archive, class Sequence>
void visit_sequence(Archive& archive, Sequence& sequence) {
  Word size = sequence.size();
  archive.leaf(size);
  if constexpr (requires { archive.expect(size); } && !std::is_empty_v<typename Sequence::value_type>) archive.expect(size);
  if constexpr (Archive::is_loading::value) sequence.resize(static_cast<std::size_t>(size));
  visit_elements(archive, sequence);
}

template <class Archive, class T>
void visit_optional(Archive& archive, std::optional<T>& optional) {
  Word present = optional.has_value() ? 1 : 0;
  archive.leaf(present);
  if constexpr (Archive::is_loading::value) {
    optional.reset();
    if (present != 0) optional.emplace();
  }
  if (optional) visit(archive, *optional);
}

template <class T>
inline constexpr bool is_vector = false;
template <class E>
inline constexpr bool is_vector<std::vector<E>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class E>
inline constexpr bool is_optional<std::optional<E>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class E, std::size_t n>
inline constexpr bool is_array<std::array<E, n>> = true;
template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_wrapped = false;
template <class E>
inline constexpr bool is_wrapped<boost::serialization::nvp<E>> = true;
template <class T>
inline constexpr bool is_run = false;
template <class E>
inline constexpr bool is_run<boost::serialization::array_wrapper<E>> = true;

template <class Archive, class T>
void visit(Archive& archive, T& value) {
  if constexpr (std::is_const_v<T>) {  // what Boost's own container headers hand over when saving
    visit(archive, const_cast<std::remove_const_t<T>&>(value));
  } else if constexpr (is_leaf<T>) {
    archive.leaf(value);
  } else if constexpr (std::is_same_v<T, boost::serialization::collection_size_type>) {
    Word size = std::as_const(value);
    archive.leaf(size);
    value = boost::serialization::collection_size_type(static_cast<std::size_t>(size));
  } else if constexpr (std::is_same_v<T, boost::serialization::item_version_type>) {
    // a version is no part of a message
  } else if constexpr (is_wrapped<T>) {
    visit(archive, value.value());
  } else if constexpr (is_run<T>) {
    for (std::size_t i = 0; i < value.count(); ++i) visit(archive, value.address()[i]);
  } else if constexpr (is_pair<T>) {
    visit(archive, const_cast<std::remove_const_t<typename T::first_type>&>(value.first));
    visit(archive, value.second);
  } else if constexpr (is_array<T>) {
    if constexpr (std::is_same_v<Archive, LayoutProbe>) {
      for (auto& element : value) visit(archive, element);
    } else {
      visit_elements(archive, value);
    }
  } else if constexpr (is_vector<T> || std::is_same_v<T, std::string> || is_optional<T>) {
    if constexpr (std::is_same_v<Archive, LayoutProbe>) {
      archive.ragged();
    } else if constexpr (is_optional<T>) {
      visit_optional(archive, value);
    } else {
      visit_sequence(archive, value);
    }
  } else if constexpr (std::is_array_v<T>) {
    for (auto& element : value) visit(archive, element);
  } else {
    boost::serialization::serialize_adl(archive, value, 0U);
  }
}

}  // namespace codec

namespace codec {

template <class T>
Layout probed_layout() {
  const T value{};
  LayoutProbe probe(&value);
  probe& value;
  return {probe.plain && probe.words * sizeof(Word) == sizeof(T), probe.words};
}

}  // namespace codec

template <class T>
Layout layout_of() {
  if constexpr (codec::is_leaf<T>) {
    return {sizeof(T) == sizeof(Word), 1};
  } else if constexpr (!std::is_trivially_copyable_v<T> || sizeof(T) % sizeof(Word) != 0 || alignof(T) > alignof(Word)) {
    return {};
  } else if constexpr (sizeof(T) <= 8 * sizeof(Word)) {
    return codec::probed_layout<T>();  // folds to a constant
  } else {
    static const Layout layout = codec::probed_layout<T>();
    return layout;
  }
}

/// Words that this value takes in a message and in kept memory.
template <class T>
std::size_t words_of(const T& value) {
  WordCounter counter;
  counter& value;
  return counter.words;
}

/// The OR of all integers in the value.
template <class T>
Word bits_of(const T& value) {
  WidthProbe probe;
  probe& value;
  return probe.bits;
}

template <class T>
T unpacked(const Word* words) {
  T value{};
  WordUnpacker(words) & value;
  return value;
}

}  // namespace mpc
