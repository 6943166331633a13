#include <gtest/gtest.h>

#include "mpc/cluster.h"
#include "mpc/transport/in_process.h"

namespace tests {
namespace {

using mpc::Word;

std::uint64_t visits = 0;

/// Counts how often anything looks at a value.
struct Watched {
  Word word = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    ++visits;
    archive& word;
  }
};

/// The same, of no fixed size.
struct WatchedList {
  std::vector<Word> items;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    ++visits;
    archive& items;
  }
};

/// Of a million machines a handful is awake: a round runs and looks at those, and at no others.
TEST(Awake, ARoundCostsWhatTheAwakeDo) {
  constexpr std::uint64_t machines = 1'000'000;
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{20};
  model.word_bits = 40;
  mpc::InProcess transport;
  mpc::Cluster cluster(model, transport);
  auto fixed = cluster.make<Watched>();
  auto ragged = cluster.make<WatchedList>();

  std::uint64_t steps = 0, letters = 0;
  const auto taken = [](std::uint64_t& count) { return std::exchange(count, 0); };
  auto mail = cluster.round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
    ++steps;
    if (me.id().value % 250'000 == 3) out.send(me.id().value + 1, 7);
    me.sleep();
  });
  EXPECT_EQ(taken(steps), machines);
  EXPECT_GE(taken(visits), machines);

  for (int round = 0; round < 50; ++round) {
    // Four are woken, and each hands the letter on.
    mail = cluster.round<Word>(mail, [&](const auto& me, auto inbox, auto& out) {
      ++steps;
      letters += inbox.size();
      fixed[me].word += 1;
      ragged[me].items.assign(round % 4, 1);
      for (const auto& [source, word] : inbox) out.send((me.id().value + 1) % machines, word);
      me.sleep();
    });
    EXPECT_EQ(taken(steps), 4U);
    EXPECT_EQ(taken(letters), 4U);
    EXPECT_LE(taken(visits), 4U * 20);
    cluster.local(mail, [&](const auto&, auto inbox) {
      ++steps;
      letters += inbox.size();
    });
    EXPECT_EQ(taken(steps), 4U);
    EXPECT_EQ(taken(letters), 4U);
    EXPECT_EQ(taken(visits), 0U);
  }
  // Nobody is awake at all.
  for (int round = 0; round < 3; ++round) {
    cluster.round<Word>(cluster.nothing(), [&](const auto& me, auto, auto&) {
      ++steps;
      me.sleep();
    });
  }
  EXPECT_EQ(taken(steps), 4U);
  const auto ledger = cluster.finish();
  EXPECT_EQ(ledger.rounds.size(), 54U);
  EXPECT_EQ(ledger.messages(), 4U * 51);
  EXPECT_EQ(ledger.max_kept(), 5U);  // 1, and a list of at most three
}

}  // namespace
}  // namespace tests
