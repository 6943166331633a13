#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "mpc/error.h"

#include "protocols/graph/graph_part.h"
#include "protocols/graph/metis_scanner.h"
#include "protocols/graph/text_fields.h"

/// What the graph scanners must promise for any text: parsed in parts, with any size of block, it gives the pairs or the error that it
/// gives in one go. For fuzzing, and for replaying what fuzzing found.
namespace tests {

using protocols::Edge;
using protocols::Format;

class MemorySource final : public protocols::ByteSource {
 public:
  explicit MemorySource(std::string_view text) : text_(text) {}
  std::size_t read(std::span<char> into) override {
    const auto count = std::min(into.size(), text_.size() - at_);
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), count, into.begin());
    at_ += count;
    return count;
  }
  void seek(std::uint64_t offset) override { at_ = std::min<std::size_t>(offset, text_.size()); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// The pairs in order and what was declared, or an error.
struct Parsed {
  std::vector<Edge> pairs;
  protocols::Declared declared = protocols::Declared::seen;
  std::uint64_t count = 0, lowest = 0;
  std::string error;
  friend bool operator==(const Parsed&, const Parsed&) = default;
};

/// A text in so many parts, one after the other; in no parts: in one go, as a stream.
class ParsedInParts {
 public:
  ParsedInParts(Format format, std::string_view text, std::size_t block_bytes, int parts) {
    for (int part = 0; part < std::max(1, parts); ++part) ones_.push_back(std::make_unique<One>(format, text, block_bytes));
    try {
      const auto totals = parts == 0 ? in_one_go() : in_parts(text.size(), parts);
      const auto& scanner = ones_.front()->scanner;
      scanner->finish(totals);
      if (totals.balance != 0) refuse_one_sided(format, text, block_bytes, parts);
      result.declared = scanner->declared();
      result.count = scanner->count();
      result.lowest = scanner->lowest();
    } catch (const mpc::InputError& error) {
      result = {};
      result.error = error.what();
    }
  }

  Parsed result;

 private:
  struct One {
    One(Format format, std::string_view text, std::size_t block_bytes)
        : source(text), pieces(source, block_bytes), scanner(protocols::make_scanner(format, "text", {})), part(pieces, *scanner) {}
    MemorySource source;
    protocols::TextPieces pieces;
    std::unique_ptr<protocols::GraphScanner> scanner;
    protocols::GraphPart part;
  };

  protocols::ScanCounts in_one_go() {
    while (ones_.front()->part.read(result.pairs, 3)) continue;
    return ones_.front()->scanner->counts();
  }

  protocols::ScanCounts in_parts(std::size_t bytes, int parts) {
    std::vector<std::vector<Edge>> pairs(ones_.size());
    std::vector<protocols::GraphPart::Report> reports;
    for (std::size_t i = 0; i < ones_.size(); ++i) ones_[i]->part.open(bytes, static_cast<int>(i), parts, pairs[i]);
    for (std::size_t i = 0; i < ones_.size(); ++i) reports.push_back(ones_[i]->part.scan(pairs[i]));
    auto totals = ones_.front()->part.header();
    for (std::size_t i = 0; i < ones_.size(); ++i) {
      ones_[i]->part.settle(reports, pairs[i]);
      totals += ones_[i]->part.counts();
      result.pairs.insert(result.pairs.end(), pairs[i].begin(), pairs[i].end());
    }
    return totals;
  }

  [[noreturn]] void refuse_one_sided(Format format, std::string_view text, std::size_t block_bytes, int parts) {
    const auto again = [&](std::size_t i) {
      auto one = std::make_unique<One>(format, text, block_bytes);
      std::vector<Edge> dropped;
      if (parts == 0) return one;
      one->part.open(text.size(), static_cast<int>(i), parts, dropped);
      one->part.begin(ones_[i]->part.before());
      return one;
    };
    std::vector<Edge> listings;
    for (std::size_t i = 0; i < ones_.size(); ++i) {
      const auto one = again(i);
      dynamic_cast<protocols::MetisScanner&>(*one->scanner).list_both_ends();
      while (one->part.read(listings, 5)) continue;
    }
    const auto found = protocols::MetisScanner::one_sided(listings);
    if (!found) throw std::logic_error("no one-sided edge, and the balance is not 0");
    std::uint64_t line = 0;
    for (std::size_t i = 0; i < ones_.size(); ++i) line = std::max(line, again(i)->part.line_of(found->u));
    protocols::MetisScanner::refuse_one_sided("text", *found, line);
  }

  std::vector<std::unique_ptr<One>> ones_;
};

/// How the parsers disagree about a text, or what is wrong with what they agree on; empty if all is well.
inline std::string fault_of_parsers(Format format, std::string_view text) {
  const auto whole = ParsedInParts(format, text, std::size_t{1} << 15, 0).result;
  for (const std::size_t block : {protocols::line_bytes + 1, protocols::line_bytes + 905}) {
    for (int parts = 0; parts <= 3; ++parts) {
      const auto other = ParsedInParts(format, text, block, parts).result;
      if (other == whole) continue;
      return fmt::format("{} parts, blocks of {}: {} pairs, error \"{}\"; in one go {} pairs, error \"{}\"", parts, block,
                         other.pairs.size(), other.error, whole.pairs.size(), whole.error);
    }
  }
  if (!whole.error.empty()) {
    const bool one_line = std::ranges::all_of(whole.error, [](char c) { return c >= ' ' && c <= '~'; });
    return one_line && whole.error.starts_with("text:") ? "" : "an error that is no line of plain text: " + whole.error;
  }
  const auto end = whole.declared == protocols::Declared::range ? whole.lowest + whole.count : protocols::vertex_limit;
  for (const auto& [u, v] : whole.pairs) {
    if (std::min(u, v) < whole.lowest || std::max(u, v) >= end) return fmt::format("pair {} {} is out of range", u, v);
  }
  return "";
}

}  // namespace tests
