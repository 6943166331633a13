#include "transformer_bridge/kernels/cpu.h"

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "transformer_bridge/kernels/cpu/loops.h"
#include "transformer_bridge/kernels/cpu/thread_pool.h"

#include "tests/transformer_bridge/random_matrix.h"

namespace bridge {
namespace {

using tests::random_vector;

template <class Real>
class CpuKernelsTest : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(CpuKernelsTest, Reals);

template <class Real>
std::vector<Real> exponentials(InstructionSet set, std::vector<Real> x) {
  std::vector<Real> out(x.size(), std::numeric_limits<Real>::quiet_NaN());
  cpu::loops_for<Real>(set).exponentials(x.size(), x.data(), out.data());
  return out;
}

TYPED_TEST(CpuKernelsTest, Exponentials) {
  using Real = TypeParam;
  constexpr auto tolerance = std::is_same_v<Real, float> ? 2e-7 : 6e-16;  // relative
  constexpr auto lowest = std::is_same_v<Real, float> ? -87.336 : -708.396;
  std::vector<Real> x;
  for (int i = 0; i <= 200000; ++i) x.push_back(static_cast<Real>(lowest * i / 200000));
  for (int i = 0; i < 1000; ++i) x.push_back(static_cast<Real>(-std::ldexp(1 + i / 1000.0, -i % 60)));
  for (const auto set : instruction_sets()) {
    const auto* name = cpu::loops_for<Real>(set).name;
    const auto result = exponentials(set, x);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto expected = std::exp(static_cast<long double>(x[i]));
      const auto error = static_cast<double>(std::abs(static_cast<long double>(result[i]) - expected) / expected);
      worst = error <= worst ? worst : error;  // NaN becomes the worst
    }
    EXPECT_TRUE(worst <= tolerance) << name << ": " << worst;

    constexpr auto infinity = std::numeric_limits<Real>::infinity(), nan = std::numeric_limits<Real>::quiet_NaN();
    const std::vector<Real> ends{0, Real(-0.0), -infinity, std::numeric_limits<Real>::lowest(), static_cast<Real>(lowest - 0.01), nan};
    const auto at_ends = exponentials(set, ends);
    EXPECT_EQ(at_ends[0], 1) << name;
    EXPECT_EQ(at_ends[1], 1) << name;
    for (const std::size_t i : {2, 3, 4}) EXPECT_EQ(at_ends[i], 0) << name << ", exp(" << ends[i] << ")";
    EXPECT_TRUE(std::isnan(at_ends[5])) << name;
  }
}

/// Results of everything that is divided among threads, one after the other.
template <class Real>
std::vector<Real> everything(const Kernels<Real>& kernels) {
  constexpr std::size_t n = 333, a = 130, b = 200, heads = 4, width = 32;
  std::vector<Real> all;
  const auto append = [&](const std::vector<Real>& more) { all.insert(all.end(), more.begin(), more.end()); };
  const auto x = random_vector<Real>(n * a, 1), W = random_vector<Real>(a * b, 2), gain = random_vector<Real>(a, 3);
  std::vector<Real> out(n * b);
  kernels.linear(*kernels.pack_linear(a, b, W, {}), 7, n, x, Activation::gelu, {}, out);
  append(out);
  auto rows = x;
  kernels.layer_norm(n, a, x, gain, gain, Real(1e-5), rows);
  append(rows);
  kernels.activate(Activation::gelu_tanh, rows);
  append(rows);
  kernels.add(x, rows);
  append(rows);

  const auto q = random_vector<Real>(n * heads * width, 4), k = random_vector<Real>(n * heads * width, 5),
             v = random_vector<Real>(n * heads * width, 6);
  std::vector<Real> attended(q.size()), largest(n * heads), sum(n * heads);
  for (const std::size_t t : {std::size_t{3}, n}) {
    const AttentionShape shape{n, t, width, width, heads};
    VisibleKeys visible;
    visible.causal = true;
    kernels.attention(shape, q, k, v, visible, Real(0.2), attended);
    append(attended);
    kernels.attention_partial(shape, q, k, v, visible, Real(0.2), largest, sum, attended);
    append(attended);
    append(sum);
    append(largest);
  }
  auto twice = attended, twice_sum = sum, twice_largest = largest;
  kernels.merge(n * heads, width, twice_largest, twice_sum, twice, largest, sum, attended);
  append(twice);
  kernels.finish(n * heads, width, sum, attended, twice);
  append(twice);
  for (const std::size_t tile : {1, 9}) {
    const std::vector<BlockPair> pairs(n / tile, BlockPair{static_cast<std::uint32_t>(tile), static_cast<std::uint32_t>(tile), 0, 0});
    kernels.attention_blocks({tile, tile, width, width, heads}, pairs, q, k, v, {}, Real(0.2), largest, sum, attended);
    append(attended);
    append(sum);
    append(largest);
  }
  return all;
}

TYPED_TEST(CpuKernelsTest, TheNumberOfThreadsChangesNoBit) {
  using Real = TypeParam;
  for (const auto set : instruction_sets()) {
    const auto alone = everything(*cpu_kernels<Real>(1, set));
    for (const std::size_t threads : {2, 3, 4}) {
      const auto kernels = cpu_kernels<Real>(threads, set);
      for (int again = 0; again < 3; ++again) {
        const auto together = everything(*kernels);
        ASSERT_EQ(together.size(), alone.size());
        std::size_t different = 0;
        for (std::size_t i = 0; i < alone.size(); ++i) {
          using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
          if (std::bit_cast<Bits>(alone[i]) != std::bit_cast<Bits>(together[i])) ++different;
        }
        EXPECT_EQ(different, 0) << threads << " threads";
      }
    }
  }
}

TEST(CpuKernelsNameTest, SayWhatTheyAre) {
  const auto* fastest = cpu::loops_for<float>(instruction_sets().back()).name;
  EXPECT_EQ(cpu_kernels<float>(1)->describe(), std::string("cpu, ") + fastest + ", 1 thread");
  EXPECT_EQ(cpu_kernels<float>(3)->describe(), std::string("cpu, ") + fastest + ", 3 threads");
  EXPECT_EQ(cpu_kernels<double>(1, InstructionSet::portable)->describe(), "cpu, portable, 1 thread");
}

TEST(ThreadPoolTest, DoesEveryUnitOnce) {
  for (const std::size_t threads : {1, 2, 4}) {
    cpu::ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::size_t units : {0, 1, 2, 3, 100}) {
      for (int again = 0; again < 200; ++again) {
        std::vector<std::atomic<int>> done(units);
        pool.run(units, [&](std::size_t unit) { ++done[unit]; });
        for (const auto& count : done) ASSERT_EQ(count, 1);
      }
    }
  }
}

TEST(ThreadPoolTest, SeveralThreadsWork) {
  cpu::ThreadPool pool(3);
  // Each unit waits for the others, so one thread alone would never end.
  std::atomic<int> here{0};
  pool.run(3, [&](std::size_t) {
    ++here;
    while (here < 3) std::this_thread::yield();
  });
  EXPECT_EQ(here, 3);
}

TEST(ThreadPoolTest, ThrowsOnAndGoesOn) {
  cpu::ThreadPool pool(2);
  for (int again = 0; again < 50; ++again) {
    std::atomic<int> done{0};
    EXPECT_THROW(pool.run(20,
                          [&](std::size_t unit) {
                            ++done;
                            if (unit % 7 == 3) throw std::runtime_error("unit");
                          }),
                 std::runtime_error);
    EXPECT_EQ(done, 20);
    pool.run(5, [&](std::size_t) { ++done; });
    EXPECT_EQ(done, 25);
  }
}

}  // namespace
}  // namespace bridge
