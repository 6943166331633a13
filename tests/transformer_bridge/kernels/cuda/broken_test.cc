// The simulator finds what it is for. Without this a simulator that finds nothing would pass.
#include "tests/transformer_bridge/kernels/cuda/broken.h"

#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tests {
namespace {

struct Arrays {
  Arrays() : x(std::vector<float>(64, 1.0F)), out(64) {}
  kl::Buffer<float> x, out;
};

/// The violation that a launch ends with, or nothing.
std::string violation_of(void (*launch)(const float*, float*)) {
  const Arrays arrays;
  try {
    launch(arrays.x.data(), arrays.out.data());
  } catch (const kl::Violation& violation) {
    return violation.what();
  }
  return {};
}

void expect_violation(void (*launch)(const float*, float*), const std::string& words) {
  const auto text = violation_of(launch);
  EXPECT_NE(text.find(words), std::string::npos) << "wanted '" << words << "', and the launch said '" << text << "'";
}

TEST(Broken, Barriers) {
  expect_violation(broken::barrier_in_a_branch, "divergent barrier");
  expect_violation(broken::barriers_at_two_lines, "divergent barrier");
}

TEST(Broken, WarpFunctions) {
  expect_violation(broken::lane_missing, "lane missing from a warp function");
  expect_violation(broken::lane_not_in_its_mask, "is not in its own mask");
  expect_violation(broken::read_of_an_exited_lane, "reads lane 7, which has exited");
}

TEST(Broken, Launches) {
  expect_violation(broken::too_many_threads, "invalid configuration: 1 blocks of 1056 threads");
  expect_violation(broken::no_blocks, "invalid configuration: 0 blocks");
  expect_violation(broken::too_much_shared_memory, "invalid configuration: 49156 bytes");
}

TEST(Broken, OrderOfArrival) {
  std::vector<float> numbers(64);
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  const kl::Buffer<float> x(numbers), out(64);
  std::vector<std::vector<float>> results;
  for (const unsigned seed : {0, 1, 2, 3}) {
    kl::sim::set_seed(seed);
    broken::order_of_arrival(x.data(), out.data());
    results.push_back(out.to_host());
  }
  kl::sim::set_seed(0);
  EXPECT_EQ(results[0], numbers);
  for (std::size_t i = 1; i < results.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(results[i], results[j]) << "orders " << i << " and " << j;
  }
}

#ifdef TEST_TRACED
TEST(Broken, Bounds) {
  expect_violation(broken::out_of_bounds, "out of bounds read of 4 bytes by thread 63 of block 0 at broken.cu");
  expect_violation(broken::host_memory, "out of bounds read");
}

TEST(Broken, Uninitialised) { expect_violation(broken::uninitialised, "uninitialised read of shared tile, offset 200, by thread 50"); }

TEST(Broken, Races) {
  expect_violation(broken::race_in_a_block, "race on shared tile");
  expect_violation(broken::race_in_a_warp, "race on shared tile");
  expect_violation(broken::race_between_blocks, "race on buffer of 256 bytes");
}
#endif

}  // namespace
}  // namespace tests
