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

}  // namespace roundtrip
