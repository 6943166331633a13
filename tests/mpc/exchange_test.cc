#include "mpc/exchange.h"

#include <gtest/gtest.h>

#include "mpc/transport/in_process.h"
#include "mpc/transport/scrambled.h"

#include "tests/support/traffic.h"

namespace tests {
namespace {

/// The order stage on one rank, for blocks of machines that take one pass (up to 2048) and two, with rounds of many letters and of few.
template <class T>
class Order : public testing::Test {};

using Messages = testing::Types<Word, Plain<2>, Plain<3>, Plain<4>, Plain<7>, Ragged>;
TYPED_TEST_SUITE(Order, Messages);

TYPED_TEST(Order, IsBySourceThenSending) {
  for (const std::uint64_t machines : {1, 2, 3, 64, 2048, 2049, 5000}) {
    const auto traffic = make_traffic<TypeParam>(machines, 7);
    for (const bool scrambled : {false, true}) {
      SCOPED_TRACE(std::to_string(machines) + (scrambled ? " machines, scrambled" : " machines"));
      mpc::InProcess in_process;
      mpc::Scrambled disorder(in_process, 5);
      mpc::Cluster cluster(traffic.model(), scrambled ? static_cast<mpc::Transport&>(disorder) : in_process);
      Surprises surprises;
      execute(traffic, cluster, surprises);
      EXPECT_EQ(surprises.count, 0U) << surprises.first;
    }
  }
}

/// Some rounds leave most machines without a letter, others do not: both ways through the order stage are taken.
TEST(OrderTraffic, TakesBothWays) {
  const auto traffic = make_traffic<Word>(5000, 7);
  int few = 0, many = 0;
  for (const auto& round : traffic.rounds) {
    few += round.expected.messages > 0 && round.expected.messages < 5000 / 4;
    many += round.expected.messages > 5000;
  }
  EXPECT_GT(few, 0);
  EXPECT_GT(many, 0);
}

}  // namespace
}  // namespace tests
