#pragma once

#include <cmath>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "bench/command/input_kind.h"
#include "bench/command/text.h"

namespace roundtrip {

/// A fact as JSON: a number, a text or null.
inline nlohmann::ordered_json json_of(const Fact& fact) {
  if (const auto* number = std::get_if<std::uint64_t>(&fact)) return *number;
  if (const auto* text = std::get_if<std::string>(&fact)) return *text;
  return nullptr;
}

/// A number, or null for what JSON has no word for.
inline nlohmann::ordered_json finite(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

/// JSON as a text. Symbols and paths may be any bytes: what is not UTF-8 is replaced.
inline std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// A value as a field of a CSV row; null is empty.
inline std::string csv_field(const nlohmann::ordered_json& value) {
  return csv_field(value.is_null() ? std::string() : value.is_string() ? value.get<std::string>() : value.dump());
}
/// The names of an object's members as a CSV line, and their values.
inline std::string csv_names(const nlohmann::ordered_json& object) {
  std::string line;
  for (const auto& [key, value] : object.items()) line += (line.empty() ? "" : ",") + csv_field(key);
  return line + "\n";
}
inline std::string csv_values(const nlohmann::ordered_json& object) {
  std::string line;
  bool first = true;  // a line may begin with an empty field
  for (const auto& [key, value] : object.items()) line += (std::exchange(first, false) ? "" : ",") + csv_field(value);
  return line + "\n";
}

}  // namespace roundtrip
