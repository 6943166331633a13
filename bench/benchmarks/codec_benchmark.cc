// Words from values and back, against memcpy of the same bytes and against Boost's binary archive:
// build/release/benchmarks/codec_benchmark

#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/level.hpp>
#include <boost/serialization/tracking.hpp>
#include <boost/serialization/vector.hpp>
#include <fmt/core.h>

#include "mpc/buffer.h"
#include "mpc/codec.h"
#include "mpc/error.h"
#include "mpc/hash.h"
#include "mpc/ranks.h"

#include "bench/benchmarks/contest.h"

namespace {

using mpc::Word;

/// Two words: its memory is its word sequence.
struct Plain {
  Word a = 0, b = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b;
  }
  friend bool operator==(const Plain&, const Plain&) = default;
};

/// Four words from 24 bytes.
struct General {
  Word a = 0, b = 0;
  std::uint32_t c = 0, d = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b& c& d;
  }
  friend bool operator==(const General&, const General&) = default;
};

/// Ten words: one, a length and eight.
struct Ragged {
  Word a = 0;
  std::vector<Word> values;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& values;
  }
  friend bool operator==(const Ragged&, const Ragged&) = default;
};
constexpr std::size_t ragged_values = 8;

/// The same types again, for an archive that keeps neither class information nor addresses.
struct PlainUntracked : Plain {};
struct GeneralUntracked : General {};
struct RaggedUntracked : Ragged {};

}  // namespace

BOOST_CLASS_IMPLEMENTATION(PlainUntracked, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(PlainUntracked, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(GeneralUntracked, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(GeneralUntracked, boost::serialization::track_never)
BOOST_CLASS_IMPLEMENTATION(RaggedUntracked, boost::serialization::object_serializable)
BOOST_CLASS_TRACKING(RaggedUntracked, boost::serialization::track_never)

namespace {

void fill(Plain& value, Word i) { value = {i, mpc::mix(i)}; }
void fill(General& value, Word i) { value = {i, mpc::mix(i), static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(mpc::mix(i))}; }
void fill(Ragged& value, Word i) { value = {i, std::vector<Word>(ragged_values, mpc::mix(i))}; }

template <class T>
constexpr std::size_t bytes_of = sizeof(T);
template <>
constexpr std::size_t bytes_of<Ragged> = (1 + ragged_values) * sizeof(Word);

/// Memory as a stream, so that Boost's archives write and read without growing or copying a string.
class MemoryBuffer : public std::streambuf {
 public:
  MemoryBuffer(char* begin, std::size_t size) {
    setp(begin, begin + size);
    setg(begin, begin, begin + size);
  }
};

/// Values, their words, and their bytes in Boost's form: each larger than the last cache. memcpy goes, like pack, from ordinary memory to
/// an mpc::Buffer.
template <class T, class Untracked>
struct Setting {
  explicit Setting(std::size_t values) : from(values), to(values), untracked(values), boost_bytes(values * boost_bytes_each + 4096) {
    for (std::size_t i = 0; i < values; ++i) {
      fill(from[i], i);
      fill(untracked[i], i);
      fill(to[i], 0);
    }
    for (const auto& value : from) words_in_all += mpc::words_of(value);
    words.reserve(words_in_all);
    std::memset(words.data(), 0, words_in_all * sizeof(Word));
    source.assign(values * bytes_of<T>, 1);
    const auto target_words = source.size() / sizeof(Word);
    target.reserve(target_words);
    std::memset(target.data(), 2, target_words * sizeof(Word));
  }

  void copy() {
    std::memcpy(target.data(), source.data(), source.size());
    benchmark::ClobberMemory();
  }
  void pack() {
    auto* next = words.data();
    for (const auto& value : from) next = pack_one(value, next);
    benchmark::ClobberMemory();
  }
  void unpack() {
    const auto* next = words.data();
    for (auto& value : to) next = unpack_one(value, next);
    benchmark::ClobberMemory();
  }
  /// What a send tests: no integer of more than word_bits bits.
  void width() {
    Word bits = 0;
    for (const auto& value : from) bits |= mpc::bits_of(value);
    benchmark::DoNotOptimize(bits);
  }
  template <class Values>
  void boost_pack(const Values& values) {
    MemoryBuffer buffer(boost_bytes.data(), boost_bytes.size());
    boost::archive::binary_oarchive archive(buffer, boost::archive::no_header);
    for (const auto& value : values) archive << value;
  }
  template <class Values>
  void boost_unpack(Values& values) {
    MemoryBuffer buffer(boost_bytes.data(), boost_bytes.size());
    boost::archive::binary_iarchive archive(buffer, boost::archive::no_header);
    for (auto& value : values) archive >> value;
  }

  void check() {
    pack();
    unpack();
    if (to != from) throw std::runtime_error("unpacked values differ from what was packed");
  }

  static constexpr std::size_t boost_bytes_each = 4 * bytes_of<T> + 64;
  std::vector<T> from, to;
  std::vector<Untracked> untracked;
  std::vector<char> boost_bytes, source;
  mpc::Buffer words, target;
  std::size_t words_in_all = 0;

 private:
  // As the engine does it: a plain type is copied as bytes.
  static Word* pack_one(const T& value, Word* to_words) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (const auto layout = mpc::layout_of<T>(); layout.plain) {
        std::memcpy(to_words, &value, sizeof(T));
        return to_words + layout.words;
      }
    }
    mpc::WordPacker packer(to_words);
    packer& value;
    return packer.next;
  }
  static const Word* unpack_one(T& value, const Word* from_words) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (const auto layout = mpc::layout_of<T>(); layout.plain) {
        std::memcpy(static_cast<void*>(&value), from_words, sizeof(T));
        return from_words + layout.words;
      }
    }
    mpc::WordUnpacker unpacker(from_words);
    unpacker& value;
    return unpacker.next;
  }
};

