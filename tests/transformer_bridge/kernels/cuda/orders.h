#pragma once

#include <cstdint>

#include <gtest/gtest.h>

#include "transformer_bridge/kernels/cuda/kl.h"

namespace tests {

/// Orders of execution that this program compares: more than one in the plain build.
inline constexpr std::uint64_t orders = TEST_ORDERS;

/// Runs the work with the threads in each order; what the host reads of the device must be the same bits in all.
template <class Work>
void in_every_order(Work&& work) {
  std::uint64_t first = 0;
  for (std::uint64_t seed = 0; seed < orders; ++seed) {
    SCOPED_TRACE(testing::Message() << "order of seed " << seed);
    kl::sim::set_seed(seed);
    kl::sim::take_digest();
    work();
    const auto digest = kl::sim::take_digest();
    if (seed == 0) first = digest;
    EXPECT_EQ(digest, first) << "the result depends on the order of the threads";
  }
  kl::sim::set_seed(0);
}

}  // namespace tests
