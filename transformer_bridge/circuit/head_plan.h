#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/circuit/circuit.h"
#include "transformer_bridge/transformer/transformer.h"

namespace bridge {

/// A head in words of columns: which expressions make its logits, and what it brings into which column.
struct HeadPlan {
  std::string name;
  /// logit = sum of query * key, over these pairs, before the scale. Expressions without units.
  std::vector<std::pair<Expression, Expression>> logit;
  /// (residual column, value): the column's value rises by the weighted mean of the value.
  std::vector<std::pair<std::size_t, Expression>> brought;
  /// The start token's key, one number for each pair of `logit`; its values are zeros.
  std::optional<std::vector<double>> start;
  Mask mask{};
};

/// The attention of a layer: query, key and value of every head as Linear, and heads_out, which puts each value into its column.
Layer<double> attention_layer(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of, const std::vector<HeadPlan>& heads,
                              std::size_t width, double scale);

/// Adds pairs whose sum is + factor for each bit that is the same in both, and - factor for each other one.
void add_match(HeadPlan& head, const std::vector<Expression>& query_bits, const std::vector<Expression>& key_bits, double factor = 1);

/// The largest |logit| that a head can reach, before the scale, whatever the order of the sum.
double largest_logit(const Circuit& circuit, const HeadPlan& head);

}  // namespace bridge
