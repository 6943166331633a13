#pragma once

#include <memory>
#include <string>

#include "transformer_bridge/kernels/kernels.h"

namespace bridge {

/// The plain loops of reference.h as Kernels, on one thread. Other kernels of the program's own memory take from here what they do not do
/// better.
template <class Real>
class ReferenceKernels : public Kernels<Real> {
 public:
  std::string describe() const override;
  Memory& memory() const override;

  std::unique_ptr<PackedLinear<Real>> pack_linear(std::size_t a, std::size_t b, std::span<const Real> W,
                                                  std::span<const Real> bias) const override;
  void linear(const PackedLinear<Real>& weights, std::size_t first, std::size_t n, std::span<const Real> x,
              std::optional<Activation> activation, std::span<const Real> residual, std::span<Real> out) const override;
  void activate(Activation activation, std::span<Real> x) const override;
  void add(std::span<const Real> x, std::span<Real> into) const override;
  void layer_norm(std::size_t n, std::size_t a, std::span<const Real> x, std::span<const Real> gain, std::span<const Real> bias,
                  Real epsilon, std::span<Real> out) const override;
  void embedding(std::size_t n, std::size_t b, std::span<const std::uint32_t> ids, std::span<const Real> table,
                 std::span<const Real> positions, std::span<Real> out) const override;
  void copy_columns(std::size_t n, std::size_t columns, std::span<const Real> from, std::size_t from_stride, std::span<Real> to,
                    std::size_t to_stride) const override;
  std::size_t first_nan(std::size_t n, std::size_t a, std::span<const Real> x) const override;

  void attention(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys, std::span<const Real> values,
                 const VisibleKeys& visible, Real scale, std::span<Real> out) const override;
  void attention_partial(const AttentionShape& shape, std::span<const Real> queries, std::span<const Real> keys,
                         std::span<const Real> values, const VisibleKeys& visible, Real scale, std::span<Real> largest, std::span<Real> sum,
                         std::span<Real> value) const override;
  void attention_blocks(const AttentionShape& shape, std::span<const BlockPair> pairs, std::span<const Real> queries,
                        std::span<const Real> keys, std::span<const Real> values, const VisibleKeys& visible, Real scale,
                        std::span<Real> largest, std::span<Real> sum, std::span<Real> value) const override;
  void merge(std::size_t n, std::size_t v, std::span<Real> into_largest, std::span<Real> into_sum, std::span<Real> into_value,
             std::span<const Real> from_largest, std::span<const Real> from_sum, std::span<const Real> from_value) const override;
  void finish(std::size_t n, std::size_t v, std::span<const Real> sum, std::span<const Real> value, std::span<Real> out) const override;

  void pack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> destination, std::size_t destinations,
            std::span<Real> out, std::span<std::uint32_t> starts) const override;
  void unpack(std::size_t n, std::size_t a, std::span<const Real> rows, std::span<const std::uint32_t> place,
              std::span<Real> out) const override;
};

}  // namespace bridge
