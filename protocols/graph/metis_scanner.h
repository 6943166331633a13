#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/graph/graph_scanner.h"

namespace protocols {

/// METIS graph files: a line "n m [fmt [ncon]]", then a line a vertex, 1..n, with its neighbours; a blank line is a vertex without. Lines
/// that start with '%' are comments. Sizes and weights (fmt 001 to 111) have to be there, as whole numbers, and are not used. Every edge is
/// listed from both its ends, once each; the pairs that come out are those of the smaller end. No vertex is its own neighbour.
/// The header is all up to the first line that is no comment. A line may be of any length.
/// Source: Karypis 2013, METIS 5.1 manual, section 4.1.1.
class MetisScanner final : public GraphScanner {
 public:
  MetisScanner(const std::string& path, std::optional<std::uint64_t> vertices) : GraphScanner(path, vertices) {}

  void take(const TextPiece& piece, std::vector<Edge>& pairs) override;
  void finish(const ScanCounts& all) const override;
  bool needs_place() const override { return true; }
  void count(const TextPiece& piece) override;

  /// From now on, take() gives every pair from both its ends, as (vertex of the line, neighbour).
  void list_both_ends() { both_ends_ = true; }

  /// A listing (vertex, neighbour) that stands more often in `listings` than its reverse; the first in the order of vertices.
  static std::optional<Edge> one_sided(std::vector<Edge>& listings);
  /// Throws the InputError for such a listing, which stands on this line.
  [[noreturn]] static void refuse_one_sided(const std::string& path, const Edge& listing, std::uint64_t line);
  /// The same if the text cannot be read again to find it.
  [[noreturn]] static void refuse_one_sided(const std::string& path);

 private:
  void header(const TextPiece& piece);
  void field(std::string_view text, std::vector<Edge>& pairs);
  void end_line();

  std::uint64_t header_line_ = 0;  // 0: not read
  std::uint64_t edges_ = 0;
  std::uint64_t vertex_fields_ = 0;  // sizes and weights before the neighbours
  bool edge_weights_ = false;
  bool both_ends_ = false;

  bool in_comment_ = false;
  std::string broken_;        // a field at the end of a piece that goes on in the next one
  std::uint64_t fields_ = 0;  // of the vertex's line so far
  bool weight_is_next_ = false;
};

}  // namespace protocols
