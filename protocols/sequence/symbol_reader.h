#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace protocols {

/// The symbols of a text, numbered by their first occurrence.
struct Symbols {
  std::vector<std::uint64_t> sequence;
  std::vector<std::string> names;  ///< by number
};

/// Bytes of the longest symbol.
inline constexpr std::size_t longest_symbol = std::size_t{1} << 16;

/// Reads a text file, plain or gzip, block by block: symbols are separated by white space (space, \t, \n, \v, \f, \r), and are any other
/// bytes but zero. Throws InputError with the line for a zero byte, a symbol of more than longest_symbol bytes, and too many symbols, and
/// as TextSource does.
Symbols read_symbols(const std::string& path);

}  // namespace protocols
