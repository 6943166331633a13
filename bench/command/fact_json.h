#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "bench/command/input_kind.h"

namespace roundtrip {

/// A fact as JSON: a number, a text or null.
inline nlohmann::ordered_json json_of(const Fact& fact) {
  if (const auto* number = std::get_if<std::uint64_t>(&fact)) return *number;
  if (const auto* text = std::get_if<std::string>(&fact)) return *text;
  return nullptr;
}

/// JSON as a text. Symbols and paths may be any bytes: what is not UTF-8 is replaced.
inline std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace roundtrip
