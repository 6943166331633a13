#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

namespace tests {

static_assert(std::endian::native == std::endian::little);

/// A matrix of a NumPy array file.
struct Npy {
  std::string type;  ///< <f4, <f8 or <u8
  std::size_t rows = 0, columns = 0;
  std::vector<double> cells;

  double at(std::size_t row, std::size_t column) const { return cells.at(row * columns + column); }
};

template <class T>
void append_cells(const std::string& bytes, std::vector<double>& cells) {
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof value);
    if (static_cast<T>(static_cast<double>(value)) != value) throw std::runtime_error("npy: a value that is no double");
    cells.push_back(static_cast<double>(value));
  }
}

/// Reads a matrix from a file of format 1.0, in C order, little endian. Throws for anything else.
inline Npy read_npy(const std::string& file) {
  const auto want = [](bool right, const char* what) {
    if (!right) throw std::runtime_error(std::string("npy: ") + what);
  };
  want(file.size() >= 10 && file.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8), "no magic of format 1.0");
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(file[8])) + 256U * static_cast<unsigned char>(file[9]);
  want((10 + length) % 64 == 0 && file.size() >= 10 + length, "a header of another length");
  const auto header = file.substr(10, length);
  const std::regex form(R"(\{'descr': '(<f4|<f8|<u8)', 'fortran_order': False, 'shape': \(([0-9]+), ([0-9]+)\), \} *\n)");
  std::smatch match;
  want(std::regex_match(header, match, form), "another header");
  Npy npy{match[1], std::stoull(match[2]), std::stoull(match[3]), {}};
  const auto bytes = file.substr(10 + length);
  want(bytes.size() == npy.rows * npy.columns * (npy.type == "<f4" ? 4U : 8U), "another number of cells");
  if (npy.type == "<f4") append_cells<float>(bytes, npy.cells);
  if (npy.type == "<f8") append_cells<double>(bytes, npy.cells);
  if (npy.type == "<u8") append_cells<std::uint64_t>(bytes, npy.cells);
  return npy;
}

}  // namespace tests