template <class T, class Untracked>
std::unique_ptr<Contest> contest(mpc::Ranks& ranks, const std::string& name, std::size_t values) {
  constexpr int repetitions = 15;
  auto contest = std::make_unique<Contest>(ranks, name, static_cast<double>(values), repetitions, [values](Contest& self) {
    const auto setting = std::make_shared<Setting<T, Untracked>>(values);
    setting->check();
    self.add("memcpy", [setting] { setting->copy(); });
    self.add("pack", [setting] { setting->pack(); });
    self.add("unpack", [setting] { setting->unpack(); });
    self.add("width_check", [setting] { setting->width(); });
    // In this order: each reads what the one before it wrote.
    self.add("boost_pack", [setting] { setting->boost_pack(setting->from); });
    self.add("boost_unpack", [setting] { setting->boost_unpack(setting->to); });
    self.add("boost_untracked_pack", [setting] { setting->boost_pack(setting->untracked); });
    self.add("boost_untracked_unpack", [setting] { setting->boost_unpack(setting->untracked); });
  });
  const Contest::Baseline copy{"memcpy", {"memcpy"}};
  contest->row("memcpy");
  for (const auto* row :
       {"pack", "unpack", "width_check", "boost_pack", "boost_unpack", "boost_untracked_pack", "boost_untracked_unpack"}) {
    contest->row(row, {copy});
  }
  contest->register_rows(benchmark::kMillisecond);
  return contest;
}

}  // namespace

int main(int argc, char** argv) {
  mpc::SingleRank ranks;
  try {
    const auto plain = contest<Plain, PlainUntracked>(ranks, "plain_2_words", std::size_t{1} << 23);
    const auto general = contest<General, GeneralUntracked>(ranks, "general_24_bytes", std::size_t{1} << 22);
    const auto ragged = contest<Ragged, RaggedUntracked>(ranks, "ragged_1_and_8_words", std::size_t{1} << 20);
    return run_benchmarks(argc, argv, true);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(mpc::Exit::fault);
  }
}
