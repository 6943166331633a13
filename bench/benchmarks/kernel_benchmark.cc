// The kernels of the program's own memory against the peak of the processor and, where they are installed, against OpenBLAS and libxsmm
// on one thread: build/release/benchmarks/kernel_benchmark

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/ranks.h"

#include "transformer_bridge/kernels/cpu.h"
#include "transformer_bridge/kernels/cpu/loops.h"

#include "bench/benchmarks/contest.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#ifdef ROUNDTRIP_WITH_OPENBLAS
#include <cblas-openblas.h>
#endif
#ifdef ROUNDTRIP_WITH_XSMM
#include <libxsmm.h>
#endif

namespace {

using bridge::AttentionShape;

std::vector<float> numbers(std::size_t size) {
  std::vector<float> result(size);
  for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<float>((i * 0x9e3779b97f4a7c15U) >> 40) / (1 << 24) - 0.5F;
  return result;
}

// ---- The peak --------------------------------------------------------------------------------------------------------------------

/// About so many operations: multiply-adds of 24 (or 12) independent registers. Returns what must not be left out.
#if defined(__x86_64__)
__attribute__((target("avx512f"))) float multiply_adds_avx512(double flop) {
  __m512 sums[24];
  for (auto& sum : sums) sum = _mm512_set1_ps(1);
  auto factor = _mm512_set1_ps(0.5F);
  for (double done = 0; done < flop; done += 24 * 16 * 2 * 100) {
    for (int i = 0; i < 100; ++i) {
#pragma GCC unroll 24
      for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
    }
  }
  float result = 0;
  for (const auto& sum : sums) result += sum[0];
  return result;
}

__attribute__((target("avx2,fma"))) float multiply_adds_avx2(double flop) {
  __m256 sums[12];
  for (auto& sum : sums) sum = _mm256_set1_ps(1);
  auto factor = _mm256_set1_ps(0.5F);
  for (double done = 0; done < flop; done += 12 * 8 * 2 * 100) {
    for (int i = 0; i < 100; ++i) {
#pragma GCC unroll 12
      for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
    }
  }
  float result = 0;
  for (const auto& sum : sums) result += sum[0];
  return result;
}
#endif

void run_at_peak(double flop) {
#if defined(__x86_64__)
  benchmark::DoNotOptimize(bridge::instruction_sets().back() == bridge::InstructionSet::avx512 ? multiply_adds_avx512(flop)
                                                                                               : multiply_adds_avx2(flop));
#else
  throw std::runtime_error("kernel_benchmark knows the peak of x86 processors only");
#endif
}

// ---- Contests --------------------------------------------------------------------------------------------------------------------

constexpr int repetitions = 15;
using Kernels = bridge::Kernels<float>;

/// On 1 and on 2 threads, and all memory that the contests of one name need.
struct Setting {
  std::shared_ptr<Kernels> kernels[2] = {bridge::cpu_kernels<float>(1), bridge::cpu_kernels<float>(2)};
  std::vector<std::vector<float>> arrays;

  std::span<float> array(std::size_t size) { return arrays.emplace_back(numbers(size)); }
};
using Work = std::function<void(const Kernels&)>;

/// Rows `kernels` and `kernels_2_threads`, of `times` runs each, and `peak`.
void add_kernels(Contest& contest, const std::shared_ptr<Setting>& setting, int times, double flop, const Work& work) {
  contest.add("peak", [=] { run_at_peak(flop * times); });
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}}) {
    contest.add(threads == 1 ? "kernels" : "kernels_2_threads", [=] {
      for (int i = 0; i < times; ++i) work(*setting->kernels[threads - 1]);
    });
  }
}

std::unique_ptr<Contest> finished(std::unique_ptr<Contest> contest, const std::string& baseline, std::vector<std::string> rows) {
  contest->row(baseline);
  for (const auto& row : rows) contest->row(row, {{baseline, {baseline}}});
  contest->register_rows(benchmark::kMicrosecond);
  return contest;
}

/// exp of numbers in the first-level cache.
std::unique_ptr<Contest> exponentials(mpc::Ranks& ranks) {
  constexpr std::size_t size = 4096;
  constexpr int times = 200;
  std::vector<std::string> rows;
  for (const auto set : bridge::instruction_sets()) rows.emplace_back(bridge::cpu::loops_for<float>(set).name);
  return finished(std::make_unique<Contest>(ranks, "exp", static_cast<double>(size) * times, repetitions,
                                            [](Contest& self) {
                                              const auto setting = std::make_shared<Setting>();
                                              const auto x = setting->array(size), out = setting->array(size);
                                              for (auto& number : x) number = 40 * (number - 0.5F);
                                              self.add("expf", [setting, x, out] {
                                                for (int i = 0; i < times; ++i)
                                                  std::ranges::transform(x, out.begin(), [](float number) { return std::exp(number); });
                                              });
                                              for (const auto set : bridge::instruction_sets()) {
                                                const auto& loops = bridge::cpu::loops_for<float>(set);
                                                self.add(loops.name, [setting, x, out, &loops] {
                                                  for (int i = 0; i < times; ++i) loops.exponentials(size, x.data(), out.data());
                                                });
                                              }
                                            }),
                  "expf", rows);
}

