#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/graph/graph_scanner.h"
#include "protocols/graph/text_pieces.h"

namespace protocols {

/// One of the parts in which a text is parsed: the lines that start in its range of bytes. The parts are even ranges of what is behind the
/// header, which each of them reads. Parsed together they give the pairs, or the error, of the whole text in one go:
///   in every part            open(), and report = scan(pairs),
///   with all parts' reports  settle(reports, pairs), which throws in the first part with an error, knowing what comes before it,
///   with all parts' counts   scanner.finish(header() + their sum).
/// Nothing here is collective.
class GraphPart {
 public:
  /// Both must outlive it.
  GraphPart(TextPieces& pieces, GraphScanner& scanner) : pieces_(pieces), scanner_(scanner) {}

  /// The text, or, after begin(), the part, in batches: appends at least one and about `most` pairs; false, and perhaps some pairs, at its
  /// end.
  bool read(std::vector<Edge>& pairs, std::size_t most);
  /// The line of this item, or 0 if it is not in what is left of the text or the part.
  std::uint64_t line_of(std::uint64_t item);

  /// Reads the header and takes part number `part` of `parts` of a text of `bytes` bytes. Part 0 gets the pairs of the header.
  void open(std::uint64_t bytes, int part, int parts, std::vector<Edge>& pairs);

  /// What a part found before it could know what comes before it.
  struct Report {
    ScanCounts counts;
    bool failed = false;  ///< the counts are those up to the error
  };
  /// Parses the part, or, where the scanner needs its place for that, counts its lines.
  Report scan(std::vector<Edge>& pairs);

  /// With the reports of all parts: throws the error if this is the first part that has one; else its pairs are complete, and counts()
  /// are the part's. Throws mpc::Fault if the text is not the one that was scanned.
  void settle(std::span<const Report> reports, std::vector<Edge>& pairs);

  /// Goes to the start of the part, before which so much was read.
  void begin(const ScanCounts& before);

  /// What the header held, the same in every part; the part's own counts, once it is settled; and what is before where it began.
  const ScanCounts& header() const { return header_; }
  const ScanCounts& counts() const { return counts_; }
  const ScanCounts& before() const { return before_; }

 private:
  void parse(const ScanCounts& before, std::vector<Edge>& pairs);

  TextPieces& pieces_;
  GraphScanner& scanner_;
  std::uint64_t begin_ = 0, end_ = 0;
  std::size_t part_ = 0;
  ScanCounts header_, counts_, before_;
};

}  // namespace protocols
