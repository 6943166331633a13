#include "mpc/transport/grid.h"

#include <algorithm>
#include <cmath>

namespace mpc {
namespace {

/// floor(sqrt(x)).
std::size_t integer_root(std::size_t x) {
  auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(x)));
  while (root * root > x) --root;
  while ((root + 1) * (root + 1) <= x) ++root;
  return root;
}

}  // namespace

GridPlace::GridPlace(std::size_t ranks) : ranks_(ranks), columns_(integer_root(ranks)), rows_(ranks / columns_) {}

Grid::Grid(Transport& direct, Transport& row, Transport& column, std::size_t most_words)
    : direct_(direct),
      row_(row),
      column_(column),
      most_words_(most_words),
      place_(static_cast<std::size_t>(direct.ranks().size())),
      rank_(static_cast<std::size_t>(direct.ranks().rank())) {}

void Grid::announce(std::span<const Word> send, std::span<Word> receive, std::size_t each) {
  const auto row = place_.row(rank_);
  const auto column = place_.column(rank_);
  const auto row_members = place_.row_members(row);
  const auto column_members = place_.column_members(column);
  // To the row's member in a column goes what is for that column's ranks; the extra member passes nothing on.
  const auto most_below = (place_.rows() + 1) * each;
  row_send_.assign(row_members * most_below, 0);
  row_receive_.resize(row_members * most_below);
  for (std::size_t to = 0; to < place_.ranks(); ++to) {
    const auto at = place_.column(to) * most_below + to / place_.columns() * each;
    std::copy_n(send.begin() + static_cast<std::ptrdiff_t>(to * each), each, row_send_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  row_.announce(row_send_, row_receive_, most_below);
  // To the column's ranks goes what the row's members said to each.
  const auto most_beside = (place_.columns() + 1) * each;
  column_send_.assign(column_members * most_beside, 0);
  column_receive_.resize(column_members * most_beside);
  if (!place_.extra(rank_)) {
    for (std::size_t from = 0; from < row_members; ++from) {
      for (std::size_t to = 0; to < column_members; ++to) {
        std::copy_n(row_receive_.begin() + static_cast<std::ptrdiff_t>(from * most_below + to * each), each,
                    column_send_.begin() + static_cast<std::ptrdiff_t>(to * most_beside + from * each));
      }
    }
  }
  column_.announce(column_send_, column_receive_, most_beside);
  for (std::size_t i = 0; i < place_.rows(); ++i) {
    for (std::size_t from = 0; from < place_.row_members(i); ++from) {
      std::copy_n(column_receive_.begin() + static_cast<std::ptrdiff_t>(i * most_beside + from * each), each,
                  receive.begin() + static_cast<std::ptrdiff_t>(place_.row_member(i, from) * each));
    }
  }
}

void Grid::exchange(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t total) {
  if (total / place_.ranks() > most_words_) return direct_.exchange(send, receive, total);
  along_row(send, total);
  along_column(receive, total);
}

/// Fills counts_ and between_: what this rank shall pass down its column.
void Grid::along_row(std::span<const Outgoing> send, std::size_t total) {
  const auto row_members = place_.row_members(place_.row(rank_));
  const auto column_members = place_.column_members(place_.column(rank_));
  const auto me = rank_ % place_.columns();
  const bool passes_on = !place_.extra(rank_);

  const auto most_below = place_.rows() + 1;
  row_send_.assign(row_members * most_below, 0);
  row_receive_.resize(row_members * most_below);
  std::size_t words = 0;
  for (std::size_t to = 0; to < place_.ranks(); ++to) {
    row_send_[place_.column(to) * most_below + to / place_.columns()] = send[to].count;
    words += send[to].count;
  }
  row_.announce(row_send_, row_receive_, most_below);

  std::vector<Outgoing> out(row_members);
  std::vector<Incoming> in(row_members);
  first_send_.reserve(words);
  auto* next = first_send_.data();
  for (std::size_t to = 0; to < place_.columns(); ++to) {
    out[to].words = next;
    for (std::size_t k = 0; k < place_.column_members(to); ++k) {
      const auto& block = send[place_.column_member(to, k)];
      if (block.count != 0) next = std::copy_n(block.words, block.count, next);
    }
    out[to].count = static_cast<std::size_t>(next - out[to].words);
  }
  words = 0;
  counts_.assign(row_members * column_members, 0);
  for (std::size_t from = 0; passes_on && from < row_members; ++from) {
    for (std::size_t k = 0; k < column_members; ++k) {
      const auto count = row_receive_[from * most_below + k];
      counts_[from * column_members + k] = count;
      in[from].count += count;
      words += count;
    }
  }
  first_receive_.reserve(words);
  auto* room = first_receive_.data();
  between_.assign(row_members * column_members, nullptr);
  for (std::size_t from = 0; from < row_members; ++from) {
    // A rank passes nothing to itself through a transport.
    const bool own = passes_on && from == me;
    const Word* at = own ? out[me].words : room;
    for (std::size_t k = 0; k < column_members; ++k) {
      between_[from * column_members + k] = at;
      at += counts_[from * column_members + k];
    }
    if (own) {
      out[me] = {};
      in[me] = {};
    } else {
      in[from].words = room;
      room += in[from].count;
    }
  }
  row_.exchange(out, in, total);
}

void Grid::along_column(std::span<const Incoming> receive, std::size_t total) {
  const auto row_members = place_.row_members(place_.row(rank_));
  const auto column_members = place_.column_members(place_.column(rank_));
  const auto me = rank_ / place_.columns();

  std::vector<Outgoing> out(column_members);
  std::vector<Incoming> in(column_members);
  std::size_t words = 0;
  for (const auto count : counts_) words += count;
  second_send_.reserve(words);
  auto* next = second_send_.data();
  for (std::size_t to = 0; to < column_members; ++to) {
    out[to].words = next;
    for (std::size_t from = 0; from < row_members; ++from) {
      const auto count = counts_[from * column_members + to];
      if (count != 0) next = std::copy_n(between_[from * column_members + to], count, next);
    }
    out[to].count = static_cast<std::size_t>(next - out[to].words);
  }
  words = 0;
  for (std::size_t i = 0; i < place_.rows(); ++i) {
    for (std::size_t from = 0; from < place_.row_members(i); ++from) in[i].count += receive[place_.row_member(i, from)].count;
    words += in[i].count;
  }
  second_receive_.reserve(words);
  auto* room = second_receive_.data();
  for (auto& block : in) {
    block.words = room;
    room += block.count;
  }
  const auto own = out[me];
  const auto own_room = in[me];
  out[me] = {};
  in[me] = {};
  column_.exchange(out, in, total);
  in[me] = own_room;
  if (own.count != 0) std::copy_n(own.words, own.count, own_room.words);
  for (std::size_t i = 0; i < place_.rows(); ++i) {
    const Word* at = in[i].words;
    for (std::size_t from = 0; from < place_.row_members(i); ++from) {
      const auto& block = receive[place_.row_member(i, from)];
      if (block.count != 0) std::copy_n(at, block.count, block.words);
      at += block.count;
    }
  }
}

}  // namespace mpc
