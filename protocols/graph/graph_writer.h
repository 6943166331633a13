#pragma once

#include <string>

#include "mpc/ranks.h"

#include "protocols/graph/graph.h"

namespace protocols {

/// Writes a graph in the format that the end of the path names (format_of_name), gzip if it ends in ".gz"; "-" is standard output.
/// Edge list: original ids, one line an edge, in the order of the protocol ids, with the header that makes reading give the same graph; the
/// smallest vertex of a declared range becomes 0. Matrix Market (pattern, symmetric) and METIS: the vertices are numbered 1..n in the order
/// of their original ids; isolated ones of unknown id come last.
/// Collective; reads graph.share; METIS takes 64 bytes an edge for a while. Throws mpc::Fault on every rank if writing fails.
void write_graph_file(const std::string& path, const Graph& graph, mpc::Ranks& ranks);

}  // namespace protocols
