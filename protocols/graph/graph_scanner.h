#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/graph/edge.h"
#include "protocols/graph/graph_format.h"
#include "protocols/graph/raw_edges.h"
#include "protocols/graph/text_pieces.h"

namespace protocols {

/// What was read of a text, or of a part of it. The parts' counts add up to those of the whole.
struct ScanCounts {
  std::uint64_t lines = 0;
  std::uint64_t items = 0;    ///< lines of data: edges, entries, vertices
  std::uint64_t entries = 0;  ///< METIS: neighbours
  std::uint64_t balance = 0;  ///< METIS: 0 if every edge is listed from both its ends; else it is 0 with probability 2^-64

  ScanCounts& operator+=(const ScanCounts& other) {
    lines += other.lines, items += other.items, entries += other.entries, balance += other.balance;
    return *this;
  }
  friend ScanCounts operator-(const ScanCounts& a, const ScanCounts& b) {
    return {a.lines - b.lines, a.items - b.items, a.entries - b.entries, a.balance - b.balance};
  }
};

/// Parses one format, piece by piece: a header, and then lines that can be parsed in parts once the header is known.
/// Every error is an mpc::InputError "FILE:LINE: reason: expected ..., found ...", the same however the text was cut into blocks.
class GraphScanner {
 public:
  virtual ~GraphScanner() = default;

  /// Takes the next piece of the text; appends the pairs that it holds.
  virtual void take(const TextPiece& piece, std::vector<Edge>& pairs) = 0;
  /// What the whole text must hold, when all of it was taken: throws if it does not.
  virtual void finish(const ScanCounts& all) const = 0;

  /// Whether lines cannot be parsed without knowing how many come before.
  virtual bool needs_place() const { return false; }
  /// As take(), but only counts: no pairs, and no errors.
  virtual void count(const TextPiece&) {}
  /// The items that the header promises.
  virtual std::uint64_t most_items() const { return UINT64_MAX; }

  /// Whether the header is still going on: the pieces before its end are the same for every part.
  bool in_header() const { return in_header_; }
  /// Goes on where so much was read before.
  void move_to(const ScanCounts& before) { counts_ = before; }
  const ScanCounts& counts() const { return counts_; }

  Declared declared() const { return declared_; }
  std::uint64_t count() const { return count_; }
  /// The smallest vertex of a declared range.
  std::uint64_t lowest() const { return lowest_; }

 protected:
  /// `vertices` is what the user says that the file declares. Throws UsageError if it is not 1 to 2^48.
  GraphScanner(std::string path, std::optional<std::uint64_t> vertices);

  /// The vertices are lowest..lowest+count-1; `text` says so. Refuses what the user contradicts.
  void declare_range(std::uint64_t lowest, std::uint64_t count, std::string_view text);

  [[noreturn]] void refuse(std::string_view reason, std::string_view expected, std::string_view text) const;
  /// At a line, with something else found than a text.
  [[noreturn]] void refuse_at(std::uint64_t line, std::string_view reason, std::string_view expected, std::string_view found) const;
  /// A line with fields that is too long, or has a NUL byte.
  void check_line(std::string_view text, std::string_view expected) const;

  std::string path_;
  std::optional<std::uint64_t> asked_;  // vertices
  bool in_header_ = true;
  ScanCounts counts_;
  Declared declared_ = Declared::seen;
  std::uint64_t count_ = 0, lowest_ = 0;
};

/// Any format but automatic.
std::unique_ptr<GraphScanner> make_scanner(Format format, const std::string& path, std::optional<std::uint64_t> vertices);

}  // namespace protocols
