#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/graph/edge.h"

/// Numbers and words in lines of text, for the scanners of graph formats.
namespace protocols {

/// The longest line of data that has a fixed number of fields.
inline constexpr std::size_t line_bytes = 4096;

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline const char* skip_space(const char* at, const char* end) {
  while (at != end && is_space(*at)) ++at;
  return at;
}

/// Reads a number <= vertex_limit that ends at a space or at the end; moves `at` behind it. False if there is none.
inline bool read_number(const char*& at, const char* end, std::uint64_t& number) {
  const auto* const begin = at;
  number = 0;
  for (; at != end && is_digit(*at); ++at) {
    number = 10 * number + static_cast<std::uint64_t>(*at - '0');
    if (number > vertex_limit) return false;
  }
  return at != begin && (at == end || is_space(*at));
}

/// The number that the text is, and nothing else.
bool whole_number(std::string_view text, std::uint64_t& number);

inline bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

std::string_view trimmed(std::string_view text);

/// The fields between spaces.
std::vector<std::string_view> fields_of(std::string_view text);

std::string lower_case(std::string_view text);

/// The start of the text, without spaces around it, fit to print on one line.
std::string excerpt(std::string_view text);

/// Why a field is not a vertex id of at most 48 bits, or null.
const char* fault_of_id(std::string_view field);

}  // namespace protocols
