#include "transformer_bridge/compile/dense_layer.h"

#include <algorithm>
#include <string>

namespace bridge {
namespace {

/// A row with all its columns, the first of them at `offset`.
template <class Real>
std::vector<Real> whole(const BlockRow<Real>& row, std::size_t block, std::size_t offset, std::size_t width) {
  std::vector<Real> all(width, Real{0});
  for (std::size_t j = 0; j < row.at.size(); ++j) {
    std::ranges::copy(row.values.subspan(j * block, block), all.begin() + static_cast<std::ptrdiff_t>(offset + row.at[j] * block));
  }
  return all;
}

template <class Real>
Oracle<Real> oracle(const char* name, std::size_t in, std::size_t out, std::function<std::vector<Real>(std::size_t)> of_local,
                    std::size_t first) {
  return {name, in, out,
          [of_local = std::move(of_local), first](std::size_t token, std::span<const Real>) { return of_local(token - first); }};
}

}  // namespace

template <class Real>
Layer<Real> dense_layer(const std::vector<HeadRows<Real>>& heads, const RoutingShape& shape, const ResidualColumns& columns,
                        std::size_t first) {
  Layer<Real> layer;
  const auto width = columns.width(shape);
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const auto* rows = &heads[h];
    const auto key_width = shape.key_width;
    const auto offset = columns.attention(shape, h, 0, 0);
    const auto block = shape.slot_columns;
    const auto machines = rows->machines.keys.rows();
    Head<Real> head{
        oracle<Real>(
            "query", width, key_width, [=](std::size_t local) { return whole(rows->queries.row(local), 1, 0, key_width); }, first),
        oracle<Real>(
            "key", width, key_width,
            [=](std::size_t local) {
              return whole(local < machines ? rows->machines.keys.row(local) : rows->others.keys.row(local - machines), 1, 0, key_width);
            },
            first),
        oracle<Real>(
            "value", width, width,
            [=](std::size_t local) {
              return whole(local < machines ? rows->machines.values.row(local) : rows->others.values.row(local - machines), block, offset,
                           width);
            },
            first)};
    head.scale = static_cast<Real>(shape.temperature);
    head.start = StartToken<Real>{whole(rows->start.keys.row(0), 1, 0, key_width), whole(rows->start.values.row(0), block, offset, width)};
    layer.heads.push_back(std::move(head));
  }
  return layer;
}

template <class Real>
BlockRows<Real> head_output(const Matrix<Real>& rows, std::size_t head, const RoutingShape& shape, const ResidualColumns& columns) {
  BlockRows<Real> output(shape.slot_columns);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t slot = 0; slot < shape.slots; ++slot) {
      const auto fields = rows.row(i).subspan(columns.attention(shape, head, slot, 0), shape.slot_columns);
      if (std::ranges::any_of(fields, [](Real value) { return value != Real{0}; })) {
        std::ranges::copy(fields, output.add(static_cast<std::uint32_t>(slot)).begin());
      }
    }
    output.end_row();
  }
  return output;
}

template Layer<float> dense_layer(const std::vector<HeadRows<float>>&, const RoutingShape&, const ResidualColumns&, std::size_t);
template Layer<double> dense_layer(const std::vector<HeadRows<double>>&, const RoutingShape&, const ResidualColumns&, std::size_t);
template BlockRows<float> head_output(const Matrix<float>&, std::size_t, const RoutingShape&, const ResidualColumns&);
template BlockRows<double> head_output(const Matrix<double>&, std::size_t, const RoutingShape&, const ResidualColumns&);

}  // namespace bridge
