#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mpc/ranks.h"

#include "protocols/graph/graph_format.h"
#include "protocols/graph/raw_edges.h"

namespace protocols {

/// Reads a graph from a file: an edge list, Matrix Market or METIS (see the scanners), plain or gzip. Of a plain file every rank parses its
/// own range of bytes; gzip data and pipes are read by rank 0, which deals the pairs as they come. No rank holds the whole text.
/// `vertices` (1 to 2^48) is as a header "# vertices: N" of an edge list; the header of any format must not say otherwise.
/// Collective. Throws on every rank: Exit::bad_input for what is wrong with the file or a line, the first in the order of the file;
/// Exit::fault if reading fails.
RawEdges read_graph_file(const std::string& path, std::optional<std::uint64_t> vertices, mpc::Ranks& ranks,
                         Format format = Format::automatic);

}  // namespace protocols
