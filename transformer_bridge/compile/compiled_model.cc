#include "transformer_bridge/compile/compiled_model.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "mpc/error.h"

namespace bridge {

template <class To, class From>
Matrix<To> converted(const Matrix<From>& matrix) {
  Matrix<To> result(matrix.rows(), matrix.columns());
  std::ranges::transform(matrix.values(), result.values().begin(), [](From x) { return static_cast<To>(x); });
  return result;
}

template Matrix<float> converted(const Matrix<double>&);
template Matrix<double> converted(const Matrix<double>&);
template Matrix<double> converted(const Matrix<float>&);

namespace {

/// Calls visit(number) for every weight of the row function.
template <class Real, class Visit>
void for_each_weight(const RowFunction<Real>& function, Visit&& visit) {
  const auto all = [&](const auto& numbers) {
    for (const auto number : numbers) visit(number);
  };
  const auto linear = [&](const Linear<Real>& f) {
    all(f.weights.values());
    all(f.bias);
  };
  std::visit(
      [&](const auto& f) {
        using Function = std::decay_t<decltype(f)>;
        if constexpr (std::is_same_v<Function, Linear<Real>>) {
          linear(f);
        } else if constexpr (std::is_same_v<Function, Mlp<Real>>) {
          for (const auto& layer : f.layers) linear(layer);
        } else if constexpr (std::is_same_v<Function, LayerNorm<Real>>) {
          all(f.gain);
          all(f.bias);
        } else if constexpr (std::is_same_v<Function, Embedding<Real>>) {
          all(f.table.values());
          all(f.positions.values());
        } else if constexpr (std::is_same_v<Function, Sequence<Real>>) {
          for (const auto& step : f.steps) for_each_weight(step, visit);
        }
      },
      static_cast<const typename RowFunction<Real>::variant&>(function));
}

template <class Real, class Visit>
void for_each_weight(const Layer<Real>& layer, Visit&& visit) {
  for (const auto* function : {&layer.before, &layer.heads_in, &layer.heads_out, &layer.after}) {
    if (*function) for_each_weight(**function, visit);
  }
  for (const auto& head : layer.heads) {
    for (const auto* function : {&head.query, &head.key, &head.value}) for_each_weight(*function, visit);
    if (!head.start) continue;
    for (const auto* numbers : {&head.start->key, &head.start->value}) {
      for (const auto number : *numbers) visit(number);
    }
  }
}

template <class To, class From>
std::vector<To> converted(const std::vector<From>& numbers) {
  return std::vector<To>(numbers.begin(), numbers.end());
}
template <class To, class From>
Linear<To> converted(const Linear<From>& linear) {
  return {converted<To>(linear.weights), converted<To>(linear.bias)};
}
template <class To, class From>
RowFunction<To> converted(const RowFunction<From>& function) {
  return std::visit(
      [](const auto& f) -> RowFunction<To> {
        using Function = std::decay_t<decltype(f)>;
        if constexpr (std::is_same_v<Function, Linear<From>>) {
          return converted<To>(f);
        } else if constexpr (std::is_same_v<Function, Mlp<From>>) {
          Mlp<To> mlp{{}, f.activation};
          for (const auto& layer : f.layers) mlp.layers.push_back(converted<To>(layer));
          return mlp;
        } else if constexpr (std::is_same_v<Function, LayerNorm<From>>) {
          return LayerNorm<To>{converted<To>(f.gain), converted<To>(f.bias), static_cast<To>(f.epsilon)};
        } else if constexpr (std::is_same_v<Function, Embedding<From>>) {
          return Embedding<To>{converted<To>(f.table), converted<To>(f.positions)};
        } else if constexpr (std::is_same_v<Function, Sequence<From>>) {
          Sequence<To> sequence{{}, f.residual};
          for (const auto& step : f.steps) sequence.steps.push_back(converted<To>(step));
          return sequence;
        } else {
          throw mpc::UsageError(fmt::format("the row function '{}' is an Oracle: it has no weights to convert", f.name));
        }
      },
      static_cast<const typename RowFunction<From>::variant&>(function));
}
template <class To, class From>
std::optional<RowFunction<To>> converted(const std::optional<RowFunction<From>>& function) {
  if (!function) return {};
  return converted<To>(*function);
}

}  // namespace

std::string ColumnName::text() const { return variable.empty() ? "-" : fmt::format("{}.{}[{}]", owner, variable, bit); }

std::string CompiledModel::source_hash() const {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](const std::string& text) {
    for (const auto c : text + '\0') hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  };
  add(name);
  for (const auto& [key, value] : parameters) add(fmt::format("{}={}", key, value));
  add(source);
  return fmt::format("{:016x}", hash);
}

