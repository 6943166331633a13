#include <gtest/gtest.h>

#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"

#include "transformer_bridge/compile/slots.h"
#include "transformer_bridge/compile/transformer_cluster.h"

#include "tests/support/traffic.h"
#include "tests/support/transports.h"
#include "tests/support/world.h"

namespace tests {
namespace {

using bridge::Kernel;
using bridge::NumberType;
using bridge::TransformerCluster;

/// The traffic that the messages of mpc::Cluster are tested with, through attention: messages of every kind, several to one machine, to
/// oneself, to all, none at all; memory that grows and shrinks; machines that sleep. With as many ranks as machines, every token is in a
/// process of its own and nothing but keys and values goes from one to another.
template <class T>
class AsTransformer : public testing::Test {};

using Messages = testing::Types<Word, Plain<2>, Plain<3>, Plain<5>, Mixed, Ragged, Ping>;
TYPED_TEST_SUITE(AsTransformer, Messages);

TYPED_TEST(AsTransformer, EveryInboxAndTheLedgerAreThoseOfTheMessages) {
  using T = TypeParam;
  mpc::MpiTransport transport(world());
  std::uint64_t layers = 0, by_reference = 0;
  for (const std::uint64_t machines : {1, 2, 3, 5}) {
    for (const std::uint64_t seed : {1, 2, 3, 4}) {
      SCOPED_TRACE(std::to_string(machines) + " machines, seed " + std::to_string(seed));
      const auto traffic = make_traffic<T>(machines, seed);
      mpc::InProcess alone;
      mpc::Cluster messages(traffic.model(), alone);
      Surprises none;
      const auto expected = execute(traffic, messages, none);
      EXPECT_EQ(none.count, 0U) << none.first;
      for (const auto kernel : {Kernel::routed, Kernel::dense, Kernel::reference}) {
        for (const auto type : {NumberType::f32, NumberType::f64}) {
          // These go over every column; once is enough, and the reference's rows must not be long.
          if (kernel != Kernel::routed && (type == NumberType::f64 || seed > 1)) continue;
          // Messages that are not copied as bytes travel in packets of one word.
          const auto packets = traffic.least_memory / (mpc::layout_of<T>().plain ? words(T{}) : 1);
          if (kernel == Kernel::reference && packets > 10) continue;
          by_reference += kernel == Kernel::reference ? 1U : 0U;
          TransformerCluster cluster(traffic.model(), transport, {}, {.type = type, .kernel = kernel});
          cluster.deal({});
          Surprises surprises;
          const auto ledger = execute(traffic, cluster, surprises);
          EXPECT_EQ(surprises.count, 0U) << surprises.first;
          EXPECT_EQ(ledger.digest(), expected.digest());
          ASSERT_EQ(ledger.rounds.size(), expected.rounds.size());
          for (std::size_t r = 0; r < ledger.rounds.size(); ++r) {
            EXPECT_EQ(ledger.rounds[r].max_kept_plus_received, expected.rounds[r].max_kept_plus_received);
            EXPECT_EQ(ledger.rounds[r].max_kept_plus_sent, expected.rounds[r].max_kept_plus_sent);
          }
          EXPECT_EQ(ledger.final_max_kept, expected.final_max_kept);
          const auto& certificate = cluster.certificate();
          EXPECT_EQ(certificate.layers.size(), traffic.rounds.size() + 1);
          EXPECT_EQ(certificate.heads(), 1U);
          EXPECT_LE(certificate.measured_width(), certificate.width());
          layers += certificate.layers.size();
        }
      }
    }
  }
  EXPECT_GT(layers, 300U);
  if (mpc::layout_of<T>().plain) {
    EXPECT_GT(by_reference, 0U);
  }
}

/// What a step keeps outside its machine's memory, other machines on its rank could see; the row is all that a machine has.
TEST(AsTransformer, MemoryGoesThroughTheRowAndNothingElseDoes) {
  constexpr std::uint64_t machines = 6;
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{9};
  model.word_bits = 30;
  mpc::MpiTransport transport(world());
  TransformerCluster cluster(model, transport);
  cluster.deal({});
  auto word = cluster.make<Word>([](const auto& me) { return me.id().value + 100; });
  auto list = cluster.make<std::vector<Word>>([](const auto& me) { return std::vector<Word>(me.id().value, 7); });
  std::vector<const Word*> before(machines, nullptr);
  cluster.local([&](const auto& me) { before[me.id().value] = list[me].data(); });
  cluster.round<Word>(cluster.nothing(), [](const auto&, auto, auto&) {});
  cluster.local([&](const auto& me) {
    EXPECT_EQ(word[me], me.id().value + 100);
    EXPECT_EQ(list[me], std::vector<Word>(me.id().value, 7));
    // Read back from the columns into a vector of its own, with no room to spare.
    EXPECT_EQ(list[me].capacity(), list[me].size());
  });
  cluster.finish();
}

/// Words of p bits need limbs; float32 takes any p.
TEST(AsTransformer, WordsOfEveryWidthComeBack) {
  mpc::MpiTransport transport(world());
  for (const unsigned bits : {1U, 2U, 19U, 20U, 21U, 40U, 41U, 63U, 64U}) {
    for (const auto type : {NumberType::f32, NumberType::f64}) {
      SCOPED_TRACE(std::to_string(bits) + " bits");
      mpc::Model model;
      model.machines = 5;
      model.memory = mpc::Words{4};
      model.word_bits = bits;
      const auto top = bits == 64 ? ~Word{0} : (Word{1} << bits) - 1;
      TransformerCluster cluster(model, transport, {}, {.type = type});
      auto kept = cluster.make<Word>([&](const auto&) { return top; });
      auto sent = cluster.round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
        out.send((me.id().value + 1) % 5, top);
        out.send((me.id().value + 2) % 5, top - top / 3);
      });
      cluster.local(sent, [&](const auto& me, auto inbox) {
        EXPECT_EQ(kept[me], top);
        std::vector<std::pair<std::uint64_t, Word>> got, wanted;
        for (const auto& [source, word] : inbox) got.emplace_back(source.value, word);
        wanted = {{(me.id().value + 4) % 5, top}, {(me.id().value + 3) % 5, top - top / 3}};
        std::ranges::sort(wanted);
        EXPECT_EQ(got, wanted);
      });
      cluster.finish();
    }
  }
}

