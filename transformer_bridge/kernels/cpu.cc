#include "transformer_bridge/kernels/cpu.h"

#include <algorithm>
#include <array>
#include <new>
#include <type_traits>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/cpu/loops.h"
#include "transformer_bridge/kernels/cpu/thread_pool.h"
#include "transformer_bridge/kernels/reference_kernels.h"

namespace bridge {
namespace {

constexpr std::size_t row_block = 128;             ///< rows that one thread multiplies with a panel
constexpr std::size_t numbers_a_thread = 1 << 14;  ///< of simple loops: waking another thread for less takes longer

constexpr std::size_t quotient_up(std::size_t x, std::size_t y) { return (x + y - 1) / y; }

/// Aligned numbers that grow and are kept, with any contents.
template <class Real>
class Scratch {
 public:
  Real* of(std::size_t size) {
    if (size > size_) {
      numbers_ = {};
      size_ = 0;
      numbers_.reset(static_cast<Real*>(::operator new(size * sizeof(Real), alignment)));
      size_ = size;
    }
    return numbers_.get();
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Delete {
    void operator()(Real* numbers) const { ::operator delete(numbers, alignment); }
  };
  std::unique_ptr<Real[], Delete> numbers_;
  std::size_t size_ = 0;
};

/// Of the thread that asks.
template <class Real>
Real* thread_scratch(std::size_t size) {
  thread_local Scratch<Real> scratch;
  return scratch.of(size);
}

/// W panel by panel, each [a, panel] with zeros after the last column, and the bias.
template <class Real>
class PanelLinear final : public PackedLinear<Real> {
 public:
  PanelLinear(std::size_t a, std::size_t b, std::size_t panel, std::span<const Real> W, std::span<const Real> bias)
      : PackedLinear<Real>(a, b) {
    const auto panels = quotient_up(b, panel);
    weights_ = numbers_.of(panels * panel * (a + 1));
    std::fill_n(weights_, panels * panel * (a + 1), Real{0});
    bias_ = weights_ + panels * panel * a;
    for (std::size_t j = 0; j < b; j += panel) {
      for (std::size_t c = 0; c < a; ++c) std::copy_n(W.data() + c * b + j, std::min(panel, b - j), weights_ + j * a + c * panel);
    }
    std::ranges::copy(bias, bias_);
  }
  /// Of the panel that begins with this column.
  const Real* weights(std::size_t column) const { return weights_ + column * this->a(); }
  const Real* bias(std::size_t column) const { return bias_ + column; }

 private:
  Scratch<Real> numbers_;
  Real* weights_;
  Real* bias_;
};

template <class Real>
class CpuKernels final : public ReferenceKernels<Real> {
 public:
  CpuKernels(std::size_t threads, InstructionSet instructions) : loops_(cpu::loops_for<Real>(instructions)), pool_(threads) {}

  std::string describe() const override {
    return fmt::format("cpu, {}, {} thread{}", loops_.name, pool_.threads(), pool_.threads() == 1 ? "" : "s");
  }

  std::unique_ptr<PackedLinear<Real>> pack_linear(std::size_t a, std::size_t b, std::span<const Real> W,
                                                  std::span<const Real> bias) const override {
    return std::make_unique<PanelLinear<Real>>(a, b, loops_.panel, W, bias);
  }

  void linear(const PackedLinear<Real>& weights, std::size_t, std::size_t n, std::span<const Real> x, std::optional<Activation> activation,
              std::span<const Real> residual, std::span<Real> out) const override {
    const auto& panels = dynamic_cast<const PanelLinear<Real>&>(weights);
    const auto a = weights.a(), b = weights.b(), panels_a_row = quotient_up(b, loops_.panel);
    // Rows first: those of a block stay in the cache while all weights pass by.
    pool_.run(quotient_up(n, row_block) * panels_a_row, [&](std::size_t unit) {
      const auto row = unit / panels_a_row * row_block, column = unit % panels_a_row * loops_.panel, place = row * b + column;
      loops_.linear({std::min(row_block, n - row), a, std::min(loops_.panel, b - column), x.data() + row * a, panels.weights(column),
                     panels.bias(column), activation ? &*activation : nullptr, residual.empty() ? nullptr : residual.data() + place,
                     out.data() + place, b});
    });
  }

  void activate(Activation activation, std::span<Real> x) const override {
    in_parts(x.size(), 1, [&](std::size_t begin, std::size_t size) { loops_.activate(activation, size, x.data() + begin); });
  }

