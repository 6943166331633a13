#include "protocols/graph/edge_scanner.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

namespace protocols {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
constexpr std::size_t line_bytes = 4096;  // the longest line of data

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

const char* skip_space(const char* at, const char* end) {
  while (at != end && is_space(*at)) ++at;
  return at;
}

/// Reads a number <= vertex_limit that ends at a space or at the end; moves `at` behind it. False if there is none.
bool read_number(const char*& at, const char* end, std::uint64_t& number) {
  const auto* const begin = at;
  number = 0;
  for (; at != end && is_digit(*at); ++at) {
    number = 10 * number + static_cast<std::uint64_t>(*at - '0');
    if (number > vertex_limit) return false;
  }
  return at != begin && (at == end || is_space(*at));
}

/// The start of the text, fit to print on one line.
std::string excerpt(std::string_view text) {
  constexpr std::size_t shown = 40;
  std::string result;
  for (const char c : text.substr(0, shown)) {
    if (c == '\t') {
      result += ' ';
    } else if (c < ' ' || c > '~') {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return '"' + result + (text.size() > shown ? "..." : "") + '"';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

/// What follows "WORD :" at the start of the text, in any case and spacing.
std::optional<std::string_view> after(std::string_view word, std::string_view text) {
  const auto same = [](char a, char b) { return (a | 0x20) == b; };
  if (text.size() < word.size() || !std::equal(word.begin(), word.end(), text.begin(), [&](char a, char b) { return same(b, a); }))
    return {};
  text = trimmed(text.substr(word.size()));
  if (!text.starts_with(':')) return {};
  return trimmed(text.substr(1));
}

/// Why one field is not a vertex id, or null.
const char* fault_of(std::string_view field) {
  const auto digits = [](std::string_view s) { return !s.empty() && std::ranges::all_of(s, is_digit); };
  if (digits(field)) {
    std::uint64_t number = 0;
    const auto* at = field.data();
    return read_number(at, at + field.size(), number) && number < vertex_limit ? nullptr : "vertex id of more than 48 bits";
  }
  if (field.starts_with('-') && digits(field.substr(1))) return "negative vertex id";
  const bool numeric = std::ranges::all_of(field, [](char c) { return is_digit(c) || std::strchr("+-.eE", c) != nullptr; });
  return numeric && std::ranges::any_of(field, is_digit) ? "not a plain integer" : "not a number";
}

}  // namespace

EdgeScanner::EdgeScanner(const std::string& path, std::optional<std::uint64_t> vertices)
    : path_(path), source_(path), buffer_(buffer_bytes) {
  if (!vertices) return;
  if (*vertices == 0 || *vertices > vertex_limit) {
    throw mpc::UsageError(fmt::format("vertices: expected 1 to {}, found {}", vertex_limit, *vertices));
  }
  declared_ = Declared::range;
  count_ = limit_ = *vertices;
  by_option_ = true;
}

bool EdgeScanner::read(std::vector<Edge>& pairs, std::size_t most) {
  const auto enough = pairs.size() + most;
  for (;;) {
    const auto* const data = buffer_.data();
    while (begin_ < end_) {
      const auto* const newline = static_cast<const char*>(std::memchr(data + begin_, '\n', end_ - begin_));
      if (newline == nullptr) break;
      const std::string_view text(data + begin_, static_cast<std::size_t>(newline - data) - begin_);
      begin_ += text.size() + 1;
      if (std::exchange(in_comment_, false)) continue;
      ++line_;
      line(text, pairs);
      if (pairs.size() >= enough) return true;
    }
    // A line without an end: the last one, or one that goes on in the next block.
    std::memmove(buffer_.data(), data + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    if (end_ == buffer_.size()) {
      if (!in_comment_) {
        ++line_;
        line({data, end_}, pairs);  // refuses data of this length
        in_comment_ = true;
      }
      end_ = 0;
    }
    const auto got = source_.read(std::span(buffer_).subspan(end_));
    end_ += got;
    if (got != 0) continue;
    if (end_ != 0 && !in_comment_) {
      ++line_;
      line({data, std::exchange(end_, 0)}, pairs);
    }
    finish();
    return false;
  }
}

void EdgeScanner::line(std::string_view text, std::vector<Edge>& pairs) {
  const auto* const end = text.data() + text.size();
  const auto* at = skip_space(text.data(), end);
  if (at == end && text.size() <= line_bytes) return;
  if (at != end && (*at == '#' || *at == '%')) return comment({at, end});
  Edge pair;
  if (text.size() > line_bytes || !read_number(at, end, pair.u)) refuse_pair(text);
  at = skip_space(at, end);
  if (!read_number(at, end, pair.v) || skip_space(at, end) != end) refuse_pair(text);
  if (pair.u >= limit_ || pair.v >= limit_) refuse_pair(text);
  any_ = true;
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
  const auto* at = number.data();
  if (number.empty() || !read_number(at, at + number.size(), count) || at != number.data() + number.size() || count == 0) {
    refuse("not a number of vertices", fmt::format("1 to {}", vertex_limit), text);
  }
  if (any_) refuse("number of vertices after the first edge", "it in the lines before", text);
  if (how == declared_ && count != count_) {
    refuse("another number of vertices", fmt::format("{}, as {}", count_, by_option_ ? "asked for" : "a line before says"), text);
  }
  if (declared_ == Declared::range) return;  // says more than a count
  declared_ = how;
  count_ = count;
  limit_ = how == Declared::range ? count : vertex_limit;
}

void EdgeScanner::finish() const {
  if (!any_ && declared_ == Declared::seen) {
    throw mpc::InputError(
        fmt::format("{}:{}: no edge and no number of vertices: expected lines of two vertex ids or \"# vertices: N\", found {}", path_,
                    std::max<std::uint64_t>(line_, 1), line_ == 0 ? "an empty file" : "only comments and blank lines"));
  }
}

void EdgeScanner::refuse(std::string_view reason, const std::string& expected, std::string_view text) const {
  throw mpc::InputError(fmt::format("{}:{}: {}: expected {}, found {}", path_, line_, reason, expected, excerpt(trimmed(text))));
}

void EdgeScanner::refuse_pair(std::string_view text) const {
  const std::string expected = "two vertex ids";
  if (text.find('\0') != std::string_view::npos) refuse("NUL byte", expected, text);
  if (text.size() > line_bytes) refuse(fmt::format("line of more than {} characters", line_bytes), expected, text);
  std::vector<std::string_view> fields;
  for (auto rest = trimmed(text); !rest.empty(); rest = trimmed(rest)) {
    const auto length = static_cast<std::size_t>(std::ranges::find_if(rest, is_space) - rest.begin());
    fields.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (fields.size() > 2) refuse("more than two fields", expected, text);
  for (const auto field : fields) {
    if (const auto* reason = fault_of(field)) refuse(reason, fmt::format("{} from 0 to {}", expected, vertex_limit - 1), text);
  }
  if (fields.size() < 2) refuse("only one field", expected, text);
  std::uint64_t id = 0;
  for (const auto field : fields) {
    const auto* at = field.data();
    if (read_number(at, at + field.size(), id) && id >= limit_) break;
  }
  refuse(fmt::format("vertex {} is beyond the declared number of vertices", id), fmt::format("ids from 0 to {}", limit_ - 1), text);
}

}  // namespace protocols
