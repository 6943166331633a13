// What the kernels move, counted by the tracer as the hardware would: a kernel that gets worse fails. Sectors of 32 bytes against those
// that the bytes would fill, and passes over the banks of shared memory against the fewest.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "transformer_bridge/kernels/cuda/attention.h"
#include "transformer_bridge/kernels/cuda/embedding.h"
#include "transformer_bridge/kernels/cuda/layer_norm.h"
#include "transformer_bridge/kernels/cuda/merge.h"
#include "transformer_bridge/kernels/cuda/pack.h"
#include "transformer_bridge/kernels/cuda/row.h"
#include "transformer_bridge/kernels/cuda/simulator/kl_trace.h"

#include "tests/transformer_bridge/random_matrix.h"

namespace tests {
namespace {

kl::Buffer<float> numbers(std::size_t size) { return kl::Buffer<float>(random_vector<float>(size, size)); }

/// Of one kernel in this test; limits as ratios to what cannot be avoided.
void expect_traffic(const std::string& kernel, double sectors_limit, double passes_limit) {
  const auto traffic = kl::sim::traffic(kernel);
  ASSERT_GT(traffic.ideal_sectors, 0) << kernel << " was not traced";
  const auto sectors = static_cast<double>(traffic.sectors) / static_cast<double>(traffic.ideal_sectors);
  EXPECT_LE(sectors, sectors_limit) << kernel << ": sectors of global memory";
  auto passes = 0.0;
  if (traffic.ideal_shared_passes > 0)
    passes = static_cast<double>(traffic.shared_passes) / static_cast<double>(traffic.ideal_shared_passes);
  EXPECT_LE(passes, passes_limit) << kernel << ": passes over shared memory";
  std::printf("%-20s sectors / ideal %.2f (limit %.2f), shared passes / ideal %.2f (limit %.2f)\n", kernel.c_str(), sectors, sectors_limit,
              passes, passes_limit);
}

class Traffic : public testing::Test {
 protected:
  void SetUp() override { kl::sim::forget_traffic(); }
};

constexpr std::size_t n = 16, a = 384;

TEST_F(Traffic, LayerNorm) {
  const auto x = numbers(n * a), gain = numbers(a), bias = numbers(a), out = numbers(n * a);
  bridge::cuda::layer_norm(n, a, x.data(), gain.data(), bias.data(), 1e-5F, out.data(), {});
  expect_traffic("layer_norm_kernel", 1.0, 0);
}

TEST_F(Traffic, Rows) {
  const auto x = numbers(n * a), bias = numbers(a), out = numbers(n * a), other = numbers(n * 2 * a);
  kl::Buffer<unsigned long long> first(std::vector<unsigned long long>{n});
  bridge::cuda::epilogue(n, a, x.data(), bias.data(), bridge::Activation::gelu, out.data(), out.data(), {});
  bridge::cuda::pad_rows(3, n, 2 * n, a, x.data(), other.data(), {});
  bridge::cuda::activate(bridge::Activation::gelu_tanh, n * a, out.data(), {});
  bridge::cuda::add(n * a, x.data(), out.data(), {});
  bridge::cuda::copy_columns(n, a, x.data(), a, other.data(), 2 * a, {});
  bridge::cuda::first_nan(n, a, x.data(), first.data(), {});
  for (const auto* kernel :
       {"epilogue_kernel", "pad_rows_kernel", "activate_kernel", "add_kernel", "copy_columns_kernel", "first_nan_kernel"})
    expect_traffic(kernel, 1.0, 0);
}

TEST_F(Traffic, Embedding) {
  const auto table = numbers(100 * a), positions = numbers(n * a), out = numbers(n * a);
  const kl::Buffer<std::uint32_t> ids(std::vector<std::uint32_t>(n, 73));
  bridge::cuda::embedding(n, a, ids.data(), table.data(), positions.data(), out.data(), {});
  expect_traffic("embedding_kernel", 1.0, 0);
}

TEST_F(Traffic, Merge) {
  constexpr std::size_t v = 64;
  const auto largest = numbers(n), sum = numbers(n), value = numbers(n * v), other = numbers(n), other_sum = numbers(n),
             other_value = numbers(n * v);
  bridge::cuda::merge(n, v, largest.data(), sum.data(), value.data(), other.data(), other_sum.data(), other_value.data(), {});
  bridge::cuda::finish(n, v, sum.data(), value.data(), value.data(), {});
  expect_traffic("merge_kernel", 1.0, 0);
  expect_traffic("finish_kernel", 1.0, 0);
}

TEST_F(Traffic, Messages) {
  constexpr std::size_t rows = 2048, columns = 64, destinations = 8;
  const auto x = numbers(rows * columns), out = numbers(rows * columns);
  std::vector<std::uint32_t> to(rows);
  for (std::size_t i = 0; i < rows; ++i) to[i] = static_cast<std::uint32_t>(mpc::mix(i) % destinations);
  const kl::Buffer<std::uint32_t> device_to(to), starts(destinations + 1), scratch(bridge::cuda::pack_scratch(rows, destinations));
  bridge::cuda::pack(rows, columns, x.data(), device_to.data(), destinations, out.data(), starts.data(), scratch.data(), {});
  expect_traffic("histogram_kernel", 1.25, 1.0);  // a tile's counts go to one sector for each destination
  expect_traffic("scan_kernel", 1.0, 1.0);
  expect_traffic("scatter_kernel", 1.1, 1.0);
  std::vector<std::uint32_t> place(rows);
  for (std::size_t i = 0; i < rows; ++i) place[i] = static_cast<std::uint32_t>(i * 7 % rows);
  const kl::Buffer<std::uint32_t> device_place(place);
  bridge::cuda::unpack(rows, columns, x.data(), device_place.data(), out.data(), {});
  expect_traffic("unpack_kernel", 1.0, 0);
}

/// And how often the register tiles go to shared memory: a multiprocessor serves one pass while it does four multiply-adds of a warp, so
/// that with `passes` a multiply-add no more than 1 / (4 passes) of its arithmetic can be had.
TEST_F(Traffic, Attention) {
  constexpr std::size_t tokens = 64, keys = 512, width = 64;
  const auto q = numbers(tokens * width), k = numbers(keys * width), v = numbers(keys * width), out = numbers(tokens * width);
  bridge::cuda::attention<float>({tokens, keys, width, width}, q.data(), k.data(), v.data(), {}, 0.125F, out.data(), nullptr, {});
  expect_traffic("attention_tile", 1.0, 1.0);
  constexpr double multiply_adds = tokens * keys * 2 * width / 32;
  const auto passes = static_cast<double>(kl::sim::traffic("attention_tile").shared_passes) / multiply_adds;
  std::printf("%-20s shared passes a multiply-add of a warp %.3f (limit 0.125)\n", "attention_tile", passes);
  EXPECT_LE(passes, 0.125);  // by a block of one warp; the others share the tiles
}

TEST_F(Traffic, AttentionOfManyKeys) {
  constexpr std::size_t tokens = 32, keys = 1100, width = 32;
  const auto q = numbers(tokens * width), k = numbers(keys * width), v = numbers(keys * width), out = numbers(tokens * width);
  const bridge::AttentionShape shape{tokens, keys, width, width};
  const kl::Buffer<float> scratch(bridge::cuda::attention_scratch<float>(shape));
  bridge::cuda::attention<float>(shape, q.data(), k.data(), v.data(), {}, 0.125F, out.data(), scratch.data(), {});
  expect_traffic("chunks_kernel", 1.0, 0);
}

TEST_F(Traffic, AttentionOfSingleTokens) {
  constexpr std::size_t pairs = 10, heads = 12, width = 32;
  const auto q = numbers(pairs * heads * width), k = numbers(pairs * heads * width), v = numbers(pairs * heads * width),
             largest = numbers(pairs * heads), sum = numbers(pairs * heads), value = numbers(pairs * heads * width);
  const std::vector<bridge::BlockPair> all(pairs, {1, 1, 0, 0});
  const kl::Buffer<bridge::BlockPair> device_pairs(all);
  bridge::cuda::attention_blocks<float>({1, 1, width, width, heads}, all, device_pairs.data(), q.data(), k.data(), v.data(), {}, 0.125F,
                                        largest.data(), sum.data(), value.data(), nullptr, {});
  expect_traffic("attention_small", 1.0, 1.0);
}

}  // namespace
}  // namespace tests
