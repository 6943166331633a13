#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/graph/edge.h"
#include "protocols/graph/raw_edges.h"
#include "protocols/graph/text_source.h"

namespace protocols {

/// Parses an edge list piece by piece. Every error is an mpc::InputError "FILE:LINE: reason: expected ..., found ...".
class EdgeScanner {
 public:
  /// `vertices` declares the vertices 0..vertices-1, as a header "# vertices: N" does.
  EdgeScanner(const std::string& path, std::optional<std::uint64_t> vertices);

  /// Appends at least one and about `most` pairs; returns false, and may have appended some, at the end of the text.
  bool read(std::vector<Edge>& pairs, std::size_t most);

  Declared declared() const { return declared_; }
  std::uint64_t count() const { return count_; }

 private:
  void line(std::string_view text, std::vector<Edge>& pairs);
  void comment(std::string_view text);
  void declare(std::string_view text, std::string_view number, Declared how);
  void finish() const;
  [[noreturn]] void refuse(std::string_view reason, const std::string& expected, std::string_view text) const;
  [[noreturn]] void refuse_pair(std::string_view text) const;

  std::string path_;
  TextSource source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what is left of the buffer
  bool in_comment_ = false;          // the buffer starts inside a comment longer than itself
  std::uint64_t line_ = 0;
  bool any_ = false;  // a pair was read
  Declared declared_ = Declared::seen;
  std::uint64_t count_ = 0;
  std::uint64_t limit_ = vertex_limit;  // ids are below it
  bool by_option_ = false;
};

}  // namespace protocols
