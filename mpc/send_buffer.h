#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "mpc/buffer.h"
#include "mpc/word.h"

namespace mpc {

/// The messages of a round for one rank, in the order in which they were sent: headers and words apart, so that headers can travel
/// first and what each machine receives is known before its words are.
struct Slice {
  Word* headers = nullptr;
  Word* words = nullptr;
  std::size_t messages = 0;
  std::size_t used_words = 0;
  std::size_t message_capacity = 0;  ///< for messages of fixed size: room in headers and in words
  std::size_t word_capacity = 0;
};

/// How the messages of a round lie in memory.
struct Format {
  std::size_t header_words = 1;   ///< 0: one machine per rank, nothing to say; 1: route; 2: route, then (length, send position)
  std::size_t message_words = 0;  ///< 0: every message says its length
};

/// A message's first header word: who sent it, and to whom.
constexpr Word route(Word source, Word destination) { return source << 32 | destination; }
constexpr Word source_of(Word route) { return route >> 32; }
constexpr Word destination_of(Word route) { return route & 0xffffffffU; }
/// Its second header word, where there is one.
constexpr Word shape(Word length, Word position) { return length << 32 | position; }
constexpr Word length_of(Word shape) { return shape >> 32; }
constexpr Word position_of(Word shape) { return shape & 0xffffffffU; }

/// One slice per rank in two buffers that live as long as the cluster. Slices grow in place: Alltoallv takes gaps between blocks,
/// so nothing is copied to be sent.
class SendBuffer {
 public:
  explicit SendBuffer(std::size_t ranks) : slices_(ranks) {}

  /// Empties all slices for messages of this format.
  void open(Format format);
  /// Room for one more message of `message_words` words to this rank; all slices may move.
  void grow(std::size_t rank, std::size_t message_words);

  std::span<Slice> slices() { return slices_; }
  Format format() const { return format_; }

 private:
  struct Room {
    std::size_t headers = 0, words = 0;
  };
  void lay_out(const std::vector<Room>& rooms);

  Format format_;
  std::vector<Slice> slices_;
  std::vector<Room> rooms_;  // in words
  Buffer headers_, words_;
};

}  // namespace mpc
