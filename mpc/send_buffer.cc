#include "mpc/send_buffer.h"

#include <algorithm>
#include <cstring>

namespace mpc {
namespace {
constexpr std::size_t least_room = 512;  // words
}

void SendBuffer::open(Format format) {
  format_ = format;
  if (rooms_.empty()) rooms_.assign(slices_.size(), Room{least_room, least_room});
  for (auto& slice : slices_) slice.messages = slice.used_words = 0;
  lay_out(rooms_);
}

void SendBuffer::grow(std::size_t rank, std::size_t message_words) {
  auto rooms = rooms_;
  // Every slice that is more than half full doubles too: its turn is near, and moving once serves all.
  for (std::size_t r = 0; r < slices_.size(); ++r) {
    const auto& slice = slices_[r];
    const auto headers = (slice.messages + (r == rank)) * std::max<std::size_t>(format_.header_words, 1);
    const auto words = slice.used_words + slice.messages * format_.message_words + (r == rank ? message_words : 0);
    if (2 * headers > rooms[r].headers) rooms[r].headers = std::max(2 * rooms[r].headers, headers);
    if (2 * words > rooms[r].words) rooms[r].words = std::max(2 * rooms[r].words, words);
  }
  lay_out(rooms);
  rooms_ = std::move(rooms);
}

void SendBuffer::lay_out(const std::vector<Room>& rooms) {
  Room total;
  for (const auto& room : rooms) {
    total.headers += room.headers;
    total.words += room.words;
  }
  Buffer old_headers, old_words;
  if (total.headers > headers_.capacity()) {
    swap(old_headers, headers_);
    headers_.reserve(total.headers);
  }
  if (total.words > words_.capacity()) {
    swap(old_words, words_);
    words_.reserve(total.words);
  }
  // Backwards, since a slice only ever moves up within the same buffer.
  auto header_end = total.headers;
  auto word_end = total.words;
  for (std::size_t r = slices_.size(); r-- > 0;) {
    auto& slice = slices_[r];
    auto* headers = headers_.data() + (header_end -= rooms[r].headers);
    auto* words = words_.data() + (word_end -= rooms[r].words);
    const auto header_bytes = slice.messages * format_.header_words * sizeof(Word);
    const auto word_bytes = (slice.used_words + slice.messages * format_.message_words) * sizeof(Word);
    if (header_bytes != 0 && headers != slice.headers) std::memmove(headers, slice.headers, header_bytes);
    if (word_bytes != 0 && words != slice.words) std::memmove(words, slice.words, word_bytes);
    slice.headers = headers;
    slice.words = words;
    slice.word_capacity = rooms[r].words;
    const auto by_headers = rooms[r].headers / std::max<std::size_t>(format_.header_words, 1);
    const auto by_words = format_.message_words == 0 ? by_headers : rooms[r].words / format_.message_words;
    slice.message_capacity = std::min(by_headers, by_words);
  }
}

}  // namespace mpc
