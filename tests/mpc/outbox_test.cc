#include "mpc/outbox.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/cluster.h"
#include "mpc/transport/in_process.h"

namespace tests {
namespace {

using mpc::Word;

mpc::Model small_model(mpc::Words memory) {
  mpc::Model model;
  model.machines = 7;
  model.memory = memory;
  model.word_bits = 8;
  return model;
}

/// A round in which even machines send one to the left, by send_if and by `if`.
template <class Send>
std::pair<std::uint64_t, std::uint64_t> digest_of(Send&& send) {
  mpc::InProcess transport;
  mpc::Cluster cluster(small_model({3}), transport);
  auto sum = cluster.make<Word>();
  auto mail = cluster.round<Word>(cluster.nothing(), [&](const mpc::Machine& me, const auto&, auto& out) { send(me.id().value, out); });
  cluster.local(mail, [&](const mpc::Machine& me, const auto& inbox) {
    for (const auto& [source, word] : inbox) sum[me] += 10 * word + source.value;
  });
  std::uint64_t all = 0;
  cluster.inspect([&](const mpc::Machine& me) { all = 100 * all + sum[me]; });
  const auto ledger = cluster.finish();
  EXPECT_EQ(ledger.rounds.at(0).messages, 4U);
  EXPECT_EQ(ledger.rounds.at(0).words, 4U);
  EXPECT_EQ(ledger.rounds.at(0).max_sent, 1U);
  return {all, ledger.rounds.at(0).content};
}

TEST(Outboxes, SendIfTheConditionHolds) {
  const auto by_branch = digest_of([](Word own, auto& out) {
    if (own % 2 == 0) out.send((own + 6) % 7, own);
  });
  const auto by_condition = digest_of([](Word own, auto& out) { out.send_if(own % 2 == 0, (own + 6) % 7, own); });
  EXPECT_EQ(by_condition, by_branch);
  EXPECT_NE(by_condition, digest_of([](Word own, auto& out) { out.send_if(own % 2 == 0, (own + 5) % 7, own); }));
}

/// What a message that is not sent would have broken is not broken.
TEST(Outboxes, WhatIsNotSentIsNotRefused) {
  const auto refused = [](bool condition, Word destination, Word word, unsigned times) -> std::string {
    mpc::InProcess transport;
    mpc::Cluster cluster(small_model({3}), transport);
    try {
      cluster.round<Word>(cluster.nothing(), [&](const mpc::Machine& me, const auto&, auto& out) {
        for (unsigned i = 0; i < times; ++i) out.send_if(condition && me.id().value == 2, destination, word);
      });
    } catch (const mpc::ViolationError& error) {
      return mpc::name(error.violation().resource);
    }
    cluster.finish();
    return "nothing";
  };
  EXPECT_EQ(refused(true, 1, 255, 1), "nothing");
  EXPECT_EQ(refused(true, 7, 255, 1), mpc::name(mpc::Resource::destination));
  EXPECT_EQ(refused(false, 7, 255, 1), "nothing");
  EXPECT_EQ(refused(true, 1, 256, 1), mpc::name(mpc::Resource::word_size));
  EXPECT_EQ(refused(false, 1, 256, 1), "nothing");
  EXPECT_EQ(refused(true, 1, 255, 4), mpc::name(mpc::Resource::sent));
  EXPECT_EQ(refused(false, 1, 255, 4), "nothing");
}

/// Messages of several words, and of a number of words that is known only when it is sent.
TEST(Outboxes, SendIfOfVectors) {
  mpc::InProcess transport;
  mpc::Cluster cluster(small_model({9}), transport);
  auto got = cluster.make<std::vector<Word>>();
  auto mail = cluster.round<std::vector<Word>>(cluster.nothing(), [&](const mpc::Machine& me, const auto&, auto& out) {
    const auto own = me.id().value;
    out.send_if(own < 3, own + 1, std::vector<Word>(own, own + 20));
  });
  cluster.local(mail, [&](const mpc::Machine& me, const auto& inbox) {
    EXPECT_EQ(inbox.size(), me.id().value >= 1 && me.id().value <= 3 ? 1U : 0U);
    for (const auto& [source, list] : inbox) got[me] = list;
  });
  std::vector<std::vector<Word>> all;
  cluster.inspect([&](const mpc::Machine& me) { all.push_back(got[me]); });
  EXPECT_EQ(all, (std::vector<std::vector<Word>>{{}, {}, {21}, {22, 22}, {}, {}, {}}));
  cluster.finish();
}

}  // namespace
}  // namespace tests
