#include "protocols/graph/text_fields.h"

#include <cstring>

#include <fmt/core.h>

namespace protocols {

bool whole_number(std::string_view text, std::uint64_t& number) {
  const auto* at = text.data();
  const auto* const end = at + text.size();
  return read_number(at, end, number) && at == end;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

std::vector<std::string_view> fields_of(std::string_view text) {
  std::vector<std::string_view> fields;
  for (auto rest = trimmed(text); !rest.empty(); rest = trimmed(rest)) {
    const auto length = static_cast<std::size_t>(std::ranges::find_if(rest, is_space) - rest.begin());
    fields.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return fields;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (auto& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t shown = 40;
  text = trimmed(text);
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

const char* fault_of_id(std::string_view field) {
  if (all_digits(field)) {
    std::uint64_t number = 0;
    return whole_number(field, number) && number < vertex_limit ? nullptr : "vertex id of more than 48 bits";
  }
  if (field.starts_with('-') && all_digits(field.substr(1))) return "negative vertex id";
  const bool numeric = std::ranges::all_of(field, [](char c) { return is_digit(c) || (c != '\0' && std::strchr("+-.eE", c) != nullptr); });
  return numeric && std::ranges::any_of(field, is_digit) ? "not a plain integer" : "not a number";
}

}  // namespace protocols