  void add(std::span<const Real> x, std::span<Real> into) const override {
    in_parts(into.size(), 1, [&](std::size_t begin, std::size_t size) { loops_.add(size, x.data() + begin, into.data() + begin); });
  }

  void layer_norm(std::size_t n, std::size_t a, std::span<const Real> x, std::span<const Real> gain, std::span<const Real> bias,
                  Real epsilon, std::span<Real> out) const override {
    in_parts(n, a, [&](std::size_t row, std::size_t rows) {
      loops_.layer_norm(rows, a, x.data() + row * a, gain.data(), bias.data(), epsilon, out.data() + row * a);
    });
  }

  std::size_t first_nan(std::size_t n, std::size_t a, std::span<const Real> x) const override { return loops_.first_nan(n, a, x.data()); }

  void attention(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys, std::span<const Real> values,
                 const VisibleKeys& visible, Real scale, std::span<Real> out) const override {
    attend(work_of(shape.strided(), queries, keys, values, visible, scale, {}, {}, out));
  }

  void attention_partial(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys,
                         std::span<const Real> values, const VisibleKeys& visible, Real scale, std::span<Real> largest, std::span<Real> sum,
                         std::span<Real> value) const override {
    attend(work_of(shape.strided(), queries, keys, values, visible, scale, largest, sum, value));
  }

  void attention_blocks(const AttentionShape& shape, std::span<const BlockPair> pairs, std::span<const Real> queries,
                        std::span<const Real> keys, std::span<const Real> values, const VisibleKeys& visible, Real scale,
                        std::span<Real> largest, std::span<Real> sum, std::span<Real> value) const override {
    const auto s = shape.strided();
    const auto all = work_of(s, queries, keys, values, visible, scale, largest, sum, value);
    const auto scratch = loops_.attention_scratch(s.v);
    in_parts(pairs.size(), s.n * s.heads * (s.k + s.v * s.t), [&](std::size_t first, std::size_t count) {
      for (auto p = first; p < first + count; ++p) {
        auto pair = rows_from(all, p * s.n);
        pair.t = pairs[p].keys;
        pair.keys += p * s.t * s.key_stride;
        pair.values += p * s.t * s.value_stride;
        pair.first_query = pairs[p].first_query;
        pair.first_key = pairs[p].first_key;
        if (pair.t > cpu::few_keys) {
          pair.scratch = thread_scratch<Real>(scratch + s.heads * loops_.packed_size(pair.t, s.k, s.v));
          pair.packed = pair.scratch + scratch;
          for (std::size_t head = 0; head < s.heads; ++head) {
            for (std::size_t block = 0; block * cpu::key_block < pair.t; ++block) loops_.pack_keys(pair, head, block);
          }
        }
        for (std::size_t row = 0; row < pairs[p].queries; row += cpu::query_block) {
          auto rows = rows_from(pair, row);
          rows.first_query += row;
          rows.rows = std::min<std::size_t>(cpu::query_block, pairs[p].queries - row);
          loops_.attention(rows);
        }
      }
    });
  }

  void merge(std::size_t n, std::size_t v, std::span<Real> into_largest, std::span<Real> into_sum, std::span<Real> into_value,
             std::span<const Real> from_largest, std::span<const Real> from_sum, std::span<const Real> from_value) const override {
    in_parts(n, v, [&](std::size_t row, std::size_t rows) {
      loops_.merge(rows, v, into_largest.data() + row, into_sum.data() + row, into_value.data() + row * v, from_largest.data() + row,
                   from_sum.data() + row, from_value.data() + row * v);
    });
  }

  void finish(std::size_t n, std::size_t v, std::span<const Real> sum, std::span<const Real> value, std::span<Real> out) const override {
    in_parts(n, v, [&](std::size_t row, std::size_t rows) {
      loops_.finish(rows, v, sum.data() + row, value.data() + row * v, out.data() + row * v);
    });
  }

 private:
  /// work(first, count): some of so many items, which are `size` numbers each. Few numbers are not divided.
  template <class Work>
  void in_parts(std::size_t items, std::size_t size, const Work& work) const {
    const auto wanted = quotient_up(items * std::max<std::size_t>(size, 1), numbers_a_thread);
    const auto parts = std::min({items, wanted, 4 * pool_.threads()});
    pool_.run(parts, [&](std::size_t part) {
      const auto first = items * part / parts;
      work(first, items * (part + 1) / parts - first);
    });
  }

