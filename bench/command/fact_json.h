#pragma once

#include <nlohmann/json.hpp>

#include "bench/command/input_kind.h"

namespace roundtrip {

/// A fact as JSON: a number, a text or null.
inline nlohmann::ordered_json json_of(const Fact& fact) {
  if (const auto* number = std::get_if<std::uint64_t>(&fact)) return *number;
  if (const auto* text = std::get_if<std::string>(&fact)) return *text;
  return nullptr;
}

}  // namespace roundtrip
