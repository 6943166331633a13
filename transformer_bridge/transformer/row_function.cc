#include "transformer_bridge/transformer/row_function.h"

#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/reference.h"

namespace bridge {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

const char* name(Activation activation) {
  switch (activation) {
    case Activation::relu: return "relu";
    case Activation::gelu: return "gelu";
    case Activation::gelu_tanh: return "gelu_tanh";
  }
  return "?";
}

template <class Real>
std::size_t parameters_of(const Linear<Real>& linear) {
  return linear.weights.values().size() + linear.bias.size();
}

template <class Real>
void check_linear(const Linear<Real>& linear, const std::string& place) {
  if (!linear.bias.empty()) expect_equal(place, "width of the bias", linear.weights.columns(), linear.bias.size());
}

template <class Real>
Matrix<Real> apply_linear(const Linear<Real>& linear, const Matrix<Real>& rows) {
  const auto& W = linear.weights;
  Matrix<Real> out(rows.rows(), W.columns());
  reference::linear<Real>(rows.rows(), W.rows(), W.columns(), rows.values(), W.values(), linear.bias, out.values());
  return out;
}

template <class Real>
Matrix<Real> apply_embedding(const Embedding<Real>& embedding, const Matrix<Real>& rows, std::size_t first, const std::string& place) {
  const auto& table = embedding.table;
  const auto found = embedding_ids<Real>(embedding, rows.values(), first, place);
  const std::vector<std::size_t> ids(found.begin(), found.end());
  Matrix<Real> out(rows.rows(), table.columns());
  reference::embedding<Real>(rows.rows(), table.columns(), ids, table.values(), out.values());
  if (embedding.positions.rows() == 0) return out;
  for (std::size_t i = 0; i < out.rows(); ++i) {
    for (std::size_t c = 0; c < out.columns(); ++c) out(i, c) += embedding.positions(first + i, c);
  }
  return out;
}

template <class Real>
Matrix<Real> apply_oracle(const Oracle<Real>& oracle, const Matrix<Real>& rows, std::size_t first, const std::string& place) {
  Matrix<Real> out(rows.rows(), oracle.out);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = oracle.function(first + i, rows.row(i));
    expect_equal(fmt::format("{}, token {}", place, first + i), fmt::format("columns of the Oracle {}'s row", oracle.name), oracle.out,
                 row.size());
    std::ranges::copy(row, out.row(i).begin());
  }
  return out;
}

template <class Real>
Matrix<Real> apply_sequence(const Sequence<Real>& sequence, const Matrix<Real>& rows, std::size_t first, const std::string& place) {
  auto out = sequence.steps.front().apply(rows, first, place);
  for (std::size_t s = 1; s < sequence.steps.size(); ++s) out = sequence.steps[s].apply(out, first, place);
  if (sequence.residual) {
    for (std::size_t i = 0; i < out.values().size(); ++i) out.values()[i] += rows.values()[i];
  }
  return out;
}

}  // namespace

template <class Real>
std::vector<std::uint32_t> embedding_ids(const Embedding<Real>& embedding, std::span<const Real> column, std::size_t first,
                                         const std::string& place) {
  const auto rows = embedding.table.rows();
  std::vector<std::uint32_t> ids;
  ids.reserve(column.size());
  for (std::size_t i = 0; i < column.size(); ++i) {
    const auto id = column[i];
    // In the form that NaN does not pass; beyond the table the cast would be undefined.
    if (!(id >= 0 && id < static_cast<Real>(rows) && id == static_cast<Real>(static_cast<std::size_t>(id)))) {
      throw mpc::InputError(fmt::format("{}, token {}: {} is not an id of the embedding, which has {} rows", place, first + i, id, rows));
    }
    ids.push_back(static_cast<std::uint32_t>(id));
  }
  return ids;
}

void expect_equal(const std::string& place, const std::string& what, std::size_t expected, std::size_t got) {
  if (expected != got) throw mpc::UsageError(fmt::format("{}: {}: expected {}, got {}", place, what, expected, got));
}

template <class Real>
std::size_t RowFunction<Real>::in() const {
  return std::visit(Overloaded{
                        [](const Linear<Real>& linear) { return linear.weights.rows(); },
                        [](const Mlp<Real>& mlp) { return mlp.layers.front().weights.rows(); },
                        [](const LayerNorm<Real>& norm) { return norm.gain.size(); },
                        [](const Embedding<Real>&) { return std::size_t{1}; },
                        [](const Oracle<Real>& oracle) { return oracle.in; },
                        [](const Sequence<Real>& sequence) { return sequence.steps.front().in(); },
                    },
                    *this);
}

template <class Real>
std::size_t RowFunction<Real>::out() const {
  return std::visit(Overloaded{
                        [](const Linear<Real>& linear) { return linear.weights.columns(); },
                        [](const Mlp<Real>& mlp) { return mlp.layers.back().weights.columns(); },
                        [](const LayerNorm<Real>& norm) { return norm.gain.size(); },
                        [](const Embedding<Real>& embedding) { return embedding.table.columns(); },
                        [](const Oracle<Real>& oracle) { return oracle.out; },
                        [](const Sequence<Real>& sequence) { return sequence.steps.back().out(); },
                    },
                    *this);
}

template <class Real>
bool RowFunction<Real>::has_oracle() const {
  if (const auto* sequence = std::get_if<Sequence<Real>>(this)) {
    return std::ranges::any_of(sequence->steps, [](const auto& step) { return step.has_oracle(); });
  }
  return std::holds_alternative<Oracle<Real>>(*this);
}

