#pragma once

#include <string>
#include <string_view>

#include "protocols/graph/graph_scanner.h"

namespace protocols {

/// Edge lists in the style of SNAP: a line is two vertex ids, or a comment that starts with '#' or '%'. A loop "v v" declares the
/// vertex v. Before the first edge,
///   # vertices: N           says that the vertices are 0..N-1,
///   # Nodes: N Edges: M     says that there are N vertices, some of which may not occur (M is not used).
/// The header is all that comes before the first edge, and that edge.
class EdgeScanner final : public GraphScanner {
 public:
  /// `vertices` declares the vertices 0..vertices-1, as a header "# vertices: N" does.
  EdgeScanner(const std::string& path, std::optional<std::uint64_t> vertices);

  void take(const TextPiece& piece, std::vector<Edge>& pairs) override;
  void finish(const ScanCounts& all) const override;

 private:
  void comment(std::string_view text);
  void declare(std::string_view text, std::string_view number, Declared how);
  [[noreturn]] void refuse_pair(std::string_view text) const;

  std::uint64_t limit_ = vertex_limit;  // ids are below it
};

}  // namespace protocols
