#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "mpc/buffer.h"
#include "mpc/transport.h"

namespace mpc {

/// Where ranks stand in a grid of C = floor(sqrt(P)) columns and floor(P / C) rows, filled row by row. The E < C ranks that are left over
/// stand below the first E columns, and each sends as one more member of a row: the i-th of them of row i, which exists since there are
/// at least C rows. Every rank is in one row and one column, numbered as below.
class GridPlace {
 public:
  explicit GridPlace(std::size_t ranks);

  std::size_t ranks() const { return ranks_; }
  std::size_t columns() const { return columns_; }
  std::size_t rows() const { return rows_; }
  bool extra(std::size_t rank) const { return rank >= rows_ * columns_; }
  std::size_t row(std::size_t rank) const { return extra(rank) ? column(rank) : rank / columns_; }
  std::size_t column(std::size_t rank) const { return rank % columns_; }
  /// Members of a row in ascending rank order: its columns() ranks, then its extra one, if any.
  std::size_t row_members(std::size_t row) const { return columns_ + (row < ranks_ - rows_ * columns_ ? 1 : 0); }
  /// Members of a column: one of each of the rows(), then the extra one, if any.
  std::size_t column_members(std::size_t column) const { return rows_ + (column < ranks_ - rows_ * columns_ ? 1 : 0); }
  std::size_t row_member(std::size_t row, std::size_t i) const { return i < columns_ ? row * columns_ + i : rows_ * columns_ + row; }
  std::size_t column_member(std::size_t column, std::size_t i) const { return i * columns_ + column; }

 private:
  std::size_t ranks_, columns_, rows_;
};

/// Messages in two hops: along the sender's row to the rank in the receiver's column, then down that column. A rank has about 2 sqrt(P)
/// partners instead of P - 1, and every word travels twice: faster where latency dominates. The words of a block stay together and in
/// order, and the rank between the two hops, which is told all counts in the row, passes blocks on in the order of their sources; so
/// inboxes and ledger are the same as with any other transport.
class Grid : public Transport {
 public:
  /// Transports among all ranks, the ranks of this rank's row and those of its column, numbered as in GridPlace. An exchange of more than
  /// `most_words` words a rank goes `direct`, where bandwidth counts and not latency.
  Grid(Transport& direct, Transport& row, Transport& column, std::size_t most_words);

  Ranks& ranks() override { return direct_.ranks(); }
  const char* name() const override { return "grid"; }
  void announce(std::span<const Word> send, std::span<Word> receive, std::size_t each) override;
  void exchange(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t total) override;
  void minimum(std::span<Word> values) override { direct_.minimum(values); }

 private:
  void along_row(std::span<const Outgoing> send, std::size_t total);
  void along_column(std::span<const Incoming> receive, std::size_t total);

  Transport& direct_;
  Transport& row_;
  Transport& column_;
  std::size_t most_words_;
  GridPlace place_;
  std::size_t rank_;
  std::vector<Word> row_send_, row_receive_, column_send_, column_receive_;  // announcements
  std::vector<Word> counts_;          // counts_[i * members of the column + k]: from row member i to column member k
  std::vector<const Word*> between_;  // where these words are
  Buffer first_send_, first_receive_, second_send_, second_receive_;
};

}  // namespace mpc
