#include "transformer_bridge/circuit/head_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "transformer_bridge/circuit/row_network.h"

namespace bridge {
namespace {

/// A Linear whose columns are these expressions.
Linear<double> linear_of(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of, const std::vector<Expression>& columns,
                         std::size_t width) {
  Linear<double> linear{Matrix<double>(width, columns.size()), {}};
  std::vector<double> bias(columns.size(), 0);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto [weights, constant] = affine(circuit, column_of, columns[c], width);
    for (std::size_t i = 0; i < width; ++i) linear.weights(i, c) = weights[i];
    bias[c] = constant;
  }
  if (std::ranges::any_of(bias, [](double b) { return b != 0; })) linear.bias = std::move(bias);
  return linear;
}

}  // namespace

Layer<double> attention_layer(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of, const std::vector<HeadPlan>& heads,
                              std::size_t width, double scale) {
  Layer<double> layer;
  std::size_t values = 0;
  for (const auto& head : heads) values += head.brought.size();
  Linear<double> out{Matrix<double>(values, width), {}};
  std::size_t row = 0;
  for (const auto& plan : heads) {
    std::vector<Expression> queries, keys, brought;
    for (const auto& [query, key] : plan.logit) {
      queries.push_back(query);
      keys.push_back(key);
    }
    for (const auto& [column, value] : plan.brought) {
      brought.push_back(value);
      out.weights(row++, column) = 1;
    }
    Head<double> head{linear_of(circuit, column_of, queries, width), linear_of(circuit, column_of, keys, width),
                      linear_of(circuit, column_of, brought, width), plan.mask, scale};
    if (plan.start) head.start = StartToken<double>{*plan.start, std::vector<double>(brought.size(), 0)};
    layer.heads.push_back(std::move(head));
  }
  layer.heads_out = std::move(out);
  return layer;
}

void add_match(HeadPlan& head, const std::vector<Expression>& query_bits, const std::vector<Expression>& key_bits, double factor) {
  for (std::size_t i = 0; i < query_bits.size(); ++i) head.logit.emplace_back(factor * (2 * query_bits[i] - 1), 2 * key_bits[i] - 1);
}

double largest_logit(const Circuit& circuit, const HeadPlan& head) {
  const auto most = [&](const Expression& e) {
    const auto [low, high] = circuit.range(e);
    return std::max(std::abs(low), std::abs(high));
  };
  double keys = 0, start = 0;
  for (std::size_t c = 0; c < head.logit.size(); ++c) {
    const auto& [query, key] = head.logit[c];
    keys += most(query) * most(key);
    if (head.start) start += most(query) * std::abs((*head.start)[c]);
  }
  return std::max(keys, start);
}

}  // namespace bridge
