#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mpc/ranks.h"

#include "protocols/graph/graph.h"
#include "protocols/graph/raw_edges.h"

/// Edge lists as text, plain or gzip, in the style of SNAP: a line is two vertex ids, or a comment that starts with '#' or '%'. A loop
/// "v v" declares the vertex v. Before the first edge,
///   # vertices: N           says that the vertices are 0..N-1,
///   # Nodes: N Edges: M     says that there are N vertices, some of which may not occur (M is not used).
namespace protocols {

/// Reads a file on rank 0 and deals its pairs evenly. `vertices` (1 to 2^48) is as a header "# vertices: N", which must not say otherwise.
/// Collective. Throws on every rank: Exit::bad_input for what is wrong with the file or a line, Exit::fault if reading fails.
RawEdges read_edge_list(const std::string& path, std::optional<std::uint64_t> vertices, mpc::Ranks& ranks);

/// Writes the graph in its original ids, one line an edge, in the order of the protocol ids, with the header that makes reading give the
/// same graph; gzip if the path ends in ".gz"; "-" is standard output. Collective; reads graph.share. Throws mpc::Fault on every rank if
/// writing fails.
void write_edge_list(const std::string& path, const Graph& graph, mpc::Ranks& ranks);

}  // namespace protocols
