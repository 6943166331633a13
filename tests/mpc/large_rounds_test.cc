#include <cstdint>
#include <fstream>
#include <span>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "mpc/cluster.h"
#include "mpc/hash.h"
#include "mpc/transport/in_process.h"

#include "tests/support/ranks_transport.h"
#include "tests/support/sanitized.h"
#include "tests/support/threaded_ranks.h"

namespace tests {
namespace {

using mpc::Word;

/// Bytes of this process that are in memory now.
std::int64_t resident() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0, pages = 0;
  file >> all >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

/// So many letters that their memory is given back while they are read: more than 2^22, on one rank.
constexpr std::uint64_t machines = 5000, each = 1000;
constexpr std::int64_t letter_bytes = machines * each * 16;

std::uint64_t destination(std::uint64_t source, std::uint64_t i) { return (source * 17 + i * 7919) % machines; }

mpc::Model model_of(std::uint64_t machines, std::uint64_t words) {
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{words};
  model.word_bits = 64;
  return model;
}

class LargeRounds : public testing::Test {
 protected:
  static void send(const mpc::Machine& me, mpc::Outbox<Word>& out) {
    for (std::uint64_t i = 0; i < each; ++i) out.send(destination(me.id().value, i), Word{i + 1});
  }
  void read(const mpc::Machine& me, const mpc::Inbox<Word>& inbox) {
    std::uint64_t last = 0;
    for (const auto& [source, number] : inbox) {
      const auto place = source.value * each + number;
      wrong_ += place <= last || destination(source.value, number - 1) != me.id().value ? 1U : 0U;
      last = place;
      ++letters_;
    }
  }
  void expect_each_letter_once_a_reading(std::uint64_t readings) {
    EXPECT_EQ(wrong_, 0U);
    EXPECT_EQ(letters_, readings * machines * each);
  }

  mpc::InProcess transport_;
  mpc::Cluster cluster_{model_of(machines, 4 * each), transport_};
  std::uint64_t letters_ = 0, wrong_ = 0;
};

TEST_F(LargeRounds, AreReadUntilTheNextRoundAndGiveTheirMemoryBack) {
  const auto before = resident();
  std::int64_t most = 0, unread = 0;
  const auto first = cluster_.round<Word>(cluster_.nothing(), [&](const auto& me, auto, auto& out) { send(me, out); });
  cluster_.local(first, [&](const auto& me, auto inbox) { read(me, inbox); });
  cluster_.local(first, [&](const auto& me, auto inbox) { read(me, inbox); });
  expect_each_letter_once_a_reading(2);
  const auto second = cluster_.round<Word>(first, [&](const auto& me, auto inbox, auto& out) {
    read(me, inbox);
    send(me, out);
    if (me.id().value + 1 == machines) most = resident() - before;
  });
  expect_each_letter_once_a_reading(3);
  cluster_.local(second, [&](const auto& me, auto inbox) { read(me, inbox); });
  expect_each_letter_once_a_reading(4);
  cluster_.round<Word>(cluster_.nothing(), [&](const auto&, auto, auto&) { unread = resident() - before; });
  if (sanitized) return;
  // What was read is given back before all is sent; what nobody reads, before anything is.
  EXPECT_LT(most, letter_bytes * 3 / 2);
  EXPECT_LT(unread, letter_bytes / 2);
}

/// A machine that reads after all others, or not at all, is no exception.
TEST(LargeRoundsOfFewMachines, GiveTheirMemoryBackToo) {
  constexpr Word letters = Word{6} << 20;
  mpc::InProcess transport;
  mpc::Cluster cluster(model_of(3, letters), transport);
  for (const bool asleep : {false, true}) {
    SCOPED_TRACE(asleep ? "asleep" : "awake");
    const auto before = resident();
    const auto mail = cluster.round<Word>(cluster.nothing(), [](const auto& me, auto, auto& out) {
      for (Word i = 0; me.id().value != 1 && i < letters / 2; ++i) out.send(Word{2}, i);
    });
    if (asleep) cluster.local([](const auto& me) { me.sleep(); });
    Word read = 0;
    cluster.round<Word>(mail, [&](const auto&, auto inbox, auto&) { read += inbox.size(); });
    EXPECT_EQ(read, asleep ? 0 : letters);
    if (sanitized) continue;
    EXPECT_LT(resident() - before, static_cast<std::int64_t>(letters * 16 / 2));
  }
}

/// What goes from rank to rank is given back when it is sent, and not before.
TEST(LargeRoundsOnRanks, ArriveWhole) {
  constexpr std::uint64_t count = 40, sent = 220'000;
  ThreadedRanks::run(2, [&](mpc::Ranks& ranks) {
    RanksTransport transport(ranks);
    mpc::Cluster cluster(model_of(count, 2 * sent), transport);
    std::uint64_t watched = 0, letters = 0, wrong = 0;
    cluster.on_memory(
        [&](std::uint64_t, mpc::MachineId, std::span<const Word>, std::span<const Word> words) { watched += words.size() / 3; });
    const auto send = [&](const auto& me, auto& out) {
      for (std::uint64_t i = 0; i < sent; ++i) out.send((me.id().value + i) % count, mpc::mix(me.id().value * sent + i));
    };
    const auto read = [&](const auto& me, auto inbox) {
      // From every machine every count-th of its letters, in order.
      std::vector<std::uint64_t> next(count);
      for (const auto& [source, word] : inbox) {
        const auto i = (me.id().value + count - source.value) % count + count * next[source.value]++;
        wrong += word == mpc::mix(source.value * sent + i) ? 0U : 1U;
        ++letters;
      }
    };
    auto mail = cluster.round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) { send(me, out); });
    mail = cluster.round<Word>(mail, [&](const auto& me, auto inbox, auto& out) {
      read(me, inbox);
      send(me, out);
    });
    cluster.local(mail, read);
    EXPECT_GT(count / 2 * sent, std::uint64_t{1} << 22);
    EXPECT_EQ(letters, 2 * (count / 2) * sent);
    EXPECT_EQ(watched, letters);
    EXPECT_EQ(wrong, 0U);
  });
}

/// Letters of one machine a rank are read where they arrived, so there is nothing to give back where ordered ones would be.
TEST(LargeRoundsOfOneMachine, LeaveOtherMemoryAlone) {
  constexpr Word letters = Word{5} << 20;
  mpc::InProcess transport;
  mpc::Cluster cluster(model_of(1, letters), transport);
  cluster.round<std::vector<Word>>(cluster.nothing(), [](const auto&, auto, auto& out) { out.send(Word{0}, {1, 2, 3}); });
  // On the heap, behind the little that ordering this one letter took.
  constexpr std::size_t block_words = 10'000;
  const std::vector<Word> pattern(block_words, 0x123456789abcdef);
  const std::vector<std::vector<Word>> blocks(1500, pattern);
  const auto mail = cluster.round<Word>(cluster.nothing(), [](const auto&, auto, auto& out) {
    for (Word i = 0; i < letters; ++i) out.send(Word{0}, i);
  });
  Word expected = 0, wrong = 0;
  cluster.local(mail, [&](const auto&, auto inbox) {
    for (const auto& [source, i] : inbox) wrong += i == expected++ ? 0U : 1U;
  });
  EXPECT_EQ(expected, letters);
  EXPECT_EQ(wrong, 0U);
  cluster.round<Word>(cluster.nothing(), [](const auto&, auto, auto&) {});
  for (const auto& block : blocks) ASSERT_TRUE(block == pattern);
}

}  // namespace
}  // namespace tests
