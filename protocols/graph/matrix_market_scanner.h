#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/graph/graph_scanner.h"

namespace protocols {

/// Square matrices in Matrix Market's coordinate format, as undirected graphs: an entry (i, j) joins the vertices i and j, which are 1..n
/// as in the file; an entry on the diagonal is a loop. Values (integer, real, complex) have to be there and are not used: an entry
/// that says 0 is an edge all the same. Of a symmetric, skew-symmetric or hermitian matrix, only the lower triangle may be listed.
/// Comments and blank lines may stand anywhere below the banner. The header is all up to the size line.
/// Source: Boisvert, Pozo, Remington 1996, The Matrix Market exchange formats, NISTIR 5935.
class MatrixMarketScanner final : public GraphScanner {
 public:
  MatrixMarketScanner(const std::string& path, std::optional<std::uint64_t> vertices) : GraphScanner(path, vertices) {}

  void take(const TextPiece& piece, std::vector<Edge>& pairs) override;
  void finish(const ScanCounts& all) const override;
  std::uint64_t most_items() const override { return entries_; }

 private:
  enum class Values { none, integer, real, complex };
  enum class Symmetry { general, symmetric, skew };

  void banner(std::string_view text);
  void size(std::string_view text);
  [[noreturn]] void refuse_entry(std::string_view text) const;

  Values values_ = Values::none;
  Symmetry symmetry_ = Symmetry::general;
  std::uint64_t size_line_ = 0;  // 0: not read
  std::uint64_t rows_ = 0, entries_ = UINT64_MAX;
};

}  // namespace protocols
