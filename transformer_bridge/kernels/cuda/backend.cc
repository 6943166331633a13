#include "transformer_bridge/kernels/cuda/backend.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "transformer_bridge/kernels/cuda/attention.h"
#include "transformer_bridge/kernels/cuda/embedding.h"
#include "transformer_bridge/kernels/cuda/gemm.h"
#include "transformer_bridge/kernels/cuda/layer_norm.h"
#include "transformer_bridge/kernels/cuda/merge.h"
#include "transformer_bridge/kernels/cuda/pack.h"
#include "transformer_bridge/kernels/cuda/row.h"

namespace bridge::cuda {
namespace {

/// nullptr for an array without elements, which the launchers take as one that is not given.
template <class T>
T* data_of(std::span<T> array) {
  return array.empty() ? nullptr : array.data();
}

/// Memory of one purpose that grows, and that the next call uses again: calls follow each other on the stream.
template <class T>
class Scratch {
 public:
  explicit Scratch(Memory& memory) : memory_(memory) {}
  /// `size` elements with any contents, until the next call.
  T* of(std::size_t size) {
    if (size > array_.size()) {
      array_ = {};  // before there are two
      array_ = Array<T>(memory_, size);
    }
    return array_.span().data();
  }

 private:
  Memory& memory_;
  Array<T> array_;
};

template <class Real>
class CudaLinear final : public PackedLinear<Real> {
 public:
  CudaLinear(Memory& memory, std::size_t a, std::size_t b, std::span<const Real> W, std::span<const Real> added)
      : PackedLinear<Real>(a, b), weights(memory, W), bias(memory, added) {}
  Array<Real> weights, bias;
};

template <class Real>
class CudaKernels final : public Kernels<Real> {
 public:
  explicit CudaKernels(std::unique_ptr<Device> device) : device_(std::move(device)), gemm_(make_gemm<Real>(*device_)) {}

  std::string describe() const override { return "cuda, " + device_->describe() + gemm_->describe(); }
  Memory& memory() const override { return *device_; }

  std::unique_ptr<PackedLinear<Real>> pack_linear(std::size_t a, std::size_t b, std::span<const Real> W,
                                                  std::span<const Real> bias) const override {
    return std::make_unique<CudaLinear<Real>>(*device_, a, b, W.first(a * b), bias);
  }

  void linear(const PackedLinear<Real>& weights, std::size_t first, std::size_t n, std::span<const Real> x,
              std::optional<Activation> activation, std::span<const Real> residual, std::span<Real> out) const override {
    const auto& packed = dynamic_cast<const CudaLinear<Real>&>(weights);
    const auto a = packed.a(), b = packed.b();
    if (n == 0 || b == 0) return;
    // Tiles whose product is held at a time: enough to keep a device busy, and few enough to be small beside the weights of a large model.
    constexpr std::size_t product_size = std::size_t{1} << 24;
    const auto most_tiles = std::max<std::size_t>(1, product_size / (gemm_rows * b));
    for (std::size_t done = 0; done < n;) {
      const auto skip = (first + done) % gemm_rows;  // rows of the first tile that are other calls'
      const auto end = skip + std::min(n - done, most_tiles * gemm_rows - skip);
      const auto tiles = (end + gemm_rows - 1) / gemm_rows;
      auto* product = product_.of(tiles * gemm_rows * b);
      for (std::size_t row = 0; row < end; row += gemm_rows) {
        const auto from = std::max(row, skip), to = std::min(row + gemm_rows, end);
        gemm_->multiply(a, b, whole_tile(from - row, to - from, a, x.data() + (done + from - skip) * a), packed.weights.span().data(),
                        product + row * b);
      }
      epilogue<Real>(end - skip, b, product + skip * b, data_of(packed.bias.span()), activation,
                     residual.empty() ? nullptr : residual.data() + done * b, out.data() + done * b, stream());
      done += end - skip;
    }
  }

  void activate(Activation activation, std::span<Real> x) const override { cuda::activate(activation, x.size(), x.data(), stream()); }

  void add(std::span<const Real> x, std::span<Real> into) const override { cuda::add(into.size(), x.data(), into.data(), stream()); }

  void layer_norm(std::size_t n, std::size_t a, std::span<const Real> x, std::span<const Real> gain, std::span<const Real> bias,
                  Real epsilon, std::span<Real> out) const override {
    cuda::layer_norm(n, a, x.data(), gain.data(), bias.data(), epsilon, out.data(), stream());
  }

  void embedding(std::size_t n, std::size_t b, std::span<const std::uint32_t> ids, std::span<const Real> table,
                 std::span<const Real> positions, std::span<Real> out) const override {
    cuda::embedding(n, b, ids.data(), table.data(), data_of(positions), out.data(), stream());
  }