/// [m, k] [k, n]; with_bias_and_gelu: GELU of the sum with a bias.
std::unique_ptr<Contest> products(mpc::Ranks& ranks, std::size_t m, std::size_t n, std::size_t k, bool gelu = false) {
  const auto flop = 2.0 * static_cast<double>(m * n * k);
  const auto times = std::max(1, static_cast<int>(2e8 / flop));
  std::vector<std::string> rows{"kernels", "kernels_2_threads"};
  const auto name = fmt::format("linear{}/{}x{}x{}", gelu ? "_gelu" : "", m, n, k);
  auto contest = std::make_unique<Contest>(ranks, name, flop * times, repetitions, [=](Contest& self) {
    const auto setting = std::make_shared<Setting>();
    const auto x = setting->array(m * k), W = setting->array(k * n), bias = setting->array(n), out = setting->array(m * n);
    const std::shared_ptr<bridge::PackedLinear<float>> weights = setting->kernels[0]->pack_linear(k, n, W, bias);
    add_kernels(self, setting, times, flop, [=](const Kernels& kernels) {
      kernels.linear(*weights, 0, m, x, gelu ? std::optional(bridge::Activation::gelu) : std::nullopt, {}, out);
    });
    [[maybe_unused]] const auto add = [&](const char* row, const std::function<void()>& work) {
      self.add(row, [setting, work, times] {
        for (int i = 0; i < times; ++i) work();
      });
    };
    [[maybe_unused]] const auto rows_ = static_cast<int>(m), columns = static_cast<int>(n), depth = static_cast<int>(k);
#ifdef ROUNDTRIP_WITH_OPENBLAS
    openblas_set_num_threads(1);
    add("openblas", [=] {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows_, columns, depth, 1, x.data(), depth, W.data(), columns, 0, out.data(),
                  columns);
    });
#endif
#ifdef ROUNDTRIP_WITH_XSMM
    // Panels of 64 columns, or what is left, packed before; libxsmm counts columns first.
    const auto panels = setting->array(k * n);
    for (std::size_t j = 0; j < n; ++j) {
      const auto first = j / 64 * 64, width = std::min<std::size_t>(64, n - first);
      for (std::size_t p = 0; p < k; ++p) panels[first * k + p * width + j - first] = W[p * n + j];
    }
    add("libxsmm", [=] {
      for (int j = 0; j < columns; j += 64) {
        const int width = std::min(64, columns - j);
        const float one = 1, zero = 0;
        const int flags = LIBXSMM_GEMM_FLAG_NONE;
        libxsmm_smmdispatch(width, rows_, depth, &width, &depth, &columns, &one, &zero, &flags, nullptr)(panels.data() + j * depth,
                                                                                                         x.data(), out.data() + j);
      }
    });
#endif
  });
  if (!gelu) {
#ifdef ROUNDTRIP_WITH_OPENBLAS
    rows.emplace_back("openblas");
#endif
#ifdef ROUNDTRIP_WITH_XSMM
    rows.emplace_back("libxsmm");
#endif
  }
  return finished(std::move(contest), "peak", rows);
}

std::unique_ptr<Contest> attention(mpc::Ranks& ranks, const std::string& name, const AttentionShape& given, bool causal) {
  const auto s = given.strided();
  const auto pairs = static_cast<double>(s.n * s.t * s.heads) / (causal ? 2 : 1);
  const auto flop = 2 * pairs * static_cast<double>(s.k + s.v);
  const auto times = std::max(1, static_cast<int>(1e8 / flop));
  return finished(std::make_unique<Contest>(ranks, name, flop * times, repetitions,
                                            [=](Contest& self) {
                                              const auto setting = std::make_shared<Setting>();
                                              const auto queries = setting->array(s.n * s.query_stride),
                                                         keys = setting->array(s.t * s.key_stride),
                                                         values = setting->array(s.t * s.value_stride),
                                                         out = setting->array(s.n * s.out_stride);
                                              bridge::VisibleKeys visible;
                                              visible.causal = causal;
                                              add_kernels(self, setting, times, flop, [=](const Kernels& kernels) {
                                                kernels.attention(s, queries, keys, values, visible, 0.125F, out);
                                              });
                                            }),
                  "peak", {"kernels", "kernels_2_threads"});
}

