#include <gtest/gtest.h>

#include "transformer_bridge/compile/routing_modes.h"
#include "transformer_bridge/compile/slots.h"
#include "transformer_bridge/compile/superimposed.h"

#include "tests/transformer_bridge/compile/round.h"

namespace tests {
namespace {

using bridge::NumberType;

std::uint64_t wrong_receivers(const Read& read, const Round& round) {
  const auto expected = round.delivered();
  std::uint64_t wrong = 0;
  for (std::size_t machine = 0; machine < expected.size(); ++machine) {
    wrong += read.too_many[machine] != 0 || read.inbox[machine] != expected[machine] ? 1U : 0U;
  }
  return wrong;
}

struct Tally {
  std::uint64_t receivers = 0, wrong = 0, messages = 0;
};

/// Rounds of every kind through one routing, until so many receivers have read.
template <class Real>
Tally deliver(std::uint64_t machines, std::uint64_t packets, std::uint64_t words, std::uint64_t receivers, unsigned bits = 20) {
  const auto shape = bridge::superimposed().shape(task_of(machines, packets, words, bits, bridge::number_type_of<Real>));
  EXPECT_FALSE(bridge::objection(shape)) << *bridge::objection(shape);
  bridge::Superimposed<Real> routing(shape);
  Rounds rounds(machines, packets, words, bits, machines * 100 + packets * 10 + words);
  Tally tally;
  for (std::uint64_t i = 0; tally.receivers < receivers; ++i) {
    const auto round = i % 8 == 0   ? rounds.full()
                       : i % 8 == 1 ? rounds.all_to_one()
                       : i % 8 == 2 ? rounds.to_itself()
                       : i % 8 == 3 ? rounds.to_next()
                       : i % 8 == 4 ? rounds.broadcast()
                       : i == 5     ? rounds.empty()
                                    : rounds.random();
    const auto result = read(routing, written(routing, round));
    EXPECT_GE(result.margin, shape.margin);
    tally.wrong += wrong_receivers(result, round);
    tally.receivers += machines;
    for (const auto& sends : round.sends) tally.messages += sends.size();
  }
  return tally;
}

class SuperimposedRouting : public testing::TestWithParam<std::pair<std::uint64_t, std::uint64_t>> {};

TEST_P(SuperimposedRouting, DeliversEveryRoundInFloat32) {
  const auto [machines, packets] = GetParam();
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t receivers = 5000;  // the same paths, at a tenth of the speed
#else
  constexpr std::uint64_t receivers = 100000;
#endif
  std::uint64_t read = 0;
  for (std::uint64_t words = 1; words <= 5; ++words) {
    const auto tally = deliver<float>(machines, packets, words, receivers / 5);
    EXPECT_EQ(tally.wrong, 0U) << words << " words a packet";
    EXPECT_GT(tally.messages, tally.receivers / 4);
    read += tally.receivers;
  }
  EXPECT_GE(read, receivers);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (const std::uint64_t machines : {16, 50, 64, 256, 1024}) {
    for (const std::uint64_t packets : {2, 4, 8}) all.emplace_back(machines, packets);
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Sizes, SuperimposedRouting, testing::ValuesIn(sizes()), [](const auto& given) {
  return std::to_string(given.param.first) + "machines" + std::to_string(given.param.second) + "packets";
});

TEST(Superimposed, DeliversAtOddSizesInBothTypes) {
  for (const std::uint64_t machines : {1, 2, 3, 5, 7}) {
    for (const std::uint64_t packets : {1, 2, 3, 5, 9}) {
      for (const std::uint64_t words : {1, 3}) {
        EXPECT_EQ((deliver<float>(machines, packets, words, 200, 40).wrong), 0U) << machines << " " << packets << " " << words;
        EXPECT_EQ((deliver<double>(machines, packets, words, 200, 62).wrong), 0U) << machines << " " << packets << " " << words;
      }
    }
  }
}

TEST(Superimposed, DenseAndRoutedAreTheSameBits) {
  for (const std::uint64_t machines : {1, 16, 50}) {
    bridge::Superimposed<float> routing(bridge::superimposed().shape(task_of(machines, 4, 2, 20, NumberType::f32)));
    Rounds rounds(machines, 4, 2, 20, machines);
    for (const auto& round : {rounds.full(), rounds.random(), rounds.empty(), rounds.all_to_one()}) {
      const auto all = written(routing, round);
      const auto& head = all.heads[0];
      const auto& shape = routing.shape();
      const auto scale = static_cast<float>(shape.temperature);
      const auto dense = bridge::dense_weights(head.queries, head.keys, shape.key_width, scale);
      const auto routed = bridge::routed_weights(head.queries, head.keys, shape.key_width, scale);
      EXPECT_EQ(dense.margin, routed.margin);
      EXPECT_EQ(dense.keys, routed.keys);  // no two machines have the same query
      EXPECT_EQ(dense.weights, routed.weights);
      EXPECT_EQ(dense.ends, routed.ends);
      EXPECT_EQ(wrong_receivers(read(routing, all, true), round), 0U);
    }
  }
}

TEST(Superimposed, ASenderTooManyIsRefusedAndNotGarbled) {
  for (const std::uint64_t packets : {1, 2, 4, 8}) {
    const std::uint64_t machines = 64;
    bridge::Superimposed<float> routing(bridge::superimposed().shape(task_of(machines, packets, 1, 20, NumberType::f32)));
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Rounds rounds(machines, packets, 1, 20, seed);
      auto round = rounds.empty();
      // Each of them also sends as much as it can to others: the worst there is.
      for (std::uint64_t source = 0; source <= packets; ++source) {
        rounds.send(round, source, 63);
        for (std::uint64_t i = 1; i < packets; ++i) rounds.send(round, source, 10 + (source * 5 + i) % 50);
      }
      const auto all = written(routing, round);
      const auto result = read(routing, all);
      EXPECT_EQ(result.too_many[63], packets + 1);
      EXPECT_TRUE(result.inbox[63].empty());
    }
    Rounds rounds(machines, packets, 1, 20, 1);
    auto round = rounds.empty();
    for (std::uint64_t i = 0; i <= packets; ++i) rounds.send(round, 3, i);
    EXPECT_THROW(written(routing, round), bridge::Garbled);
  }
}

// Fewer senders than B may bring more than B packets: all are read, so that the cluster can refuse them by their exact number.
TEST(Superimposed, PacketsTooManyFromFewSendersAreCounted) {
  bridge::Superimposed<float> routing(bridge::superimposed().shape(task_of(16, 4, 1, 20, NumberType::f32)));
  Rounds rounds(16, 4, 1, 20, 5);
  auto round = rounds.empty();
  for (std::uint64_t source = 0; source < 4; ++source) {
    for (int i = 0; i < 4; ++i) rounds.send(round, source, 7);
  }
  EXPECT_EQ(wrong_receivers(read(routing, written(routing, round)), round), 0U);
}

// ---- What is broken is noticed ----------------------------------------------------------------------------------------------------

/// How a broken layer shows: by its margin, by what a machine reads (an exception), or not at all.
template <class Break>
std::string noticed(Break&& make_broken, std::uint64_t packets = 4) {
  const std::uint64_t machines = 50;
  bridge::Superimposed<float> routing(bridge::superimposed().shape(task_of(machines, packets, 2, 20, NumberType::f32)));
  Rounds rounds(machines, packets, 2, 20, 77);
  const auto round = rounds.full();
  auto all = written(routing, round);
  make_broken(all.heads[0], routing);
  std::string how;
  try {
    const auto result = read(routing, all);
    if (result.margin < routing.shape().margin) how = "margin";
    if (wrong_receivers(result, round) != 0) how += how.empty() ? "comparison" : " and comparison";
  } catch (const bridge::Garbled& error) {
    how = error.what();
  }
  return how;
}

using Head = Written<float>::Head;

TEST(Broken, NothingBrokenIsNotNoticed) {
  EXPECT_EQ(noticed([](Head&, auto&) {}), "");
}

// A bit of a key that a destination needs: it scores one less, which is far from underflow.
TEST(Broken, EveryFlippedBitOfAKeyIsNoticed) {
  for (std::size_t bit = 0; bit < 12; ++bit) {
    EXPECT_NE(noticed([&](Head& head, auto&) { head.keys.values_of(3)[bit] = 0; }), "") << bit;
  }
}

TEST(Broken, AKeyThatCoversEveryMachineIsNoticed) {
  const auto how = noticed([](Head& head, auto& routing) {
    bridge::BlockRows<float> keys;
    for (std::size_t i = 0; i < head.keys.rows(); ++i) {
      const auto row = head.keys.row(i);
      if (i == 3) {
        for (std::uint32_t column = 0; column + 1 < routing.shape().key_width; ++column) keys.add(column, 1);
      } else {
        for (std::size_t j = 0; j < row.at.size(); ++j) keys.add(row.at[j], row.values[j]);
      }
      keys.end_row();
    }
    head.keys = keys;
  });
  EXPECT_NE(how, "");
}

TEST(Broken, AHeaderOffByOneIsNoticed) {
  for (std::size_t field = 0; field < 4; ++field) {
    // In one slot, and in all slots of a sender.
    EXPECT_NE(noticed([&](Head& head, auto&) {
                for (std::size_t at = field; at < head.values.values_of(5).size(); at += head.values.block())
                  head.values.values_of(5)[at] += 1;
              }),
              "")
        << "field " << field;
  }
}

TEST(Broken, AWordOffByOneIsNoticed) {
  // The layer cannot know; the comparison with the messages does.
  EXPECT_EQ(noticed([](Head& head, auto&) {
              const auto values = head.values.values_of(5);
              for (std::size_t at = 4; at < values.size(); at += head.values.block()) values[at] += values[at] == 0 ? 1.0F : -1.0F;
            }),
            "comparison");
}

TEST(Broken, ATemperatureTooLowIsRefusedAndWouldBeNoticed) {
  auto task = task_of(50, 4, 2, 20, NumberType::f32);
  task.temperature = 0.5;
  const auto shape = bridge::superimposed().shape(task);
  ASSERT_TRUE(bridge::objection(shape));
  EXPECT_NE(bridge::objection(shape)->find("temperature"), std::string::npos);
  // And with it the layer does go wrong.
  bridge::Superimposed<float> routing(shape);
  Rounds rounds(50, 4, 2, 20, 77);
  const auto round = rounds.full();
  bool right = false;
  try {
    right = wrong_receivers(read(routing, written(routing, round)), round) == 0;
  } catch (const bridge::Garbled&) {
  }
  EXPECT_FALSE(right);
}

/// A packet code with too few points: packets can cover each other.
class ShortCode : public bridge::Superimposed<float> {
 public:
  explicit ShortCode(const bridge::RoutingShape& shape) : Superimposed(shape) {}
  /// Only the first `points` slots of every packet.
  void cut(Head& head, std::uint64_t points, std::uint64_t field) const {
    bridge::BlockRows<float> values(head.values.block());
    for (std::size_t i = 0; i < head.values.rows(); ++i) {
      const auto row = head.values.row(i);
      for (std::size_t j = 0; j < row.at.size(); ++j) {
        if (row.at[j] != 0 && (row.at[j] - 1) / field >= points) continue;
        std::ranges::copy(row.values.subspan(j * values.block(), values.block()), values.add(row.at[j]).begin());
      }
      values.end_row();
    }
    head.values = values;
  }
};

TEST(Broken, ACodeTooShortIsNoticed) {
  const std::uint64_t machines = 50, packets = 8;
  const auto shape = bridge::superimposed().shape(task_of(machines, packets, 1, 20, NumberType::f32));
  const auto code = bridge::packet_code(shape.task);
  ShortCode routing(shape);
  std::uint64_t right = 0, garbled = 0, wrong = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Rounds rounds(machines, packets, 1, 20, seed);
    const auto round = rounds.full();
    auto all = written(routing, round);
    routing.cut(all.heads[0], 1, code.field());  // one point: packets collide and none has a second chance
    try {
      wrong_receivers(read(routing, all), round) == 0 ? ++right : ++wrong;
    } catch (const bridge::Garbled&) {
      ++garbled;
    }
  }
  EXPECT_EQ(wrong, 0U);  // never mixed up
  EXPECT_GT(garbled, 0U);
}

// ---- Slots ------------------------------------------------------------------------------------------------------------------------

TEST(Slots, DeliversWhereEveryHeadHasOneSender) {
  for (const std::uint64_t machines : {1, 2, 3, 16, 50, 256}) {
    for (const std::uint64_t packets : {1, 2, 5}) {
      bridge::Slots<float> routing(bridge::slots().shape(task_of(machines, packets, 2, 20, NumberType::f32)));
      EXPECT_FALSE(bridge::objection(routing.shape()));
      Rounds rounds(machines, packets, 2, 20, machines);
      auto shifts = rounds.empty();  // the h-th message goes h places on: a permutation per head
      for (std::uint64_t source = 0; source < machines; ++source) {
        for (std::uint64_t h = 0; h < packets; ++h) rounds.send(shifts, source, (source + h * 3) % machines);
      }
      for (const auto& round : {shifts, rounds.to_itself(), rounds.to_next(), rounds.broadcast(), rounds.empty()}) {
        const auto all = written(routing, round);
        EXPECT_EQ(wrong_receivers(read(routing, all), round), 0U) << machines << " " << packets;
        EXPECT_EQ(wrong_receivers(read(routing, all, true), round), 0U) << machines << " " << packets;
      }
    }
  }
}

TEST(Slots, TwoSendersInAHeadAreRefused) {
  bridge::Slots<float> routing(bridge::slots().shape(task_of(50, 2, 1, 20, NumberType::f32)));
  Rounds rounds(50, 2, 1, 20, 3);
  for (const std::uint64_t senders : {2, 3, 20}) {
    auto round = rounds.empty();
    for (std::uint64_t source = 0; source < senders; ++source) rounds.send(round, source, 40);
    try {
      read(routing, written(routing, round));
      ADD_FAILURE() << "not refused";
    } catch (const bridge::Garbled& error) {
      EXPECT_EQ(std::string(error.what()),
                "head 0: " + std::to_string(senders) + " senders for machine 40; routing slots can tell at most 1 apart: use superimposed");
      EXPECT_EQ(error.exit(), mpc::Exit::inexact);
    }
  }
}

TEST(RoutingMode, HasNames) {
  EXPECT_EQ(bridge::routing_mode("superimposed").name(), "superimposed");
  EXPECT_EQ(bridge::routing_mode("slots").name(), "slots");
  EXPECT_THROW(bridge::routing_mode("slot"), mpc::UsageError);
}

}  // namespace
}  // namespace tests