  void copy_columns(std::size_t n, std::size_t columns, std::span<const Real> from, std::size_t from_stride, std::span<Real> to,
                    std::size_t to_stride) const override {
    cuda::copy_columns(n, columns, from.data(), from_stride, to.data(), to_stride, stream());
  }

  std::size_t first_nan(std::size_t n, std::size_t a, std::span<const Real> x) const override {
    unsigned long long first = n;
    auto* place = first_nan_.of(1);
    device_->upload(place, &first, sizeof first);
    cuda::first_nan(n, a, x.data(), place, stream());
    device_->download(&first, place, sizeof first);
    return first;
  }

  void attention(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys, std::span<const Real> values,
                 const VisibleKeys& visible, Real scale, std::span<Real> out) const override {
    const auto s = shape.strided();
    cuda::attention(s, queries.data(), keys.data(), values.data(), visible, scale, out.data(), parts_.of(attention_scratch<Real>(s)),
                    stream());
  }

  void attention_partial(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys,
                         std::span<const Real> values, const VisibleKeys& visible, Real scale, std::span<Real> largest, std::span<Real> sum,
                         std::span<Real> value) const override {
    const auto s = shape.strided();
    cuda::attention_partial(s, queries.data(), keys.data(), values.data(), visible, scale, largest.data(), sum.data(), value.data(),
                            parts_.of(attention_scratch<Real>(s)), stream());
  }

  void attention_blocks(const AttentionShape& shape, std::span<const BlockPair> pairs, std::span<const Real> queries,
                        std::span<const Real> keys, std::span<const Real> values, const VisibleKeys& visible, Real scale,
                        std::span<Real> largest, std::span<Real> sum, std::span<Real> value) const override {
    if (pairs.empty()) return;
    const auto s = shape.strided();
    auto* device_pairs = pairs_.of(pairs.size());
    device_->upload(device_pairs, pairs.data(), pairs.size_bytes());
    cuda::attention_blocks(s, pairs, device_pairs, queries.data(), keys.data(), values.data(), visible, scale, largest.data(), sum.data(),
                           value.data(), parts_.of(attention_scratch<Real>(s)), stream());
  }

  void merge(std::size_t n, std::size_t v, std::span<Real> into_largest, std::span<Real> into_sum, std::span<Real> into_value,
             std::span<const Real> from_largest, std::span<const Real> from_sum, std::span<const Real> from_value) const override {
    cuda::merge(n, v, into_largest.data(), into_sum.data(), into_value.data(), from_largest.data(), from_sum.data(), from_value.data(),
                stream());
  }

  void finish(std::size_t n, std::size_t v, std::span<const Real> sum, std::span<const Real> value, std::span<Real> out) const override {
    cuda::finish(n, v, sum.data(), value.data(), out.data(), stream());
  }

  void pack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> destination, std::size_t destinations,
            std::span<Real> out, std::span<std::uint32_t> starts) const override {
    cuda::pack(n, a, rows.data(), destination.data(), destinations, out.data(), starts.data(), counts_.of(pack_scratch(n, destinations)),
               stream());
  }

  void unpack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> place,
              std::span<Real> out) const override {
    cuda::unpack(n, a, rows.data(), place.data(), out.data(), stream());
  }

 private:
  kl::Stream stream() const { return device_->stream(); }

  /// A tile with n rows of x from row `at` on: x itself if it is one, and lies where a matrix product wants it.
  const Real* whole_tile(std::size_t at, std::size_t n, std::size_t a, const Real* x) const {
    if (n == gemm_rows && reinterpret_cast<std::uintptr_t>(x) % gemm_alignment == 0) return x;
    auto* tile = tile_.of(gemm_rows * a);
    pad_rows(at, n, gemm_rows, a, x, tile, stream());
    return tile;
  }

  std::unique_ptr<Device> device_;
  std::unique_ptr<Gemm<Real>> gemm_;
  mutable Scratch<Real> product_{*device_}, tile_{*device_}, parts_{*device_};
  mutable Scratch<BlockPair> pairs_{*device_};
  mutable Scratch<std::uint32_t> counts_{*device_};
  mutable Scratch<unsigned long long> first_nan_{*device_};
};

}  // namespace

template <class Real>
std::unique_ptr<Kernels<Real>> make_kernels(std::unique_ptr<Device> device) {
  return std::make_unique<CudaKernels<Real>>(std::move(device));
}

template std::unique_ptr<Kernels<float>> make_kernels(std::unique_ptr<Device>);
template std::unique_ptr<Kernels<double>> make_kernels(std::unique_ptr<Device>);

}  // namespace bridge::cuda