  static cpu::AttentionWork<Real> work_of(const AttentionShape& s, std::span<const Real> queries, std::span<const Real> keys,
                                          std::span<const Real> values, const VisibleKeys& visible, Real scale, std::span<Real> largest,
                                          std::span<Real> sum, std::span<Real> out) {
    return {.rows = s.n,
            .t = s.t,
            .k = s.k,
            .v = s.v,
            .heads = s.heads,
            .queries = queries.data(),
            .keys = keys.data(),
            .values = values.data(),
            .query_stride = s.query_stride,
            .key_stride = s.key_stride,
            .value_stride = s.value_stride,
            .first_query = visible.first_query,
            .first_key = visible.first_key,
            .shown = visible.shown,
            .causal = visible.causal,
            .visible = visible.visible.empty() ? nullptr : visible.visible.data(),
            .visible_stride = s.t,
            .scale = scale,
            .largest = largest.data(),
            .sum = sum.data(),
            .part_stride = s.part_stride,
            .out = out.data(),
            .out_stride = s.out_stride};
  }

  /// The same from this row on; its token stays the first's.
  static cpu::AttentionWork<Real> rows_from(cpu::AttentionWork<Real> work, std::size_t row) {
    work.queries += row * work.query_stride;
    work.out += row * work.out_stride;
    if (work.visible != nullptr) work.visible += row * work.visible_stride;
    if (work.largest != nullptr) {
      work.largest += row * work.part_stride;
      work.sum += row * work.part_stride;
    }
    return work;
  }

  void attend(cpu::AttentionWork<Real> work) const {
    if (work.rows == 0) return;
    const auto n = work.rows;
    if (work.t <= cpu::few_keys) {
      in_parts(n, work.heads * (work.k + work.v) * work.t, [&](std::size_t row, std::size_t rows) {
        auto part = rows_from(work, row);
        part.first_query += row;
        part.rows = rows;
        loops_.attention(part);
      });
      return;
    }
    const auto packed_size = loops_.packed_size(work.t, work.k, work.v), key_blocks = quotient_up(work.t, cpu::key_block);
    work.packed = packed_.of(work.heads * packed_size);
    pool_.run(work.heads * key_blocks, [&](std::size_t unit) { loops_.pack_keys(work, unit / key_blocks, unit % key_blocks); });
    const auto query_blocks = quotient_up(n, cpu::query_block);
    pool_.run(work.heads * query_blocks, [&](std::size_t unit) {
      const auto head = unit / query_blocks, row = unit % query_blocks * cpu::query_block;
      auto part = rows_from(work, row);
      part.first_query += row;
      part.rows = std::min(cpu::query_block, n - row);
      part.heads = 1;
      part.queries += head * work.k;
      part.out += head * work.v;
      if (part.largest != nullptr) {
        part.largest += head;
        part.sum += head;
      }
      part.packed += head * packed_size;
      part.scratch = thread_scratch<Real>(loops_.attention_scratch(work.v));
      loops_.attention(part);
    });
  }

  const cpu::Loops<Real>& loops_;
  mutable cpu::ThreadPool pool_;
  mutable Scratch<Real> packed_;
};

}  // namespace

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> result{InstructionSet::portable};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) result.push_back(InstructionSet::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq")) {
    result.push_back(InstructionSet::avx512);
  }
#endif
  return result;
}

template <class Real>
const cpu::Loops<Real>& cpu::loops_for(InstructionSet instructions) {
  if (std::ranges::count(instruction_sets(), instructions) == 0) {
    throw mpc::UsageError("this processor has not the instructions that these kernels are asked for");
  }
#if defined(__x86_64__)
  if (instructions == InstructionSet::avx512) return avx512_loops<Real>();
  if (instructions == InstructionSet::avx2) return avx2_loops<Real>();
#endif
  return portable_loops<Real>();
}

template <class Real>
std::unique_ptr<Kernels<Real>> cpu_kernels(std::size_t threads, InstructionSet instructions) {
  return std::make_unique<CpuKernels<Real>>(threads, instructions);
}

template <class Real>
std::unique_ptr<Kernels<Real>> cpu_kernels(std::size_t threads) {
  return cpu_kernels<Real>(threads, instruction_sets().back());
}

template const cpu::Loops<float>& cpu::loops_for(InstructionSet);
template const cpu::Loops<double>& cpu::loops_for(InstructionSet);
template std::unique_ptr<Kernels<float>> cpu_kernels(std::size_t);
template std::unique_ptr<Kernels<double>> cpu_kernels(std::size_t);
template std::unique_ptr<Kernels<float>> cpu_kernels(std::size_t, InstructionSet);
template std::unique_ptr<Kernels<double>> cpu_kernels(std::size_t, InstructionSet);

}  // namespace bridge