std::string refusal(mpc::Exit exit, const std::function<void()>& run) {
  std::string text;
  try {
    run();
  } catch (const mpc::Error& error) {
    EXPECT_EQ(error.exit(), exit) << error.what();
    text = error.what();
  }
  // The same on every rank.
  auto first = text;
  world().broadcast(first, 0);
  EXPECT_EQ(text, first);
  return text;
}

mpc::Model small_model() {
  mpc::Model model;
  model.machines = 7;
  model.memory = mpc::Words{6};
  model.word_bits = 24;
  return model;
}

TEST(AsTransformer, AFloatingPointValueIsRefusedOnAllRanks) {
  mpc::MpiTransport transport(world());
  const auto run = [&](auto&& step) {
    TransformerCluster cluster(small_model(), transport);
    cluster.deal({});
    auto kept = cluster.make<double>();
    cluster.round<double>(cluster.nothing(), [&](const auto& me, auto, auto& out) { step(me, kept, out); });
  };
  EXPECT_EQ(
      refusal(mpc::Exit::inexact,
              [&] {
                run([](const auto& me, auto&, auto& out) {
                  if (me.id().value == 6) out.send(Word{0}, 0.5);
                });
              }),
      "a sent word has 62 bits; the columns of this transformer hold words of 24 (a floating-point value does not travel through them)");
  EXPECT_NE(refusal(mpc::Exit::inexact,
                    [&] {
                      run([](const auto& me, auto& kept, auto&) {
                        if (me.id().value == 5) kept[me] = 0.5;
                      });
                    }),
            "");
}

