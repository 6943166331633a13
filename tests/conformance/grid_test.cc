#include <optional>

#include <gtest/gtest.h>

#include "mpc/hash.h"
#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi_grid.h"
#include "mpc/transport/scrambled.h"

#include "tests/support/traffic.h"
#include "tests/support/transports.h"

/// The grid at numbers of ranks for which the other tests start too many processes.
namespace tests {
namespace {

std::size_t rank() { return static_cast<std::size_t>(world().rank()); }
std::size_t size() { return static_cast<std::size_t>(world().size()); }

TEST(Grid, AnnouncesToEveryRank) {
  mpc::MpiGrid grid(world());
  for (const std::size_t each : {1, 5}) {
    const auto word = [&](std::size_t from, std::size_t to, std::size_t i) { return mpc::mix((from * size() + to) * 8 + i); };
    std::vector<Word> send(size() * each), receive(size() * each, 0);
    for (std::size_t to = 0; to < size(); ++to) {
      for (std::size_t i = 0; i < each; ++i) send[to * each + i] = word(rank(), to, i);
    }
    grid.announce(send, receive, each);
    for (std::size_t from = 0; from < size(); ++from) {
      for (std::size_t i = 0; i < each; ++i) EXPECT_EQ(receive[from * each + i], word(from, rank(), i)) << "from " << from;
    }
  }
}

TEST(Grid, TakesTheMinimumOverAllRanks) {
  mpc::MpiGrid grid(world());
  std::vector<Word> values{rank() + 3, size() - rank()};
  grid.minimum(values);
  EXPECT_EQ(values, (std::vector<Word>{3, 1}));
}

/// Words from one rank to another in a round: often none, sometimes many.
std::size_t block_words(std::size_t round, std::size_t from, std::size_t to) {
  const mpc::PublicHash hash(round);
  return from == to || hash.below(3, from, to) == 0 ? 0 : hash.below(hash.below(9, to, from) == 0 ? 900 : 20, from, to + 1000);
}

TEST(Grid, ExchangesBlocksOfAnySize) {
  // All in two hops, in MPI calls of at most 7 words, and large ones direct.
  mpc::MpiGrid whole(world()), in_pieces(world(), mpc::MpiGrid::always, small_piece_words), mixed(world(), 50);
  const auto word = [&](std::size_t round, std::size_t from, std::size_t to, std::size_t i) {
    return mpc::mix(mpc::mix(mpc::mix(round * 1000 + from) + to) + i);
  };
  for (auto* grid : {&whole, &in_pieces, &mixed}) {
    for (std::size_t round = 0; round < 6; ++round) {
      SCOPED_TRACE(round);
      std::size_t total = 0;
      for (std::size_t from = 0; from < size(); ++from) {
        for (std::size_t to = 0; to < size(); ++to) total += block_words(round, from, to);
      }
      std::vector<std::vector<Word>> out(size()), in(size());
      std::vector<mpc::Outgoing> send(size());
      std::vector<mpc::Incoming> receive(size());
      for (std::size_t other = 0; other < size(); ++other) {
        out[other].resize(block_words(round, rank(), other));
        for (std::size_t i = 0; i < out[other].size(); ++i) out[other][i] = word(round, rank(), other, i);
        // A word more than comes, which must stay.
        in[other].assign(block_words(round, other, rank()) + 1, 12345);
        send[other] = {out[other].data(), out[other].size()};
        receive[other] = {in[other].data(), in[other].size() - 1};
      }
      grid->exchange(send, receive, total);
      for (std::size_t from = 0; from < size(); ++from) {
        for (std::size_t i = 0; i + 1 < in[from].size(); ++i) ASSERT_EQ(in[from][i], word(round, from, rank(), i)) << "from " << from;
        ASSERT_EQ(in[from].back(), 12345U) << "from " << from;
      }
    }
  }
}

/// The blocks of the test above are a hard case.
TEST(Grid, SomeBlocksAreEmptyAndSomeAreLarge) {
  std::size_t empty = 0, small = 0, large = 0;
  for (std::size_t round = 0; round < 6; ++round) {
    for (std::size_t from = 0; from < size(); ++from) {
      for (std::size_t to = 0; to < size(); ++to) {
        if (from == to) continue;
        const auto words = block_words(round, from, to);
        ++(words == 0 ? empty : words < 20 ? small : large);
      }
    }
  }
  EXPECT_GT(empty, 0U);
  EXPECT_GT(small, 0U);
  EXPECT_GT(large, 0U);
}

template <class T>
void expect_the_ledger_of_one_process(std::uint64_t machines) {
  const auto traffic = make_traffic<T>(machines, 2);
  const auto digest = [&](mpc::Transport& transport) {
    SCOPED_TRACE(testing::Message() << transport.name() << ", " << machines << " machines");
    mpc::Cluster cluster(traffic.model(), transport);
    Surprises surprises;
    const auto ledger = execute(traffic, cluster, surprises);
    EXPECT_EQ(surprises.count, 0U) << surprises.first;
    return ledger.digest();
  };
  mpc::InProcess alone;
  const auto expected = digest(alone);
  mpc::MpiGrid grid(world());
  EXPECT_EQ(digest(grid), expected);
  mpc::Scrambled scrambled(grid, 5);
  EXPECT_EQ(digest(scrambled), expected);
}

TEST(Grid, LedgersAndInboxesAreThoseOfOneProcess) {
  for (const std::uint64_t machines : {5, 16, 101}) {
    expect_the_ledger_of_one_process<Plain<2>>(machines);
    expect_the_ledger_of_one_process<Ragged>(machines);
  }
}

}  // namespace
}  // namespace tests
