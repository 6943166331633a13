// The CUDA kernels, executed by the simulator. The same tests in three builds: plain, which also compares orders of execution; with
// AddressSanitizer and UBSan; and with the tracer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "transformer_bridge/kernels/cuda/backend.h"
#include "transformer_bridge/kernels/cuda/embedding.h"
#include "transformer_bridge/kernels/cuda/merge.h"
#include "transformer_bridge/kernels/cuda/pack.h"
#include "transformer_bridge/kernels/cuda/row.h"

#include "tests/transformer_bridge/kernels/cuda/orders.h"
#include "tests/transformer_bridge/kernels/suite.h"
#include "tests/transformer_bridge/random_matrix.h"

namespace tests {
namespace {

/// A simulated thread takes about a thousand times longer than one of a device.
const KernelSizes small{.tokens = {1, 7, 65}, .widths = {1, 3, 64, 100}, .batch = 150, .model = 64, .pairs = 40};

// ---- The suite -------------------------------------------------------------------------------------------------------------------

template <class Real>
class CheckTest : public testing::Test {
 public:
  CheckTest(KernelCheck<Real> check, bool once) : check_(check), once_(once) {}
  void TestBody() override {
    const auto kernels = bridge::cuda::make_kernels<Real>(bridge::cuda::open_device(0));
    const auto work = [&] { check_.run(*kernels, small); };
    once_ ? work() : in_every_order(work);
  }

 private:
  KernelCheck<Real> check_;
  bool once_;
};

template <class Real>
void register_checks(const char* name) {
  for (const auto& check : kernel_checks<Real>()) {
    // The same kernels on part of the same rows: long, and nothing for the sanitizers, nor for other orders.
    const bool rows_alone = std::string(check.name).ends_with("RowsAlone");
    if (rows_alone && orders == 1) continue;
    testing::RegisterTest(name, check.name, nullptr, nullptr, __FILE__, __LINE__, [=] { return new CheckTest<Real>(check, rows_alone); });
  }
}

const bool registered = [] {
  register_checks<float>("SuiteFloat");
  register_checks<double>("SuiteDouble");
  return true;
}();

// ---- Messages --------------------------------------------------------------------------------------------------------------------

/// More destinations than a pass counts, many tiles, and tiles of which the last is short.
TEST(Pack, ManyDestinations) {
  for (const std::size_t n : {0, 1, 31, 256, 1000, 2049}) {
    for (const std::size_t destinations : {1, 64, 1024, 1025, 2500}) {
      SCOPED_TRACE(testing::Message() << n << " rows to " << destinations);
      constexpr std::size_t a = 3;
      const auto rows = random_vector<float>(n * a, n);
      std::vector<std::uint32_t> to(n), order(n), expected_starts(destinations + 1, 0);
      for (std::size_t i = 0; i < n; ++i) {
        to[i] = mpc::mix(i) % 3 == 0 ? 0 : static_cast<std::uint32_t>(mpc::mix(i + n) % destinations);
        for (std::size_t d = to[i] + std::size_t{1}; d <= destinations; ++d) ++expected_starts[d];
      }
      std::iota(order.begin(), order.end(), 0U);
      std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return to[i]; });
      std::vector<float> expected;
      for (const auto i : order) expected.insert(expected.end(), rows.begin() + i * a, rows.begin() + i * a + a);

      const kl::Buffer<float> device_rows(rows);
      const kl::Buffer<std::uint32_t> device_to(to);
      in_every_order([&] {
        const kl::Buffer<float> out(n * a);
        const kl::Buffer<std::uint32_t> starts(destinations + 1), scratch(bridge::cuda::pack_scratch(n, destinations));
        bridge::cuda::pack(n, a, device_rows.data(), device_to.data(), destinations, out.data(), starts.data(), scratch.data(), {});
        EXPECT_EQ(out.to_host(), expected);
        EXPECT_EQ(starts.to_host(), expected_starts);
      });
    }
  }
}

TEST(Pack, NoDestinations) {
  const kl::Buffer<float> rows(0), out(0);
  const kl::Buffer<std::uint32_t> to(0), starts(1), scratch(bridge::cuda::pack_scratch(0, 0));
  bridge::cuda::pack(0, 3, rows.data(), to.data(), 0, out.data(), starts.data(), scratch.data(), {});
  EXPECT_EQ(starts.to_host(), std::vector<std::uint32_t>{0});
}

