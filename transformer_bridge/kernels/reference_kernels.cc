#include "transformer_bridge/kernels/reference_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "transformer_bridge/kernels/reference.h"

namespace bridge {
namespace {

constexpr std::align_val_t alignment{64};

class HostMemory final : public Memory {
 public:
  void* allocate(std::size_t bytes) override { return ::operator new(bytes, alignment); }
  void release(void* place) noexcept override { ::operator delete(place, alignment); }
  void upload(void* device, const void* host, std::size_t bytes) override { copy(device, host, bytes); }
  void download(void* host, const void* device, std::size_t bytes) override { copy(host, device, bytes); }
  bool is_host() const override { return true; }

 private:
  /// Of no bytes there may be no place, which memcpy does not take.
  static void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(to, from, bytes);
  }
};

template <class Real>
class DenseLinear final : public PackedLinear<Real> {
 public:
  DenseLinear(std::size_t a, std::size_t b, std::span<const Real> W, std::span<const Real> added)
      : PackedLinear<Real>(a, b), weights(W.begin(), W.end()), bias(added.begin(), added.end()) {}
  std::vector<Real> weights, bias;
};

/// Rows of one head without what lies between them, as the plain loops take them.
template <class Real>
std::vector<Real> head_rows(std::span<const Real> from, std::size_t rows, std::size_t columns, std::size_t at, std::size_t stride) {
  std::vector<Real> result(rows * columns);
  for (std::size_t i = 0; i < rows; ++i) std::copy_n(from.data() + i * stride + at, columns, result.data() + i * columns);
  return result;
}

std::vector<std::uint8_t> mask_of(const VisibleKeys& visible, std::size_t n, std::size_t t) {
  std::vector<std::uint8_t> mask;
  mask.reserve(n * t);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < t; ++j) mask.push_back(visible.sees(i, j, t) ? 1 : 0);
  }
  return mask;
}

/// The rows of a larger array that belong to pair p.
template <class Number>
std::span<Number> rows_of_pair(std::span<Number> all, std::size_t p, std::size_t rows, std::size_t stride) {
  return all.empty() ? all : all.subspan(p * rows * stride);
}

}  // namespace

Memory& host_memory() {
  static HostMemory memory;
  return memory;
}

template <class Real>
std::string ReferenceKernels<Real>::describe() const {
  return "reference";
}

template <class Real>
Memory& ReferenceKernels<Real>::memory() const {
  return host_memory();
}

template <class Real>
std::unique_ptr<PackedLinear<Real>> ReferenceKernels<Real>::pack_linear(std::size_t a, std::size_t b, std::span<const Real> W,
                                                                        std::span<const Real> bias) const {
  return std::make_unique<DenseLinear<Real>>(a, b, W, bias);
}

template <class Real>
void ReferenceKernels<Real>::linear(const PackedLinear<Real>& weights, std::size_t, std::size_t n, std::span<const Real> x,
                                    std::optional<Activation> activation, std::span<const Real> residual, std::span<Real> out) const {
  const auto& W = dynamic_cast<const DenseLinear<Real>&>(weights);
  std::vector<Real> result(n * W.b());
  reference::linear<Real>(n, W.a(), W.b(), x, W.weights, W.bias, result);
  if (activation) reference::activate<Real>(*activation, result);
  for (std::size_t i = 0; i < result.size(); ++i) out[i] = residual.empty() ? result[i] : result[i] + residual[i];
}

template <class Real>
void ReferenceKernels<Real>::activate(Activation activation, std::span<Real> x) const {
  reference::activate(activation, x);
}

template <class Real>
void ReferenceKernels<Real>::add(std::span<const Real> x, std::span<Real> into) const {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] += x[i];
}

template <class Real>
void ReferenceKernels<Real>::layer_norm(std::size_t n, std::size_t a, std::span<const Real> x, std::span<const Real> gain,
                                        std::span<const Real> bias, Real epsilon, std::span<Real> out) const {
  reference::layer_norm(n, a, x, gain, bias, epsilon, out);  // reads a row before it writes it
}

template <class Real>
void ReferenceKernels<Real>::embedding(std::size_t n, std::size_t b, std::span<const std::uint32_t> ids, std::span<const Real> table,
                                       std::span<const Real> positions, std::span<Real> out) const {
  for (std::size_t i = 0; i < n; ++i) std::copy_n(table.data() + ids[i] * b, b, out.data() + i * b);
  for (std::size_t i = 0; i < std::min(positions.size(), n * b); ++i) out[i] += positions[i];
}

template <class Real>
void ReferenceKernels<Real>::copy_columns(std::size_t n, std::size_t columns, std::span<const Real> from, std::size_t from_stride,
                                          std::span<Real> to, std::size_t to_stride) const {
  for (std::size_t i = 0; i < n; ++i) std::copy_n(from.data() + i * from_stride, columns, to.data() + i * to_stride);
}

template <class Real>
std::size_t ReferenceKernels<Real>::first_nan(std::size_t n, std::size_t a, std::span<const Real> x) const {
  for (std::size_t i = 0; i < n; ++i) {
    if (std::ranges::any_of(x.subspan(i * a, a), [](Real number) { return std::isnan(number); })) return i;
  }
  return n;
}

