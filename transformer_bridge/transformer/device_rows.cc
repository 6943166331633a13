#include "transformer_bridge/transformer/device_rows.h"

#include <algorithm>

#include <fmt/core.h>

namespace bridge {

std::string Place::text() const { return fmt::format("layer {}, {}", layer, part); }

template <class Real>
DeviceRows<Real>::DeviceRows(const RowFunction<Real>& function, const Kernels<Real>& kernels) : function_(&function), kernels_(&kernels) {
  auto& memory = kernels.memory();
  const auto pack = [&](const Linear<Real>& linear) {
    linears_.push_back(kernels.pack_linear(linear.weights.rows(), linear.weights.columns(), linear.weights.values(), linear.bias));
  };
  const auto place = [&](std::span<const Real> values) { arrays_.emplace_back(memory, values); };
  if (const auto* linear = std::get_if<Linear<Real>>(&function)) {
    pack(*linear);
  } else if (const auto* mlp = std::get_if<Mlp<Real>>(&function)) {
    std::ranges::for_each(mlp->layers, pack);
  } else if (const auto* norm = std::get_if<LayerNorm<Real>>(&function)) {
    place(norm->gain);
    place(norm->bias);
  } else if (const auto* embedding = std::get_if<Embedding<Real>>(&function)) {
    place(embedding->table.values());
    place(embedding->positions.values());
  } else if (const auto* sequence = std::get_if<Sequence<Real>>(&function)) {
    for (const auto& step : sequence->steps) steps_.emplace_back(step, kernels);
  }
}

template <class Real>
void DeviceRows<Real>::apply(std::size_t first, std::size_t n, std::span<const Real> x, std::span<const Real> residual, std::span<Real> out,
                             Workspace<Real>& workspace, const Place& place) const {
  if (!linears_.empty()) return linears_from(0, first, n, x, residual, out, workspace);
  if (const auto* sequence = std::get_if<Sequence<Real>>(function_)) {
    if (!sequence->residual || residual.empty()) {
      return steps_from(0, first, n, x, sequence->residual ? x : residual, out, workspace, place);
    }
    steps_from(0, first, n, x, x, out, workspace, place);
  } else if (const auto* norm = std::get_if<LayerNorm<Real>>(function_)) {
    kernels_->layer_norm(n, in(), x, arrays_[0].span(), arrays_[1].span(), norm->epsilon, out);
  } else if (const auto* embedding = std::get_if<Embedding<Real>>(function_)) {
    embed(*embedding, first, n, x, out, place);
  } else {
    call(first, n, x, out, place);
  }
  if (!residual.empty()) kernels_->add(residual, out);
}

template <class Real>
void DeviceRows<Real>::linears_from(std::size_t i, std::size_t first, std::size_t n, std::span<const Real> x,
                                    std::span<const Real> residual, std::span<Real> out, Workspace<Real>& workspace) const {
  const auto& linear = *linears_[i];
  if (i + 1 == linears_.size()) return kernels_->linear(linear, first, n, x, {}, residual, out);
  typename Workspace<Real>::Scratch next(workspace, n * linear.b());
  kernels_->linear(linear, first, n, x, std::get<Mlp<Real>>(*function_).activation, {}, next.span());
  linears_from(i + 1, first, n, next.span(), residual, out, workspace);
}

template <class Real>
void DeviceRows<Real>::steps_from(std::size_t i, std::size_t first, std::size_t n, std::span<const Real> x, std::span<const Real> residual,
                                  std::span<Real> out, Workspace<Real>& workspace, const Place& place) const {
  const auto& step = steps_[i];
  if (i + 1 == steps_.size()) return step.apply(first, n, x, residual, out, workspace, place);
  typename Workspace<Real>::Scratch next(workspace, n * step.out());
  step.apply(first, n, x, {}, next.span(), workspace, place);
  steps_from(i + 1, first, n, next.span(), residual, out, workspace, place);
}

template <class Real>
void DeviceRows<Real>::embed(const Embedding<Real>& embedding, std::size_t first, std::size_t n, std::span<const Real> x,
                             std::span<Real> out, const Place& place) const {
  std::vector<Real> row(n);
  kernels_->memory().download(row.data(), x.data(), n * sizeof(Real));
  const auto ids = embedding_ids<Real>(embedding, row, first, place.text());
  const Array<std::uint32_t> there(kernels_->memory(), ids);
  const auto b = embedding.table.columns();
  const auto positions = arrays_[1].span();
  kernels_->embedding(n, b, there.span(), arrays_[0].span(), positions.empty() ? positions : positions.subspan(first * b, n * b), out);
}

template <class Real>
void DeviceRows<Real>::call(std::size_t first, std::size_t n, std::span<const Real> x, std::span<Real> out, const Place& place) const {
  Matrix<Real> rows(n, in());
  auto& memory = kernels_->memory();
  memory.download(rows.values().data(), x.data(), rows.values().size_bytes());
  const auto result = function_->apply(rows, first, place.text());
  memory.upload(out.data(), result.values().data(), result.values().size_bytes());
}

template class DeviceRows<float>;
template class DeviceRows<double>;

}  // namespace bridge