std::size_t CompiledModel::nonzero() const {
  std::size_t count = 0;
  for (const auto& layer : transformer.layers()) for_each_weight(layer, [&](double weight) { count += weight != 0 ? 1 : 0; });
  return count;
}

std::uint64_t most_averaged(NumberType type) { return static_cast<std::uint64_t>(0.125 / facts(type).unit_roundoff) - 2; }

double saturating_scale(NumberType type, double margin) {
  double scale = 1;
  while (scale * margin < facts(type).vanishing) scale *= 2;
  return scale;
}

WeightsCertificate certify(const CompiledModel& model, NumberType type) {
  const auto number = facts(type);
  WeightsCertificate result;
  result.type = type;
  result.margin = std::numeric_limits<double>::infinity();
  result.vanishing = number.vanishing;
  result.largest_exact = 1 / number.unit_roundoff;
  const auto object = [&](std::size_t layer, const std::string& reason) {
    if (result.objection.empty()) result.objection = fmt::format("layer {} in {}: {}", layer, number.name, reason);
  };
  const auto layers = model.transformer.layers().size();
  if (model.proofs.size() != layers) {
    result.objection = fmt::format("{} layers and {} proofs: expected one for each layer", layers, model.proofs.size());
    return result;
  }
  for (std::size_t l = 0; l < layers; ++l) {
    const auto& proof = model.proofs[l];
    result.margin = std::min(result.margin, proof.gap);
    const auto numbers = std::max(proof.largest_logit, proof.largest_number / proof.step);
    result.largest_number = std::max(result.largest_number, numbers);
    if (!(proof.gap >= number.vanishing)) {
      object(l, fmt::format("scale * margin is {}; expected at least {} for the other weights to vanish", proof.gap, number.vanishing));
    }
    if (!(numbers <= result.largest_exact)) {
      object(l, fmt::format("numbers reach {}; expected at most {}, which are exact", numbers, result.largest_exact));
    }
    if (proof.most_tied > most_averaged(type)) {
      object(l, fmt::format("an average of {} values is read; expected at most {}", proof.most_tied, most_averaged(type)));
    }
    bool fits = true;
    for_each_weight(model.transformer.layers()[l], [&](double weight) {
      fits = fits && (type == NumberType::f64 || static_cast<double>(static_cast<float>(weight)) == weight);
    });
    if (!fits) object(l, "a weight is not a number of this type");
  }
  result.exact = result.objection.empty();
  return result;
}

template <class To, class From>
Transformer<To> converted(const Transformer<From>& transformer) {
  std::vector<Layer<To>> layers;
  for (const auto& from : transformer.layers()) {
    Layer<To> layer;
    layer.before = converted<To>(from.before);
    layer.heads_in = converted<To>(from.heads_in);
    layer.heads_out = converted<To>(from.heads_out);
    layer.after = converted<To>(from.after);
    for (const auto& head : from.heads) {
      Head<To> its{converted<To>(head.query), converted<To>(head.key), converted<To>(head.value), head.mask, static_cast<To>(head.scale)};
      if (head.start) its.start = StartToken<To>{converted<To>(head.start->key), converted<To>(head.start->value)};
      layer.heads.push_back(std::move(its));
    }
    layers.push_back(std::move(layer));
  }
  return Transformer<To>(transformer.tokens(), transformer.width(), std::move(layers));
}

template Transformer<float> converted(const Transformer<double>&);
template Transformer<double> converted(const Transformer<double>&);

}  // namespace bridge
