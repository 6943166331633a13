#include "protocols/graph/text_pieces.h"

#include <cstring>
#include <utility>

namespace protocols {

TextPieces::TextPieces(ByteSource& source, std::size_t block_bytes) : source_(source), buffer_(block_bytes) {}

/// Moves what is left to the front of the buffer and fills up; false at the end of the text.
bool TextPieces::refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  const auto got = source_.read(std::span(buffer_).subspan(end_));
  end_ += got;
  return got != 0;
}

std::string_view TextPieces::peek() {
  refill();
  return {buffer_.data(), end_};
}

bool TextPieces::next(TextPiece& piece) {
  if (!in_line_ && offset_ >= stop_) return false;
  const auto* newline = static_cast<const char*>(std::memchr(buffer_.data() + begin_, '\n', end_ - begin_));
  // A line without an end: the last one, one that goes on in the next block, or one that is longer than a block.
  while (newline == nullptr && end_ - begin_ < buffer_.size()) {
    const auto searched = end_ - begin_;
    if (!refill()) break;
    newline = static_cast<const char*>(std::memchr(buffer_.data() + searched, '\n', end_ - searched));
  }
  if (begin_ == end_) {
    // The last line was as long as a block, or several.
    piece = {{}, false, true};
    return std::exchange(in_line_, false);
  }
  const auto* const start = buffer_.data() + begin_;
  const auto length = newline != nullptr ? static_cast<std::size_t>(newline - start) : end_ - begin_;
  piece.text = {start, length};
  const auto taken = newline != nullptr ? length + 1 : length;
  begin_ += taken;
  offset_ += taken;
  piece.starts_line = !in_line_;
  piece.ends_line = newline != nullptr || length < buffer_.size();
  in_line_ = !piece.ends_line;
  return true;
}

void TextPieces::restrict_to(std::uint64_t begin, std::uint64_t end) {
  begin_ = end_ = 0;
  in_line_ = false;
  stop_ = UINT64_MAX;
  offset_ = begin == 0 ? 0 : begin - 1;
  source_.seek(offset_);
  // The line that the byte before belongs to is another part's, were it only by its end.
  TextPiece skipped;
  if (begin != 0) {
    while (next(skipped) && !skipped.ends_line) continue;
    in_line_ = false;
  }
  stop_ = end;
}

}  // namespace protocols
