#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "mpc/hash.h"
#include "mpc/word.h"

namespace mpc {

/// A checksum of words, fed in pieces: the ledger's mix, chained. Every step is a bijection both of the state and of the word, so a change
/// within one word (a flipped bit, a flipped byte) never goes unseen; any other goes unseen with probability 2^-64, against 2^-32 for a
/// CRC-32. It is no defence against somebody who wants to deceive.
class Checksum {
 public:
  void add(std::span<const Word> words) {
    for (const auto word : words) add(word);
    count_ += words.size();
  }
  Word value() const { return mix(std::rotl(state_, 23) ^ count_); }

 private:
  void add(Word word) { state_ = mix(std::rotl(state_, 23) ^ word); }
  Word state_ = 0, count_ = 0;
};

/// Of a text: its bytes in words, and its length.
Word checksum_of(std::string_view text);

/// What a file is known by.
struct Seal {
  std::uint64_t words = 0;
  Word checksum = 0;
  friend bool operator==(const Seal&, const Seal&) = default;
};

/// A file of words to write. Every failure is a Fault with the path and the reason.
class WordFileWriter {
 public:
  explicit WordFileWriter(std::filesystem::path path);
  ~WordFileWriter();
  WordFileWriter(const WordFileWriter&) = delete;
  WordFileWriter& operator=(const WordFileWriter&) = delete;

  void write(std::span<const Word> words);
  /// So far.
  std::uint64_t words() const { return words_; }
  /// When this returns, the words are on the disk.
  Seal close();

 private:
  void flush();

  std::filesystem::path path_;
  int file_ = -1;
  std::vector<Word> waiting_;
  std::uint64_t words_ = 0;
  Checksum checksum_;
};

/// A file of words to read, of which the length is known. Throws InputError for a file that is missing or has another length.
class WordFileReader {
 public:
  WordFileReader(std::filesystem::path path, std::uint64_t words);
  ~WordFileReader();
  WordFileReader(const WordFileReader&) = delete;
  WordFileReader& operator=(const WordFileReader&) = delete;

  /// `to.size()` words from here on.
  void read(std::uint64_t begin, std::span<Word> to) const;
  /// Of the whole file; holds a small part of it at a time.
  Word checksum() const;

 private:
  std::filesystem::path path_;
  std::uint64_t words_;
  int file_ = -1;
};

/// Throws InputError, with what is wrong, if the file is not the one that was sealed.
void verify(const std::filesystem::path& path, const Seal& seal);

/// Writes a text file, onto the disk. Throws Fault.
void write_durably(const std::filesystem::path& path, std::string_view text);
/// Waits until the names in a folder are on the disk. Throws Fault.
void settle_folder(const std::filesystem::path& folder);

}  // namespace mpc