// ---- Parts -----------------------------------------------------------------------------------------------------------------------

/// A part that saw nothing has any value: NaN too, on either side, and it leaves the other's bits.
TEST(Merge, EmptyPartsHoldAnything) {
  constexpr std::size_t v = 40;
  constexpr auto minus_infinity = -std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const auto value = random_vector<float>(v, 1);
  const std::vector<float> nothing(v, nan);
  for (const bool into_is_empty : {false, true}) {
    const kl::Buffer<float> largest(std::vector<float>{into_is_empty ? minus_infinity : 2.0F}),
        sum(std::vector<float>{into_is_empty ? 0.0F : 3.0F}), into(into_is_empty ? nothing : value),
        other_largest(std::vector<float>{into_is_empty ? 2.0F : minus_infinity}),
        other_sum(std::vector<float>{into_is_empty ? 3.0F : 0.0F}), other(into_is_empty ? value : nothing);
    bridge::cuda::merge(1, v, largest.data(), sum.data(), into.data(), other_largest.data(), other_sum.data(), other.data(), {});
    EXPECT_EQ(largest.to_host(), std::vector<float>{2});
    EXPECT_EQ(sum.to_host(), std::vector<float>{3});
    EXPECT_EQ(into.to_host(), value);
  }
}

// ---- Offsets that no 32-bit number holds: address space only ---------------------------------------------------------------------

constexpr std::size_t wide = std::size_t{1} << 16, far_row = 70000;  // element 4.6e9

TEST(FarOffsets, UnpackAndEmbedding) {
  const auto row = random_vector<float>(wide, 1);
  const kl::Buffer<float> rows(row), table((far_row + 1) * wide, true), out(wide);
  const kl::Buffer<std::uint32_t> place(std::vector<std::uint32_t>{far_row});
  bridge::cuda::unpack(1, wide, rows.data(), place.data(), table.data(), {});
  bridge::cuda::embedding<float>(1, wide, place.data(), table.data(), nullptr, out.data(), {});
  EXPECT_TRUE(std::equal(row.begin(), row.end(), table.data() + far_row * wide));
  EXPECT_EQ(out.to_host(), row);
}

TEST(FarOffsets, CopyColumns) {
  constexpr std::size_t n = 1030, stride = std::size_t{1} << 22, columns = 5;
  const auto values = random_vector<float>(n * columns, 1);
  const kl::Buffer<float> dense(values), out(n * columns), apart(n * stride, true);
  bridge::cuda::copy_columns(n, columns, dense.data(), columns, apart.data(), stride, {});
  bridge::cuda::copy_columns(n, columns, apart.data(), stride, out.data(), columns, {});
  EXPECT_EQ(apart.data()[(n - 1) * stride], values[(n - 1) * columns]);
  EXPECT_EQ(out.to_host(), values);
}

TEST(FarOffsets, FirstNan) {
  constexpr std::size_t row = (std::size_t{1} << 32) + 5;  // counted in 64 bits
  const kl::Buffer<unsigned long long> first(std::vector<unsigned long long>{row});
  const kl::Buffer<float> x(std::vector<float>{1, 2, 3});
  bridge::cuda::first_nan(3, 1, x.data(), first.data(), {});
  EXPECT_EQ(first.to_host().front(), row);
}

// ---- Memory ----------------------------------------------------------------------------------------------------------------------

TEST(SimulatedDevice, CopiesStayWithinTheirArray) {
  const auto device = bridge::cuda::open_device(0);
  bridge::Array<float> array(*device, 10);
  const std::vector<float> host{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  array.upload(std::span(host).first(10));
  EXPECT_EQ(array.to_host(), std::vector<float>(host.begin(), host.end() - 1));
  EXPECT_THROW(array.upload(host), kl::Violation);
  std::vector<float> more(11);
  EXPECT_THROW(array.download(more), kl::Violation);
  EXPECT_FALSE(device->is_host());
}

}  // namespace
}  // namespace tests