template <class Real>
std::size_t RowFunction<Real>::parameters() const {
  return std::visit(
      Overloaded{
          [](const Linear<Real>& linear) { return parameters_of(linear); },
          [](const Mlp<Real>& mlp) {
            std::size_t sum = 0;
            for (const auto& linear : mlp.layers) sum += parameters_of(linear);
            return sum;
          },
          [](const LayerNorm<Real>& norm) { return norm.gain.size() + norm.bias.size(); },
          [](const Embedding<Real>& embedding) { return embedding.table.values().size() + embedding.positions.values().size(); },
          [](const Oracle<Real>&) { return std::size_t{0}; },
          [](const Sequence<Real>& sequence) {
            std::size_t sum = 0;
            for (const auto& step : sequence.steps) sum += step.parameters();
            return sum;
          },
      },
      *this);
}

template <class Real>
std::string RowFunction<Real>::describe() const {
  return std::visit(
      Overloaded{
          [](const Linear<Real>& linear) { return fmt::format("linear {} -> {}", linear.weights.rows(), linear.weights.columns()); },
          [](const Mlp<Real>& mlp) {
            auto text = fmt::format("mlp {}", mlp.layers.front().weights.rows());
            for (const auto& linear : mlp.layers) text += fmt::format(" -> {}", linear.weights.columns());
            return text + ", " + name(mlp.activation);
          },
          [](const LayerNorm<Real>& norm) { return fmt::format("layer norm {}", norm.gain.size()); },
          [](const Embedding<Real>& embedding) {
            return fmt::format("embedding of {} ids{} -> {}", embedding.table.rows(),
                               embedding.positions.rows() == 0 ? "" : " and positions", embedding.table.columns());
          },
          [](const Oracle<Real>& oracle) { return fmt::format("Oracle {} {} -> {}", oracle.name, oracle.in, oracle.out); },
          [](const Sequence<Real>& sequence) {
            auto text = std::string(sequence.residual ? "row + (" : "(");
            for (const auto& step : sequence.steps) text += (&step == &sequence.steps.front() ? "" : "; ") + step.describe();
            return text + ")";
          },
      },
      *this);
}

template <class Real>
void RowFunction<Real>::check(std::size_t tokens, const std::string& place) const {
  std::visit(
      Overloaded{
          [&](const Linear<Real>& linear) { check_linear(linear, place); },
          [&](const Mlp<Real>& mlp) {
            if (mlp.layers.empty()) throw mpc::UsageError(place + ": an MLP without a linear map");
            for (std::size_t d = 0; d < mlp.layers.size(); ++d) {
              const auto at = fmt::format("{}, linear map {} of the MLP", place, d);
              check_linear(mlp.layers[d], at);
              if (d != 0) expect_equal(at, "columns in", mlp.layers[d - 1].weights.columns(), mlp.layers[d].weights.rows());
            }
          },
          [&](const LayerNorm<Real>& norm) { expect_equal(place, "width of the bias", norm.gain.size(), norm.bias.size()); },
          [&](const Embedding<Real>& embedding) {
            const auto& positions = embedding.positions;
            if (positions.rows() == 0) return;
            expect_equal(place, "columns of the positions", embedding.table.columns(), positions.columns());
            if (positions.rows() < tokens) {
              throw mpc::UsageError(fmt::format("{}: rows of the positions: expected {} or more, got {}", place, tokens, positions.rows()));
            }
          },
          [&](const Oracle<Real>& oracle) {
            if (!oracle.function) throw mpc::UsageError(fmt::format("{}: the Oracle {} has no function", place, oracle.name));
          },
          [&](const Sequence<Real>& sequence) {
            if (sequence.steps.empty()) throw mpc::UsageError(place + ": a sequence without a step");
            for (std::size_t s = 0; s < sequence.steps.size(); ++s) {
              const auto at = fmt::format("{}, step {} of the sequence", place, s);
              sequence.steps[s].check(tokens, at);
              if (s != 0) expect_equal(at, "columns in", sequence.steps[s - 1].out(), sequence.steps[s].in());
            }
            if (sequence.residual) expect_equal(place, "columns out of the sequence, for its residual", in(), out());
          },
      },
      *this);
}

template <class Real>
Matrix<Real> RowFunction<Real>::apply(const Matrix<Real>& rows, std::size_t first, const std::string& place) const {
  return std::visit(Overloaded{
                        [&](const Linear<Real>& linear) { return apply_linear(linear, rows); },
                        [&](const Mlp<Real>& mlp) {
                          auto out = apply_linear(mlp.layers.front(), rows);
                          for (std::size_t d = 1; d < mlp.layers.size(); ++d) {
                            reference::activate<Real>(mlp.activation, out.values());
                            out = apply_linear(mlp.layers[d], out);
                          }
                          return out;
                        },
                        [&](const LayerNorm<Real>& norm) {
                          Matrix<Real> out(rows.rows(), rows.columns());
                          reference::layer_norm<Real>(rows.rows(), rows.columns(), rows.values(), norm.gain, norm.bias, norm.epsilon,
                                                      out.values());
                          return out;
                        },
                        [&](const Embedding<Real>& embedding) { return apply_embedding(embedding, rows, first, place); },
                        [&](const Oracle<Real>& oracle) { return apply_oracle(oracle, rows, first, place); },
                        [&](const Sequence<Real>& sequence) { return apply_sequence(sequence, rows, first, place); },
                    },
                    *this);
}

template struct RowFunction<float>;
template struct RowFunction<double>;

template std::vector<std::uint32_t> embedding_ids(const Embedding<float>&, std::span<const float>, std::size_t, const std::string&);
template std::vector<std::uint32_t> embedding_ids(const Embedding<double>&, std::span<const double>, std::size_t, const std::string&);

}  // namespace bridge
