#pragma once

#include <string_view>

namespace protocols {

/// How a graph is written as text; each plain or gzip.
enum class Format {
  automatic,      ///< Matrix Market if the text starts with its banner; else by the name
  edges,          ///< edge list, in the style of SNAP
  matrix_market,  ///< Matrix Market, coordinate
  metis,          ///< METIS, adjacency lists
};

/// By the end of the name: .mtx, .graph or .metis, each perhaps with .gz behind it; anything else is an edge list.
Format format_of_name(std::string_view path);

/// By the start of the text, and by the name.
Format format_of(std::string_view path, std::string_view text);

}  // namespace protocols
