#include "protocols/graph/edge_scanner.h"

#include <algorithm>

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/text_fields.h"

namespace protocols {
namespace {

/// What follows "WORD :" at the start of the text, in any case and spacing.
std::optional<std::string_view> after(std::string_view word, std::string_view text) {
  if (lower_case(text.substr(0, word.size())) != word) return {};
  text = trimmed(text.substr(word.size()));
  if (!text.starts_with(':')) return {};
  return trimmed(text.substr(1));
}

}  // namespace

EdgeScanner::EdgeScanner(const std::string& path, std::optional<std::uint64_t> vertices) : GraphScanner(path, vertices) {
  if (!vertices) return;
  declared_ = Declared::range;
  count_ = limit_ = *vertices;
}

void EdgeScanner::take(const TextPiece& piece, std::vector<Edge>& pairs) {
  if (!piece.starts_line) return;  // a long comment goes on
  ++counts_.lines;
  const auto text = piece.text.substr(0, line_bytes + 1);
  const auto* const end = text.data() + text.size();
  const auto* at = skip_space(text.data(), end);
  if (at == end && text.size() <= line_bytes) return;
  if (at != end && (*at == '#' || *at == '%')) return comment({at, end});
  Edge pair;
  if (text.size() > line_bytes || !read_number(at, end, pair.u)) refuse_pair(text);
  at = skip_space(at, end);
  if (!read_number(at, end, pair.v) || skip_space(at, end) != end) refuse_pair(text);
  if (pair.u >= limit_ || pair.v >= limit_) refuse_pair(text);
  in_header_ = false;
  ++counts_.items;
  pairs.push_back(pair);
}

void EdgeScanner::comment(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) refuse("NUL byte", "text", text);
  const auto said = trimmed(text.substr(1));
  if (const auto number = after("vertices", said)) return declare(text, *number, Declared::range);
  if (const auto number = after("nodes", said)) return declare(text, number->substr(0, number->find_first_of(" \t")), Declared::count);
}

void EdgeScanner::declare(std::string_view text, std::string_view number, Declared how) {
  std::uint64_t count = 0;
  if (!whole_number(number, count) || count == 0) {
    refuse("not a number of vertices", fmt::format("1 to {}", vertex_limit), text);
  }
  if (!in_header_) refuse("number of vertices after the first edge", "it in the lines before", text);
  if (how == declared_ && count != count_) {
    refuse("another number of vertices", fmt::format("{}, as {}", count_, asked_ ? "asked for" : "a line before says"), text);
  }
  if (declared_ == Declared::range) return;  // says more than a count
  declared_ = how;
  count_ = count;
  limit_ = how == Declared::range ? count : vertex_limit;
}

void EdgeScanner::finish(const ScanCounts& all) const {
  if (all.items == 0 && declared_ == Declared::seen) {
    refuse_at(std::max<std::uint64_t>(all.lines, 1), "no edge and no number of vertices", "lines of two vertex ids or \"# vertices: N\"",
              all.lines == 0 ? "an empty file" : "only comments and blank lines");
  }
}

void EdgeScanner::refuse_pair(std::string_view text) const {
  const std::string expected = "two vertex ids";
  check_line(text, expected);
  const auto fields = fields_of(text);
  if (fields.size() > 2) refuse("more than two fields", expected, text);
  for (const auto field : fields) {
    if (const auto* reason = fault_of_id(field)) refuse(reason, fmt::format("{} from 0 to {}", expected, vertex_limit - 1), text);
  }
  if (fields.size() < 2) refuse("only one field", expected, text);
  std::uint64_t id = 0;
  for (const auto field : fields) {
    if (whole_number(field, id) && id >= limit_) break;
  }
  refuse(fmt::format("vertex {} is beyond the declared number of vertices", id), fmt::format("ids from 0 to {}", limit_ - 1), text);
}

}  // namespace protocols