/// Pairs of blocks against a copy of what is read and written.
std::unique_ptr<Contest> blocks(mpc::Ranks& ranks, const std::string& name, std::size_t count, const AttentionShape& given) {
  const auto s = given.strided();
  return finished(std::make_unique<Contest>(ranks, name, static_cast<double>(count), repetitions,
                                            [=](Contest& self) {
                                              const auto setting = std::make_shared<Setting>();
                                              const auto queries = setting->array(count * s.n * s.query_stride),
                                                         keys = setting->array(count * s.t * s.key_stride),
                                                         values = setting->array(count * s.t * s.value_stride),
                                                         value = setting->array(count * s.n * s.out_stride),
                                                         largest = setting->array(count * s.n * s.heads),
                                                         sum = setting->array(count * s.n * s.heads);
                                              std::vector<bridge::BlockPair> pairs(count);
                                              for (auto& pair : pairs)
                                                pair = {static_cast<std::uint32_t>(s.n), static_cast<std::uint32_t>(s.t), 0, 0};
                                              add_kernels(self, setting, 1, 1, [=](const Kernels& kernels) {
                                                kernels.attention_blocks(s, pairs, queries, keys, values, {}, 0.125F, largest, sum, value);
                                              });
                                              self.add("copy", [=] {
                                                std::memcpy(value.data(), values.data(), value.size_bytes());
                                                std::memcpy(queries.data(), keys.data(), keys.size_bytes());
                                              });
                                            }),
                  "copy", {"kernels", "kernels_2_threads"});
}

std::unique_ptr<Contest> layer_norm(mpc::Ranks& ranks, std::size_t n, std::size_t a) {
  constexpr int times = 100;
  return finished(std::make_unique<Contest>(ranks, fmt::format("layer_norm/{}x{}", n, a), static_cast<double>(n * a) * times, repetitions,
                                            [=](Contest& self) {
                                              const auto setting = std::make_shared<Setting>();
                                              const auto x = setting->array(n * a), gain = setting->array(a), bias = setting->array(a),
                                                         out = setting->array(n * a);
                                              add_kernels(self, setting, times, 1, [=](const Kernels& kernels) {
                                                kernels.layer_norm(n, a, x, gain, bias, 1e-5F, out);
                                              });
                                              self.add("copy", [=] {
                                                for (int i = 0; i < times; ++i) {
                                                  std::memcpy(out.data(), x.data(), x.size_bytes());
                                                  benchmark::ClobberMemory();
                                                }
                                              });
                                            }),
                  "copy", {"kernels", "kernels_2_threads"});
}

}  // namespace

int main(int argc, char** argv) {
  mpc::SingleRank ranks;
  try {
    fmt::print(stderr, "{}\n", bridge::cpu_kernels<float>(2)->describe());
#ifdef ROUNDTRIP_WITH_OPENBLAS
    fmt::print(stderr, "OpenBLAS for {}: it takes OPENBLAS_CORETYPE from the environment where it does not know the processor\n",
               openblas_get_corename());
#endif
    std::vector<std::unique_ptr<Contest>> contests;
    contests.push_back(exponentials(ranks));
    for (const auto& [m, n, k] : {std::array<std::size_t, 3>{128, 384, 384},
                                  {128, 1152, 384},
                                  {128, 1536, 384},
                                  {128, 384, 1536},
                                  {512, 512, 512},
                                  {2048, 2048, 2048},
                                  {64, 384, 384},
                                  {7, 384, 384},
                                  {1, 384, 384}}) {
      contests.push_back(products(ranks, m, n, k));
    }
    contests.push_back(products(ranks, 128, 1536, 384, true));
    contests.push_back(attention(ranks, "attention/4096x64", {4096, 4096, 64, 64}, false));
    contests.push_back(attention(ranks, "attention_causal/4096x64", {4096, 4096, 64, 64}, true));
    contests.push_back(attention(ranks, "attention/128x32_12_heads", {128, 128, 32, 32, 12, 1152, 1152, 1152}, false));
    contests.push_back(blocks(ranks, "blocks/1x1_12_heads", 8192, {1, 1, 32, 32, 12}));
    contests.push_back(blocks(ranks, "blocks/16x16_12_heads", 64, {16, 16, 32, 32, 12}));
    contests.push_back(layer_norm(ranks, 128, 384));
    return run_benchmarks(argc, argv, true);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(mpc::Exit::fault);
  }
}
