#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include <fmt/core.h>

namespace roundtrip {

/// A bar of 32 columns for a load, and its share of s.
inline std::string load_bar(std::uint64_t load, std::uint64_t s) {
  constexpr std::uint64_t width = 32;
  const auto filled = std::min(width, (load * width + s - 1) / s);
  return fmt::format("[{}{}] {:.2f} of s", std::string(filled, '#'), std::string(width - filled, '.'),
                     static_cast<double>(load) / static_cast<double>(s));
}

}  // namespace roundtrip
