#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/graph_format.h"
#include "protocols/graph/raw_edges.h"

namespace protocols {

/// A kind of graph that can be generated, for help texts.
struct GraphKind {
  std::string name;       ///< "grid"
  std::string arguments;  ///< "RxC"
  std::string meaning;
};
std::vector<GraphKind> graph_kinds();

/// A graph that is given by a rule: any rank can make any of its edges. May list edges twice and loops (rmat), which build() drops.
class GraphSpec {
 public:
  /// Reads "kind:arguments". Nothing if the text is the path of a file: it has no colon, or there is such a file and no such kind.
  /// Throws mpc::UsageError for an unknown kind or arguments out of range.
  static std::optional<GraphSpec> parse(const std::string& text, std::uint64_t seed);

  const std::string& text() const { return text_; }
  /// n: the vertices are 0..n-1, isolated ones included.
  std::uint64_t vertices() const { return vertices_; }
  /// Number of edges that edge() gives.
  std::uint64_t edges() const { return edges_; }
  /// Edge number 0 <= k < edges().
  Edge edge(std::uint64_t k) const { return edge_(k); }

 private:
  GraphSpec() = default;

  std::string text_;
  std::uint64_t vertices_ = 0, edges_ = 0;
  std::function<Edge(std::uint64_t)> edge_;
};

/// This rank's part of the edges.
RawEdges generate(const GraphSpec& spec, const mpc::Ranks& ranks);

/// Generates a graph, or reads it from a file (see read_graph_file). `vertices` and `format` are for files; a generated graph must agree
/// with the former. Collective. Throws on every rank: Exit::usage for a wrong spec, else as read_graph_file does.
RawEdges load(const std::string& spec, std::optional<std::uint64_t> vertices, std::uint64_t seed, mpc::Ranks& ranks,
              Format format = Format::automatic);

}  // namespace protocols
