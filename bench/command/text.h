#pragma once

#include <cstdint>
#include <string>

namespace roundtrip {

/// 1234567 as 1,234,567.
inline std::string grouped(std::uint64_t value) {
  auto text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

/// A field of a CSV row (RFC 4180): a text with a comma, a quote or a new line is quoted, quotes doubled.
inline std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char letter : text) field += letter == '"' ? std::string("\"\"") : std::string(1, letter);
  return field + '"';
}

}  // namespace roundtrip