template <class Real>
void ReferenceKernels<Real>::attention(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys,
                                       std::span<const Real> values, const VisibleKeys& visible, Real scale, std::span<Real> out) const {
  const auto s = shape.strided();
  const auto mask = mask_of(visible, s.n, s.t);
  std::vector<Real> head_out(s.n * s.v);
  for (std::size_t h = 0; h < s.heads; ++h) {
    const auto q = head_rows(queries, s.n, s.k, h * s.k, s.query_stride), k = head_rows(keys, s.t, s.k, h * s.k, s.key_stride),
               v = head_rows(values, s.t, s.v, h * s.v, s.value_stride);
    reference::attention<Real>({s.n, s.t, s.k, s.v}, q, k, v, mask, scale, nullptr, head_out);
    copy_columns(s.n, s.v, head_out, s.v, out.subspan(std::min(h * s.v, out.size())), s.out_stride);
  }
}

template <class Real>
void ReferenceKernels<Real>::attention_partial(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys,
                                               std::span<const Real> values, const VisibleKeys& visible, Real scale,
                                               std::span<Real> largest, std::span<Real> sum, std::span<Real> value) const {
  const auto s = shape.strided();
  const auto mask = mask_of(visible, s.n, s.t);
  std::vector<Real> head_largest(s.n), head_sum(s.n), head_value(s.n * s.v);
  for (std::size_t h = 0; h < s.heads; ++h) {
    const auto q = head_rows(queries, s.n, s.k, h * s.k, s.query_stride), k = head_rows(keys, s.t, s.k, h * s.k, s.key_stride),
               v = head_rows(values, s.t, s.v, h * s.v, s.value_stride);
    reference::attention_partial<Real>({s.n, s.t, s.k, s.v}, q, k, v, mask, scale, head_largest, head_sum, head_value);
    for (std::size_t i = 0; i < s.n; ++i) {
      largest[i * s.part_stride + h] = head_largest[i];
      sum[i * s.part_stride + h] = head_sum[i];
      std::copy_n(head_value.data() + i * s.v, s.v, value.data() + i * s.out_stride + h * s.v);
    }
  }
}

template <class Real>
void ReferenceKernels<Real>::attention_blocks(const AttentionShape& shape, std::span<const BlockPair> pairs, std::span<const Real> queries,
                                              std::span<const Real> keys, std::span<const Real> values, const VisibleKeys& visible,
                                              Real scale, std::span<Real> largest, std::span<Real> sum, std::span<Real> value) const {
  const auto s = shape.strided();
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    auto part = s;
    part.n = pairs[p].queries;
    part.t = pairs[p].keys;
    auto seen = visible;
    seen.first_query = pairs[p].first_query;
    seen.first_key = pairs[p].first_key;
    std::vector<std::uint8_t> rows;  // of part.t bytes in place of shape.t
    for (std::size_t i = 0; !visible.visible.empty() && i < part.n; ++i) {
      const auto row = visible.visible.subspan((p * s.n + i) * s.t, part.t);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    seen.visible = rows;
    attention_partial(part, rows_of_pair(queries, p, s.n, s.query_stride), rows_of_pair(keys, p, s.t, s.key_stride),
                      rows_of_pair(values, p, s.t, s.value_stride), seen, scale, rows_of_pair(largest, p, s.n, s.part_stride),
                      rows_of_pair(sum, p, s.n, s.part_stride), rows_of_pair(value, p, s.n, s.out_stride));
  }
}

template <class Real>
void ReferenceKernels<Real>::merge(std::size_t n, std::size_t v, std::span<Real> into_largest, std::span<Real> into_sum,
                                   std::span<Real> into_value, std::span<const Real> from_largest, std::span<const Real> from_sum,
                                   std::span<const Real> from_value) const {
  reference::merge(n, v, into_largest, into_sum, into_value, from_largest, from_sum, from_value);
}

template <class Real>
void ReferenceKernels<Real>::finish(std::size_t n, std::size_t v, std::span<const Real> sum, std::span<const Real> value,
                                    std::span<Real> out) const {
  reference::finish(n, v, sum, value, out);
}

template <class Real>
void ReferenceKernels<Real>::pack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> destination,
                                  std::size_t destinations, std::span<Real> out, std::span<std::uint32_t> starts) const {
  std::ranges::fill(starts, 0U);
  for (const auto to : destination.first(n)) ++starts[to + 1];
  for (std::size_t d = 0; d < destinations; ++d) starts[d + 1] += starts[d];
  std::vector<std::uint32_t> next(starts.begin(), starts.end());
  for (std::size_t i = 0; i < n; ++i) std::copy_n(rows.data() + i * a, a, out.data() + next[destination[i]]++ * a);
}

template <class Real>
void ReferenceKernels<Real>::unpack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> place,
                                    std::span<Real> out) const {
  for (std::size_t i = 0; i < n; ++i) std::copy_n(rows.data() + i * a, a, out.data() + place[i] * a);
}

template class ReferenceKernels<float>;
template class ReferenceKernels<double>;

}  // namespace bridge