TEST(AsTransformer, WhatIsNotExactIsRefusedBeforeItRuns) {
  mpc::MpiTransport transport(world());
  const auto text = [&](const bridge::LockstepOptions& options) {
    return refusal(mpc::Exit::inexact, [&] {
      TransformerCluster cluster(small_model(), transport, {}, options);
      cluster.deal({});
      const auto label = cluster.scope("here");
      cluster.round<Word>(cluster.nothing(), [](const auto&, auto, auto&) {});
    });
  };
  EXPECT_EQ(text({.limb_bits = 24}),
            "layer 1 (input) is not exact: float32 reads integers up to 2795270 from an average exactly; here they reach 16777215");
  EXPECT_EQ(text({.temperature = 16}),
            "layer 1 (input) is not exact: float32 needs temperature * margin >= 104 for the other weights to vanish; here 16 * 2 = 32");
  EXPECT_EQ(text({.type = NumberType::f64, .limb_bits = 24}), "");
}

TEST(AsTransformer, SlotsRefuseARoundTheyCannotTellApart) {
  mpc::MpiTransport transport(world());
  const auto text = refusal(mpc::Exit::inexact, [&] {
    TransformerCluster cluster(small_model(), transport, {}, {.routing = &bridge::slots()});
    cluster.deal({});
    const auto label = cluster.scope("here");
    cluster.round<Word>(cluster.nothing(),
                        [](const auto& me, auto, auto& out) { out.send(me.id().value + 1 < 7 ? me.id().value + 1 : Word{0}, 1); });
    cluster.round<Word>(cluster.nothing(), [](const auto& me, auto, auto& out) { out.send(me.id().value / 3, 1); });
  });
  EXPECT_EQ(text, "layer 3 (here): head 0: 3 senders for machine 0; routing slots can tell at most 1 apart: use superimposed");
}

/// A routing of which one machine's key, or header, is not what it should be.
class Tampered final : public bridge::Superimposed<float> {
 public:
  enum class What { key, header };
  Tampered(const bridge::RoutingShape& shape, What what) : Superimposed(shape), what_(what) {}
  void send(std::uint64_t source, std::span<const bridge::Packet> packets, std::uint64_t head, bridge::BlockRows<float>& keys,
            bridge::BlockRows<float>& values) override {
    Superimposed::send(source, packets, head, keys, values);
    if (source != 4 || packets.empty()) return;
    if (what_ == What::key) keys.values_of(keys.rows() - 1)[0] = 0;
    const auto fields = values.values_of(values.rows() - 1);
    for (std::size_t at = 2; what_ == What::header && at < fields.size(); at += values.block()) fields[at] += 1;
  }

 private:
  What what_;
};
class TamperedMode final : public bridge::RoutingMode {
 public:
  explicit TamperedMode(Tampered::What what) : what_(what) {}
  std::string name() const override { return "superimposed"; }
  bridge::RoutingShape shape(const bridge::RoutingTask& task) const override { return bridge::superimposed().shape(task); }
  std::unique_ptr<bridge::Routing<float>> make_f32(const bridge::RoutingShape& shape) const override {
    return std::make_unique<Tampered>(shape, what_);
  }
  std::unique_ptr<bridge::Routing<double>> make_f64(const bridge::RoutingShape& shape) const override {
    return bridge::superimposed().make_f64(shape);
  }

 private:
  Tampered::What what_;
};

TEST(AsTransformer, ABrokenLayerIsNoticedOnAllRanks) {
  mpc::MpiTransport transport(world());
  const auto text = [&](const bridge::RoutingMode& mode) {
    return refusal(mpc::Exit::inexact, [&] {
      TransformerCluster cluster(small_model(), transport, {}, {.routing = &mode});
      cluster.deal({});
      const auto label = cluster.scope("here");
      cluster.round<Word>(cluster.nothing(), [](const auto& me, auto, auto& out) { out.send((me.id().value + 1) % 7, me.id().value); });
    });
  };
  EXPECT_EQ(text(bridge::superimposed()), "");
  EXPECT_EQ(text(TamperedMode(Tampered::What::key)),
            "layer 2 (here): two logits are 1 apart, and at least 6 by construction: a key or a query is not what it should be");
  const auto header = text(TamperedMode(Tampered::What::header));
  EXPECT_TRUE(header.starts_with("layer 2 (here): machine 5 reads in slot ")) << header;
  EXPECT_TRUE(header.ends_with("packet 0 from machine 4 to machine 6, which does not belong there")) << header;
}

}  // namespace
}  // namespace tests
