#include "mpc/transport/grid.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi_grid.h"

namespace tests {
namespace {

using mpc::GridPlace;

TEST(GridPlace, EveryRankIsInOneRowAndOneColumn) {
  for (std::size_t ranks = 1; ranks <= 300; ++ranks) {
    const GridPlace place(ranks);
    std::vector<std::size_t> row_of(ranks, SIZE_MAX), column_of(ranks, SIZE_MAX);
    const auto check = [&](std::size_t rank, std::vector<std::size_t>& seen, std::size_t line, std::size_t last) {
      ASSERT_LT(rank, ranks);
      ASSERT_EQ(seen[rank], SIZE_MAX) << rank << " of " << ranks;
      ASSERT_TRUE(last == SIZE_MAX || last < rank) << "members in ascending order";
      seen[rank] = line;
    };
    for (std::size_t row = 0; row < place.rows(); ++row) {
      for (std::size_t i = 0, last = SIZE_MAX; i < place.row_members(row); last = place.row_member(row, i++)) {
        check(place.row_member(row, i), row_of, row, last);
      }
    }
    for (std::size_t column = 0; column < place.columns(); ++column) {
      for (std::size_t i = 0, last = SIZE_MAX; i < place.column_members(column); last = place.column_member(column, i++)) {
        check(place.column_member(column, i), column_of, column, last);
      }
    }
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      ASSERT_EQ(place.row(rank), row_of[rank]) << rank << " of " << ranks;
      ASSERT_EQ(place.column(rank), column_of[rank]) << rank << " of " << ranks;
    }
  }
}

TEST(GridPlace, ARowMeetsEveryColumn) {
  for (std::size_t ranks = 1; ranks <= 300; ++ranks) {
    const GridPlace place(ranks);
    for (std::size_t row = 0; row < place.rows(); ++row) {
      std::set<std::size_t> columns;
      for (std::size_t i = 0; i < place.columns(); ++i) {
        ASSERT_FALSE(place.extra(place.row_member(row, i)));
        columns.insert(place.column(place.row_member(row, i)));
      }
      ASSERT_EQ(columns.size(), place.columns()) << row << " of " << ranks;
    }
  }
}

TEST(GridPlace, APartnerOrTwoMoreThanTwiceTheRoot) {
  for (std::size_t ranks = 1; ranks <= 5000; ++ranks) {
    const GridPlace place(ranks);
    std::size_t most = 0;
    for (std::size_t row = 0; row < place.rows(); ++row) most = std::max(most, place.row_members(row));
    for (std::size_t column = 0; column < place.columns(); ++column)
      most = std::max(most, place.row_members(0) + place.column_members(column));
    ASSERT_LE(static_cast<double>(most), 2 * std::sqrt(static_cast<double>(ranks)) + 4) << ranks;
  }
}

/// Notes the exchanges that it is asked for.
class Noting final : public mpc::Transport {
 public:
  mpc::Ranks& ranks() override { return carrier_.ranks(); }
  const char* name() const override { return "noting"; }
  void announce(std::span<const mpc::Word> send, std::span<mpc::Word> receive, std::size_t each) override {
    carrier_.announce(send, receive, each);
  }
  void exchange(std::span<const mpc::Outgoing>, std::span<const mpc::Incoming>, std::size_t total) override { totals.push_back(total); }
  void minimum(std::span<mpc::Word>) override {}

  std::vector<std::size_t> totals;

 private:
  mpc::InProcess carrier_;
};

TEST(Grid, LargeExchangesGoDirect) {
  Noting direct, row, column;
  mpc::Grid grid(direct, row, column, 100);
  const std::vector<mpc::Outgoing> send(1);
  const std::vector<mpc::Incoming> receive(1);
  using Totals = std::vector<std::size_t>;
  grid.exchange(send, receive, 100);
  EXPECT_EQ(direct.totals, Totals{});
  EXPECT_EQ(row.totals, Totals{100});
  EXPECT_EQ(column.totals, Totals{100});
  grid.exchange(send, receive, 101);
  EXPECT_EQ(direct.totals, Totals{101});
  EXPECT_EQ(row.totals, Totals{100});
  EXPECT_EQ(column.totals, Totals{100});
}

TEST(Grid, TheCrossoverIsThatOfTheModel) {
  EXPECT_EQ(mpc::MpiGrid::crossover_words(1), 0U);
  EXPECT_EQ(mpc::MpiGrid::crossover_words(4), 0U);
  // 2e-6 s * (64 - 16) * 0.39e9 B/s / 8 B; the same for 1024 - 64.
  EXPECT_EQ(mpc::MpiGrid::crossover_words(64), 4680U);
  EXPECT_EQ(mpc::MpiGrid::crossover_words(1024), 93600U);
}

}  // namespace
}  // namespace tests
