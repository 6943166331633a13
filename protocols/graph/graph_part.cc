#include "protocols/graph/graph_part.h"

#include <algorithm>

#include "mpc/error.h"

#include "protocols/graph/spread.h"

namespace protocols {

bool GraphPart::read(std::vector<Edge>& pairs, std::size_t most) {
  const auto enough = pairs.size() + most;
  TextPiece piece;
  while (pieces_.next(piece)) {
    scanner_.take(piece, pairs);
    if (pairs.size() >= enough) return true;
  }
  return false;
}

std::uint64_t GraphPart::line_of(std::uint64_t item) {
  if (item <= scanner_.counts().items) return 0;
  std::vector<Edge> dropped;
  TextPiece piece;
  while (pieces_.next(piece)) {
    if (scanner_.in_header()) {
      scanner_.take(piece, dropped);
    } else {
      scanner_.count(piece);
    }
    if (scanner_.counts().items == item) return scanner_.counts().lines;
  }
  return 0;
}

void GraphPart::open(std::uint64_t bytes, int part, int parts, std::vector<Edge>& pairs) {
  std::vector<Edge> found;
  TextPiece piece;
  while (scanner_.in_header() && pieces_.next(piece)) scanner_.take(piece, found);
  header_ = scanner_.counts();
  const auto behind = pieces_.offset();
  const auto starts = even_starts(bytes - std::min(bytes, behind), parts);
  part_ = static_cast<std::size_t>(part);
  begin_ = behind + starts[part_];
  end_ = behind + starts[part_ + 1];
  if (part == 0) pairs.insert(pairs.end(), found.begin(), found.end());
}

void GraphPart::begin(const ScanCounts& before) {
  before_ = before;
  scanner_.move_to(before);
  pieces_.restrict_to(begin_, end_);
}

void GraphPart::parse(const ScanCounts& before, std::vector<Edge>& pairs) {
  begin(before);
  TextPiece piece;
  while (pieces_.next(piece)) scanner_.take(piece, pairs);
}

GraphPart::Report GraphPart::scan(std::vector<Edge>& pairs) {
  Report report;
  if (scanner_.needs_place()) {
    begin(header_);
    TextPiece piece;
    while (pieces_.next(piece)) scanner_.count(piece);
  } else {
    try {
      parse(header_, pairs);
    } catch (const mpc::InputError&) {
      report.failed = true;
    }
  }
  report.counts = counts_ = scanner_.counts() - header_;
  return report;
}

void GraphPart::settle(std::span<const Report> reports, std::vector<Edge>& pairs) {
  auto before = header_;
  for (std::size_t r = 0; r < part_; ++r) before += reports[r].counts;
  if (scanner_.needs_place()) {
    parse(before, pairs);
    counts_ = scanner_.counts() - before;
    return;
  }
  auto items = header_.items;
  for (std::size_t r = 0; r <= part_; ++r) {
    items += reports[r].counts.items;
    if (!reports[r].failed && items <= scanner_.most_items()) continue;
    if (r < part_) return;
    std::vector<Edge> dropped;
    parse(before, dropped);
    throw mpc::Fault("a graph file changed while it was read");
  }
}

}  // namespace protocols
