#include "mpc/model.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "mpc/error.h"

namespace tests {
namespace {

using mpc::Model;

TEST(CeilLog, AtPowersAndBesideThem) {
  EXPECT_EQ(mpc::ceil_log(2, 0), 0U);
  EXPECT_EQ(mpc::ceil_log(2, 1), 0U);
  EXPECT_EQ(mpc::ceil_log(2, 2), 1U);
  EXPECT_EQ(mpc::ceil_log(2, 3), 2U);
  for (const std::uint64_t base : {2U, 3U, 5U, 10U, 1000U}) {
    std::uint64_t power = base;
    for (std::uint64_t k = 1;; ++k) {
      EXPECT_EQ(mpc::ceil_log(base, power - 1), k == 1 && base == 2 ? 0 : k) << base << ' ' << power;
      EXPECT_EQ(mpc::ceil_log(base, power), k);
      EXPECT_EQ(mpc::ceil_log(base, power + 1), k + 1);
      if (power > UINT64_MAX / base) break;
      power *= base;
    }
  }
  EXPECT_EQ(mpc::ceil_log(2, UINT64_MAX), 64U);
  EXPECT_EQ(mpc::ceil_log(UINT64_MAX, UINT64_MAX), 1U);
  EXPECT_EQ(mpc::ceil_log(UINT64_MAX - 1, UINT64_MAX), 2U);
}

TEST(Preset, Sublinear) {
  // s = ceil(8 * 10000^0.5) = 800; q = ceil(8 * 10000 / 800) = 100; p = 2 * ceil(log2 10000) = 28.
  auto model = Model::sublinear(10'000, 3'000, 0.5);
  EXPECT_EQ(model.input_words, 10'000U);
  EXPECT_EQ(model.n, 3'000U);
  EXPECT_EQ(model.memory.count, 800U);
  EXPECT_EQ(model.machines, 100U);
  EXPECT_EQ(model.word_bits, 28U);
  // s = ceil(3 * 1000^(2/3)) = 300; q = ceil(2 * 1000^1.5 / 300) = ceil(210.8) = 211.
  model = Model::sublinear(1'000, 5'000, 2.0 / 3, 0.5, 3, 2);
  EXPECT_EQ(model.memory.count, 300U);
  EXPECT_EQ(model.machines, 211U);
  EXPECT_EQ(model.word_bits, 26U);  // n is the largest: 2 * 13
  // s = ceil(1 * 10^0.25) = ceil(1.78) = 2; q = ceil(10 / 2) = 5; p = 2 * 4.
  model = Model::sublinear(10, 2, 0.25, 0, 1, 1);
  EXPECT_EQ(model.memory.count, 2U);
  EXPECT_EQ(model.machines, 5U);
  EXPECT_EQ(model.word_bits, 8U);
  EXPECT_EQ(Model::sublinear(100, 2, 1, 0, 1, 1).machines, 1U);
}

TEST(Preset, NothingToDo) {
  const auto model = Model::sublinear(0, 0, 0.5);
  EXPECT_EQ(model.memory.count, 1U);
  EXPECT_EQ(model.machines, 1U);
  EXPECT_EQ(model.word_bits, 2U);
}

TEST(Preset, WithMemory) {
  const auto model = Model::with_memory(1'001, 4, mpc::Words{100}, 0, 3);
  EXPECT_EQ(model.memory.count, 100U);
  EXPECT_EQ(model.machines, 31U);  // ceil(3003 / 100)
  EXPECT_EQ(model.word_bits, 20U);
  EXPECT_EQ(model.delta, 0);
}

TEST(Preset, WithMachines) {
  const auto model = Model::with_memory(100, 4, mpc::Words{10}).with_machines(5'000);
  EXPECT_EQ(model.machines, 5'000U);
  EXPECT_EQ(model.memory.count, 10U);
  EXPECT_EQ(model.word_bits, 26U);  // q is the largest: 2 * 13
}

TEST(Preset, WordBitsFollowTheLargest) {
  Model model;
  const auto bits = [&](std::uint64_t input_words, std::uint64_t n, std::uint64_t q) {
    model.input_words = input_words;
    model.n = n;
    model.machines = q;
    return model.with_default_word_bits().word_bits;
  };
  EXPECT_EQ(bits(0, 0, 1), 2U);
  EXPECT_EQ(bits(2, 2, 2), 2U);
  EXPECT_EQ(bits(3, 2, 2), 4U);
  EXPECT_EQ(bits(2, 256, 2), 16U);
  EXPECT_EQ(bits(2, 2, 257), 18U);
  EXPECT_EQ(bits(std::uint64_t{1} << 32, 2, 2), 64U);
  EXPECT_THROW(bits((std::uint64_t{1} << 32) + 1, 2, 2), mpc::UsageError);
}

TEST(Preset, FanOutAndTreeRounds) {
  Model model;
  const auto fan_out = [&](std::uint64_t s) {
    model.memory = mpc::Words{s};
    return model.fan_out();
  };
  EXPECT_EQ(fan_out(1), 2U);
  EXPECT_EQ(fan_out(11), 2U);
  EXPECT_EQ(fan_out(12), 3U);
  EXPECT_EQ(fan_out(15), 3U);
  EXPECT_EQ(fan_out(16), 4U);
  EXPECT_EQ(fan_out(4'003), 1'000U);
  const auto rounds = [&](std::uint64_t f, std::uint64_t q) {
    model.memory = mpc::Words{4 * f};
    model.machines = q;
    return model.tree_rounds();
  };
  EXPECT_EQ(rounds(2, 1), 1U);
  EXPECT_EQ(rounds(2, 2), 1U);
  EXPECT_EQ(rounds(2, 3), 2U);
  EXPECT_EQ(rounds(2, 1'024), 10U);
  EXPECT_EQ(rounds(2, 1'025), 11U);
  EXPECT_EQ(rounds(10, 1'000), 3U);
  EXPECT_EQ(rounds(10, 1'001), 4U);
  EXPECT_EQ(rounds(1'000, 1'000), 1U);
}

TEST(Preset, RefusesWhatIsOutOfRange) {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto infinity = std::numeric_limits<double>::infinity();
  for (const double delta : {0.0, -1.0, 1.5, nan, infinity}) EXPECT_THROW(Model::sublinear(100, 10, delta), mpc::UsageError) << delta;
  for (const double gamma : {-0.1, nan, infinity, 5.0}) EXPECT_THROW(Model::sublinear(100, 10, 0.5, gamma), mpc::UsageError) << gamma;
  for (const double factor : {0.0, -1.0, nan, infinity}) {
    EXPECT_THROW(Model::sublinear(100, 10, 0.5, 0, factor), mpc::UsageError) << factor;
    EXPECT_THROW(Model::sublinear(100, 10, 0.5, 0, 8, factor), mpc::UsageError) << factor;
  }
  EXPECT_THROW(Model::with_memory(100, 10, mpc::Words{0}), mpc::UsageError);
  const auto model = Model::with_memory(100, 10, mpc::Words{10});
  EXPECT_THROW(model.with_machines(0), mpc::UsageError);
  EXPECT_NO_THROW(model.with_machines(Model::most_machines));
  EXPECT_THROW(model.with_machines(Model::most_machines + 1), mpc::UsageError);
  EXPECT_THROW(Model::with_memory(std::uint64_t{1} << 31, 10, mpc::Words{1}, 0, 1), mpc::UsageError);
  EXPECT_NO_THROW(Model::with_memory((std::uint64_t{1} << 31) - 1, 10, mpc::Words{1}, 0, 1));
  try {
    model.with_machines(0);
    FAIL();
  } catch (const mpc::UsageError& error) {
    EXPECT_EQ(error.exit(), mpc::Exit::usage);
  }
}

TEST(Preset, RefusesAMemoryBeyondACount) {
  try {
    Model::sublinear(std::uint64_t{1} << 60, 10, 1, 0, 1e9);
    FAIL();
  } catch (const mpc::UsageError& error) {
    EXPECT_EQ(std::string(error.what()), "1152921504606846976000000000 words of memory wanted (c N^delta); expected fewer than 2^64");
  }
}

TEST(Pairing, PacksTwoIds) {
  for (const unsigned half : {1U, 13U, 32U}) {
    const mpc::Pairing pairing(half);
    const auto most = (std::uint64_t{1} << half) - 1;
    for (const auto high : {std::uint64_t{0}, most / 2, most}) {
      for (const auto low : {std::uint64_t{0}, most / 2, most}) {
        const auto pair = pairing.pack(high, low);
        EXPECT_EQ(pairing.high(pair), high);
        EXPECT_EQ(pairing.low(pair), low);
        if (half < 32) {
          EXPECT_LT(pair, std::uint64_t{1} << 2 * half);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tests
