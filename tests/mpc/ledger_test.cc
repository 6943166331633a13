#include "mpc/ledger.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/threaded_ranks.h"

namespace tests {
namespace {

mpc::Ledger sample() {
  mpc::Ledger ledger;
  for (std::uint64_t r = 0; r < 3; ++r) {
    const auto k = 100 * r;
    ledger.rounds.push_back({"label", "file.cc:7", k + 1, k + 2, k + 3, k + 4, k + 5, k + 6, k + 7, k + 8, k + 9, k + 10, {1, 2, 3, 4, 5}});
  }
  ledger.final_max_kept = 55;
  return ledger;
}

TEST(Digest, ChangesWithEveryCountLabelAndContent) {
  using Entry = mpc::RoundEntry;
  const auto digest = sample().digest();
  EXPECT_EQ(sample().digest(), digest);
  for (const auto field :
       {&Entry::messages, &Entry::words, &Entry::max_sent, &Entry::max_sent_machine, &Entry::max_received, &Entry::max_received_machine,
        &Entry::max_kept, &Entry::max_kept_plus_sent, &Entry::max_kept_plus_received, &Entry::content}) {
    for (std::size_t r = 0; r < 3; ++r) {
      auto other = sample();
      ++(other.rounds[r].*field);
      EXPECT_NE(other.digest(), digest);
    }
  }
  auto other = sample();
  other.rounds[1].label = "lab";
  EXPECT_NE(other.digest(), digest);
  other = sample();
  ++other.final_max_kept;
  EXPECT_NE(other.digest(), digest);
  other = sample();
  other.rounds.pop_back();
  EXPECT_NE(other.digest(), digest);
  other = sample();
  std::swap(other.rounds[0], other.rounds[1]);
  EXPECT_NE(other.digest(), digest);
  EXPECT_NE(mpc::Ledger().digest(), digest);
  // A label and its neighbour's count do not run into each other.
  other = sample();
  other.rounds[0].label = "a";
  other.rounds[1].label = "bc";
  auto shifted = other;
  shifted.rounds[0].label = "ab";
  shifted.rounds[1].label = "c";
  EXPECT_NE(other.digest(), shifted.digest());
}

TEST(Digest, LeavesOutTimesAndCallSites) {
  auto other = sample();
  for (auto& round : other.rounds) {
    round.site = "elsewhere.cc:1";
    round.seconds = {9, 9, 9, 9, 9};
  }
  other.after = {1, 1, 1, 1, 1};
  EXPECT_EQ(other.digest(), sample().digest());
}

TEST(Csv, HasAHeaderAndARowForEveryRound) {
  std::istringstream lines(sample().csv());
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line,
            "round,label,site,messages,words,max_sent,max_sent_machine,max_received,max_received_machine,max_kept,max_kept_plus_sent,"
            "max_kept_plus_received,content,compute_s,pack_s,exchange_s,unpack_s,idle_s");
  const auto columns = std::ranges::count(line, ',');
  std::vector<std::string> rows;
  while (std::getline(lines, line)) {
    EXPECT_EQ(std::ranges::count(line, ','), columns) << line;
    rows.push_back(line);
  }
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(
      rows[1],
      "2,label,file.cc:7,101,102,103,104,105,106,107,108,109,000000000000006e,1.000000000,2.000000000,3.000000000,4.000000000,5.000000000");
  EXPECT_EQ(std::ranges::count(mpc::Ledger().csv(), '\n'), 1);
}

TEST(Totals, AreSumsAndMaxima) {
  const auto ledger = sample();
  EXPECT_EQ(ledger.messages(), 303U);
  EXPECT_EQ(ledger.words(), 306U);
  EXPECT_EQ(ledger.max_sent(), 203U);
  EXPECT_EQ(ledger.max_received(), 205U);
  EXPECT_EQ(ledger.max_kept(), 207U);
  EXPECT_EQ(ledger.max_kept_plus_sent(), 208U);
  EXPECT_EQ(ledger.max_kept_plus_received(), 209U);
  auto more = ledger;
  more.final_max_kept = 999;
  EXPECT_EQ(more.max_kept(), 999U);
  EXPECT_EQ(ledger.seconds().compute, 3);
  EXPECT_EQ(ledger.seconds().all(), 45);
}

TEST(Combined, SumsTakesMaximaAndNamesTheLowestMachine) {
  const auto ledgers = ThreadedRanks::results(3, [](mpc::Ranks& ranks) {
    const auto rank = static_cast<std::uint64_t>(ranks.rank());
    mpc::Ledger mine;
    mine.rounds.resize(2);
    auto& round = mine.rounds[0];
    round.label = "l";
    round.messages = rank + 1;
    round.words = 10 * rank;
    round.content = std::uint64_t{1} << (62 + rank % 2);
    round.max_sent = rank == 1 ? 3 : 7;  // ranks 0 and 2: the lower machine is named
    round.max_sent_machine = 20 * rank + 5;
    round.max_received = rank;
    round.max_received_machine = 20 * rank + 1;
    round.max_kept = 9 - rank;
    round.max_kept_plus_sent = 30 + rank;
    round.max_kept_plus_received = rank == 1 ? 40 : 4;
    round.seconds.idle = 0.5 * static_cast<double>(rank);
    mine.final_max_kept = rank == 1 ? 8 : 2;
    return mpc::combined(mine, ranks);
  });
  for (const auto& all : ledgers) {
    const auto& round = all.rounds[0];
    EXPECT_EQ(round.label, "l");
    EXPECT_EQ(round.messages, 6U);
    EXPECT_EQ(round.words, 30U);
    EXPECT_EQ(round.content, std::uint64_t{0});  // sums wrap
    EXPECT_EQ(round.max_sent, 7U);
    EXPECT_EQ(round.max_sent_machine, 5U);
    EXPECT_EQ(round.max_received, 2U);
    EXPECT_EQ(round.max_received_machine, 41U);
    EXPECT_EQ(round.max_kept, 9U);
    EXPECT_EQ(round.max_kept_plus_sent, 32U);
    EXPECT_EQ(round.max_kept_plus_received, 40U);
    EXPECT_NEAR(round.seconds.idle, 0.5, 1e-8);  // the mean, in whole nanoseconds
    EXPECT_EQ(all.final_max_kept, 8U);
    EXPECT_EQ(all.rounds[1].max_sent_machine, 0U);  // nobody sent
    EXPECT_EQ(all.digest(), ledgers[0].digest());
  }
}

}  // namespace
}  // namespace tests
