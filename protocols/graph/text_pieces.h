#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "protocols/graph/text_source.h"

namespace protocols {

/// A line without its end, or, if it is longer than a block, a part of one.
struct TextPiece {
  std::string_view text;  ///< valid until the next piece
  bool starts_line = true, ends_line = true;
};

/// Cuts a text into lines, block by block.
class TextPieces {
 public:
  static constexpr std::size_t default_block_bytes = std::size_t{1} << 20;

  /// `source` must outlive it.
  explicit TextPieces(ByteSource& source, std::size_t block_bytes = default_block_bytes);

  /// The next piece; false at the end of the text.
  bool next(TextPiece& piece);

  /// The first block, or the whole text if it is shorter. Only before the first piece.
  std::string_view peek();

  /// Where the next piece begins, in bytes of the text.
  std::uint64_t offset() const { return offset_; }

  /// Goes on with the lines that start in [begin, end), the last one to its end. The source can seek.
  void restrict_to(std::uint64_t begin, std::uint64_t end);

 private:
  bool refill();

  ByteSource& source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what is left of the buffer
  std::uint64_t offset_ = 0;
  std::uint64_t stop_ = UINT64_MAX;  // no line that starts here or behind is given
  bool in_line_ = false;             // the next piece goes on with a line
};

}  // namespace protocols
