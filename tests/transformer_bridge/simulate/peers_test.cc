#include <algorithm>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "mpc/error.h"
#include "mpc/ranks.h"
#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"

#include "transformer_bridge/kernels/reference_kernels.h"
#include "transformer_bridge/simulate/ring.h"
#include "transformer_bridge/simulate/ulysses.h"
#include "transformer_bridge/transformer/forward.h"

#include "tests/support/world.h"
#include "tests/transformer_bridge/refusal.h"
#include "tests/transformer_bridge/sample_transformer.h"

namespace bridge {
namespace {

using tests::error_of;
using tests::holes;
using tests::ids;
using tests::refusal;
using tests::same_bits;
using tests::transformer_of;
using tests::world;

mpc::Model model_of(std::uint64_t machines, std::uint64_t words) {
  mpc::Model model;
  model.machines = machines;
  model.memory = mpc::Words{words};
  model.word_bits = 64;
  return model;
}

/// Two ways that others distribute attention, with one face.
struct Ring {
  template <class Real>
  static ProtocolSize size(const Program<Real>& program, std::size_t tokens, std::uint64_t machines) {
    return ring_size(program, tokens, machines);
  }
  template <class Real>
  static OutputPart<Real> run(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster, std::size_t shown) {
    return ring_attention(program, x, cluster, shown);
  }
};
struct Ulysses {
  template <class Real>
  static ProtocolSize size(const Program<Real>& program, std::size_t tokens, std::uint64_t machines) {
    return ulysses_size(program, tokens, machines);
  }
  template <class Real>
  static OutputPart<Real> run(Program<Real>& program, const Matrix<Real>& x, mpc::Cluster& cluster, std::size_t shown) {
    return ulysses_attention(program, x, cluster, shown);
  }
};

template <class Scheme, class Real>
void expect_the_transformers_answer(std::uint64_t most_machines, double tolerance) {
  mpc::MpiTransport transport(world());
  for (const std::size_t tokens : {1, 2, 7, 16}) {
    for (std::uint64_t machines = 1; machines <= most_machines; ++machines) {
      for (const auto& mask : {Mask(), Mask::causal(), holes(tokens), Mask().of_first(tokens / 2 + 1)}) {
        SCOPED_TRACE(testing::Message() << tokens << " tokens on " << machines << " machines, " << mask.describe());
        const auto transformer = transformer_of<Real>(tokens, 4, 2, 6, mask);
        const ReferenceKernels<Real> kernels;
        Program<Real> program(transformer, kernels);
        const auto x = ids<Real>(tokens);
        const auto size = Scheme::size(program, tokens, machines);
        const auto shown = tokens;
        mpc::Cluster cluster(model_of(machines, size.words), transport);
        const auto part = Scheme::run(program, x, cluster, shown);
        const auto ledger = cluster.finish();
        EXPECT_EQ(ledger.rounds.size(), size.rounds);
        const auto load = std::max(ledger.max_kept_plus_sent(), ledger.max_kept_plus_received());
        EXPECT_EQ(load, size.words);

        const auto want = forward(transformer_of<double>(tokens, 4, 2, 6, mask), ids<double>(tokens));
        ASSERT_EQ(world().sum(part.values.size()), want.values().size());
        if (!part.values.empty()) {
          EXPECT_LE(error_of<Real>(part.values, want.values().subspan(part.first, part.values.size())), tolerance);
        }

        mpc::InProcess alone;
        mpc::Cluster alone_cluster(model_of(machines, size.words), alone);
        const auto whole = Scheme::run(program, x, alone_cluster, shown);
        EXPECT_EQ(ledger.digest(), alone_cluster.finish().digest());
        EXPECT_TRUE(same_bits<Real>(part.values, std::span(whole.values).subspan(part.first, part.values.size())));

        // A word less is a violation.
        mpc::Cluster small(model_of(machines, size.words - 1), transport);
        const auto refused = refusal([&] {
          Scheme::run(program, x, small, shown);
          small.finish();
        });
        EXPECT_TRUE(refused.find(std::to_string(size.words - 1)) != std::string::npos) << refused;
      }
    }
  }
}

TEST(PeersOnRanks, RingGivesTheTransformersAnswerInDouble) { expect_the_transformers_answer<Ring, double>(5, 1e-12); }
TEST(PeersOnRanks, RingGivesTheTransformersAnswerInFloat) { expect_the_transformers_answer<Ring, float>(5, 1e-5); }
TEST(PeersOnRanks, UlyssesGivesTheTransformersAnswerInDouble) { expect_the_transformers_answer<Ulysses, double>(2, 1e-12); }
TEST(PeersOnRanks, UlyssesGivesTheTransformersAnswerInFloat) { expect_the_transformers_answer<Ulysses, float>(2, 1e-5); }

TEST(PeersOnRanks, RefuseSizes) {
  const auto transformer = transformer_of<double>(4, 4, 2, 6, {});
  const ReferenceKernels<double> kernels;
  const Program<double> program(transformer, kernels);
  EXPECT_EQ(refusal([&] { ring_size(program, 4, 0); }), "usage: ring attention: expected at least 1 machine, got 0");
  EXPECT_EQ(refusal([&] { ulysses_size(program, 4, 0); }), "usage: ulysses: expected at least 1 machine, got 0");
  EXPECT_EQ(refusal([&] { ulysses_size(program, 4, 3); }),
            "usage: ulysses: expected at most as many machines as a layer has heads, got 3 machines and 2 heads");
}

}  // namespace
}  // namespace bridge
