#include "protocols/graph/graph_file.h"

#include <memory>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/hash.h"

#include "protocols/graph/graph_part.h"
#include "protocols/graph/graph_scanner.h"
#include "protocols/graph/metis_scanner.h"
#include "protocols/graph/radix_sort.h"
#include "protocols/graph/spread.h"
#include "protocols/graph/text_source.h"

namespace protocols {
namespace {

constexpr std::size_t batch_pairs = std::size_t{1} << 20;

/// A file that is being read, by rank 0 alone or by every rank in its part.
class Reading {
 public:
  Reading(const std::string& path, std::optional<std::uint64_t> vertices, Format format, mpc::Ranks& ranks);

  RawEdges read();

 private:
  bool in_parts() const { return bytes_ != 0; }
  void open_file();
  void open_as_first();
  ScanCounts read_part(std::vector<Edge>& pairs);
  ScanCounts read_stream(std::vector<Edge>& pairs);
  void start_again();
  [[noreturn]] void refuse_one_sided();

  std::string path_;
  std::optional<std::uint64_t> vertices_;
  Format format_;
  mpc::Ranks& ranks_;
  std::uint64_t bytes_ = 0;  // of a plain file, read in parts; else 0

  // On the ranks that read.
  std::unique_ptr<TextSource> source_;
  std::unique_ptr<TextPieces> pieces_;
  std::unique_ptr<GraphScanner> scanner_;
  std::unique_ptr<GraphPart> part_;
};

Reading::Reading(const std::string& path, std::optional<std::uint64_t> vertices, Format format, mpc::Ranks& ranks)
    : path_(path), vertices_(vertices), format_(format), ranks_(ranks) {
  const bool first = ranks.rank() == 0;
  mpc::together(ranks, [&] {
    if (!first) return;
    open_file();
    if (format_ == Format::automatic) format_ = format_of(path_, pieces_->peek());
    bytes_ = source_->plain_bytes().value_or(0);
  });
  format_ = static_cast<Format>(ranks.maximum(first ? static_cast<std::uint64_t>(format_) : 0));
  bytes_ = ranks.maximum(bytes_);
  mpc::together(ranks, [&] {
    if (!first && in_parts()) open_as_first();
    if (!source_) return;
    scanner_ = make_scanner(format_, path_, vertices_);
    part_ = std::make_unique<GraphPart>(*pieces_, *scanner_);
  });
}

void Reading::open_file() {
  source_ = std::make_unique<TextSource>(path_);
  pieces_ = std::make_unique<TextPieces>(*source_);
}

/// Opens the file that rank 0 has opened.
void Reading::open_as_first() {
  constexpr auto why = "every rank reads its own part of a plain file; of a .gz file rank 0 reads all";
  try {
    open_file();
  } catch (const mpc::InputError& error) {
    throw mpc::InputError(fmt::format("{}, on rank {}: {}", error.what(), ranks_.rank(), why));
  }
  const auto here = source_->plain_bytes().value_or(0);
  if (here != bytes_) {
    throw mpc::InputError(fmt::format("{}: expected a file of {} bytes, as on rank 0, found one of {} on rank {}: {}", path_, bytes_, here,
                                      ranks_.rank(), why));
  }
}

RawEdges Reading::read() {
  RawEdges raw;
  raw.source = path_;
  const auto totals = in_parts() ? read_part(raw.pairs) : read_stream(raw.pairs);
  mpc::together(ranks_, [&] {
    if (scanner_) scanner_->finish(totals);
  });
  if (totals.balance != 0) refuse_one_sided();
  const auto as_first = [&](auto value) { return ranks_.maximum(scanner_ ? static_cast<std::uint64_t>(value(*scanner_)) : 0); };
  raw.declared = static_cast<Declared>(as_first([](const auto& scanner) { return scanner.declared(); }));
  raw.count = as_first([](const auto& scanner) { return scanner.count(); });
  raw.lowest = as_first([](const auto& scanner) { return scanner.lowest(); });
  return raw;
}

ScanCounts Reading::read_part(std::vector<Edge>& pairs) {
  GraphPart::Report report;
  mpc::together(ranks_, [&] {
    part_->open(bytes_, ranks_.rank(), ranks_.size(), pairs);
    report = part_->scan(pairs);
  });
  const auto reports = items_of<GraphPart::Report>(ranks_.gather(words_of(std::span<const GraphPart::Report>(&report, 1))));
  mpc::together(ranks_, [&] { part_->settle(reports, pairs); });
  auto totals = part_->header();
  const auto counts = part_->counts();
  for (const auto& part : items_of<ScanCounts>(ranks_.gather(words_of(std::span<const ScanCounts>(&counts, 1))))) totals += part;
  return totals;
}

ScanCounts Reading::read_stream(std::vector<Edge>& pairs) {
  bool more = true;
  while (more) {
    std::vector<Edge> batch;
    // A single rank keeps what it reads.
    auto& target = ranks_.size() == 1 ? pairs : batch;
    mpc::together(ranks_, [&] { more = part_ && part_->read(target, batch_pairs); });
    more = ranks_.maximum(more ? 1 : 0) != 0;
    if (ranks_.size() == 1) continue;
    auto counts = counts_by_start(0, batch.size(), even_starts(batch.size(), ranks_.size()));
    batch = exchange_items(std::move(batch), std::move(counts), ranks_);
    pairs.insert(pairs.end(), batch.begin(), batch.end());
  }
  const auto counts = scanner_ ? scanner_->counts() : ScanCounts{};
  return items_of<ScanCounts>(ranks_.gather(words_of(std::span<const ScanCounts>(&counts, 1)))).front();
}

/// Goes back to where this rank began to read.
void Reading::start_again() {
  if (!source_) return;
  const auto before = part_->before();
  open_file();
  scanner_ = make_scanner(format_, path_, vertices_);
  part_ = std::make_unique<GraphPart>(*pieces_, *scanner_);
  if (!in_parts()) return;
  std::vector<Edge> dropped;
  part_->open(bytes_, ranks_.rank(), ranks_.size(), dropped);
  part_->begin(before);
}

/// Finds the METIS edge that makes the counts uneven, and its line: two more passes over the file.
void Reading::refuse_one_sided() {
  mpc::together(ranks_, [&] {
    if (source_ && !source_->reopens()) MetisScanner::refuse_one_sided(path_);
    start_again();
    if (scanner_) dynamic_cast<MetisScanner&>(*scanner_).list_both_ends();
  });
  // Both listings of an edge go to the same rank.
  const auto parts = static_cast<std::uint64_t>(ranks_.size());
  const auto judge = [&](const Edge& e) { return mpc::PublicHash(std::min(e.u, e.v)).below(parts, std::max(e.u, e.v)); };
  std::vector<Edge> listings, scratch;
  for (bool more = true; more;) {
    std::vector<Edge> batch;
    mpc::together(ranks_, [&] { more = part_ && part_->read(batch, batch_pairs); });
    more = ranks_.maximum(more ? 1 : 0) != 0;
    std::vector<std::size_t> counts(parts);
    for (const auto& listing : batch) ++counts[judge(listing)];
    radix_sort(batch, scratch, judge);
    batch = exchange_items(std::move(batch), std::move(counts), ranks_);
    listings.insert(listings.end(), batch.begin(), batch.end());
  }
  const auto mine = MetisScanner::one_sided(listings);
  Edge found;
  found.u = ranks_.minimum(mine ? mine->u : UINT64_MAX);
  found.v = ranks_.minimum(mine && mine->u == found.u ? mine->v : UINT64_MAX);
  std::uint64_t line = 0;
  mpc::together(ranks_, [&] {
    start_again();
    if (part_) line = part_->line_of(found.u);
  });
  MetisScanner::refuse_one_sided(path_, found, ranks_.maximum(line));
}

}  // namespace

RawEdges read_graph_file(const std::string& path, std::optional<std::uint64_t> vertices, mpc::Ranks& ranks, Format format) {
  return Reading(path, vertices, format, ranks).read();
}

}  // namespace protocols
