#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/circuit/gadgets.h"
#include "transformer_bridge/circuit/head_plan.h"
#include "transformer_bridge/circuit/row_network.h"
#include "transformer_bridge/compile/compiled_model.h"

#include "tests/transformer_bridge/sample_transformer.h"

/// Small compiled models, for the files that they are written to.
namespace tests {

using bridge::CompiledModel;
using bridge::NumberType;

/// Columns of a model that is being made: words of bits, one after the other.
class SampleColumns {
 public:
  bridge::BitWord word(const std::string& variable, unsigned bits) {
    bridge::BitWord result;
    for (unsigned i = 0; i < bits; ++i) {
      result.push_back(circuit.column(variable, {0, 1}));
      column_of.emplace(result.back().terms.front().first, names.size());
      names.push_back({variable, "token", i});
    }
    return result;
  }
  std::size_t column(const bridge::Bit& bit) const { return column_of.at(bit.terms.front().first); }

  bridge::Circuit circuit;
  std::map<bridge::Atom, std::size_t> column_of;
  std::vector<bridge::ColumnName> names;
};

inline bridge::LayerProof proof_of(const SampleColumns& columns, const bridge::HeadPlan& head, const bridge::RowNetwork& network,
                                   double gap) {
  return {gap, bridge::largest_logit(columns.circuit, head), network.magnitude, network.step, 1};
}

/// next = next^(2^bits), in `bits` equal layers: each token looks its next up. Tokens have their numbers in `id`.
inline CompiledModel doubling(NumberType type, unsigned bits) {
  SampleColumns at;
  const auto id = at.word("id", bits), next = at.word("next", bits), brought = at.word("brought", bits);
  const auto width = at.names.size();
  bridge::HeadPlan head;
  head.name = "my next token's next";
  bridge::add_match(head, next, id);
  std::vector<std::pair<std::size_t, bridge::Expression>> outputs;
  for (unsigned i = 0; i < bits; ++i) {
    head.brought.emplace_back(at.column(brought[i]), next[i]);
    outputs.emplace_back(at.column(next[i]), bridge::threshold(at.circuit, brought[i]));
    outputs.emplace_back(at.column(brought[i]), 0.0);
  }
  const auto scale = bridge::saturating_scale(type, 2);
  auto layer = bridge::attention_layer(at.circuit, at.column_of, {head}, width, scale);
  const auto network = bridge::row_network(at.circuit, at.column_of, outputs, width);
  layer.after = network.function;

  CompiledModel model;
  model.name = "doubling";
  model.parameters = {{"bits", bits}};
  model.source = "next = next[next], over and over";
  model.type = type;
  model.transformer = Transformer<double>(std::size_t{1} << bits, width, std::vector<Layer<double>>(bits, layer));
  model.columns.assign(bits + 1, at.names);
  model.heads.assign(bits, {head.name});
  model.proofs.assign(bits, proof_of(at, head, network, 2 * scale));
  model.any_length = true;
  return model;
}

/// Two layers. seen: whether a token up to this one has its `bit` set, by a start token that wins where none has; sum = a + b mod 8, and
/// then, in a layer without heads, less = [a < b].
inline CompiledModel seen_before(NumberType type, std::size_t tokens) {
  SampleColumns at;
  const auto bit = at.word("bit", 1), a = at.word("a", 3), b = at.word("b", 3);
  const auto seen = at.word("seen", 1), sum = at.word("sum", 3), less = at.word("less", 1), brought = at.word("brought", 1);
  const auto width = at.names.size();
  bridge::HeadPlan head;
  head.name = "a set bit";
  head.logit.emplace_back(1.0, 2.0 * bit[0]);
  head.start = std::vector<double>{1};
  head.brought.emplace_back(at.column(brought[0]), bit[0]);
  head.mask = Mask::causal();
  const auto scale = bridge::saturating_scale(type);
  auto attend = bridge::attention_layer(at.circuit, at.column_of, {head}, width, scale);
  std::vector<std::pair<std::size_t, bridge::Expression>> outputs{{at.column(seen[0]), bridge::threshold(at.circuit, brought[0])},
                                                                  {at.column(brought[0]), 0.0}};
  const auto added = bridge::sum(at.circuit, a, b, 3);
  for (unsigned i = 0; i < 3; ++i) outputs.emplace_back(at.column(sum[i]), added[i]);
  const auto network = bridge::row_network(at.circuit, at.column_of, outputs, width);
  attend.after = network.function;
  const auto compare = bridge::row_network(at.circuit, at.column_of, {{at.column(less[0]), bridge::less(at.circuit, a, b)}}, width);
  Layer<double> headless;
  headless.before = compare.function;

  CompiledModel model;
  model.name = "seen before";
  model.parameters = {{"n", tokens}};
  model.source = "seen = any bit up to here; sum = a + b; less = a < b";
  model.type = type;
  model.transformer = Transformer<double>(tokens, width, {attend, headless});
  model.columns.assign(3, at.names);
  for (const auto column : {at.column(seen[0]), at.column(sum[0]), at.column(sum[1]), at.column(sum[2])}) model.columns[0][column] = {};
  for (std::size_t l = 0; l < 2; ++l) model.columns[l][at.column(less[0])] = {};
  for (auto& columns : model.columns) columns[at.column(brought[0])] = {};
  model.heads = {{head.name}, {}};
  bridge::LayerProof without;
  without.largest_number = compare.magnitude;
  model.proofs = {proof_of(at, head, network, scale), without};
  model.proofs[0].most_tied = tokens;
  model.any_length = true;
  return model;
}

/// A transformer of random weights with all that a safetensors file of a compiled model can say, as a model of unnamed columns.
inline CompiledModel random_model(std::size_t tokens, std::size_t width) {
  std::uint64_t seed = 4000;
  const auto linear = [&](std::size_t in, std::size_t out) {
    ++seed;
    return Linear<double>{random_matrix<double>(in, out, seed), random_vector<double>(out, seed + 1000)};
  };
  const auto mlp = [&](Activation activation) { return Mlp<double>{{linear(width, 5), linear(5, 4), linear(4, width)}, activation}; };
  Layer<double> projected;
  projected.before = Sequence<double>{{mlp(Activation::gelu), mlp(Activation::gelu_tanh)}, true};
  projected.heads_in = linear(width, 6);
  projected.heads = {{linear(6, 3), linear(6, 3), linear(6, 2), Mask::causal(), 0.7}, {linear(6, 2), linear(6, 2), linear(6, 4)}};
  projected.heads[0].start = bridge::StartToken<double>{random_vector<double>(3, ++seed), random_vector<double>(2, ++seed)};
  projected.heads_out = linear(6, width);
  projected.heads_out->emplace<Linear<double>>(linear(6, width)).bias.clear();
  projected.after = mlp(Activation::relu);
  Layer<double> added;
  added.heads = {{linear(width, 2), linear(width, 2), linear(width, width)},
                 {linear(width, 0), linear(width, 0), linear(width, width), Mask::causal()}};
  added.heads[0].start = bridge::StartToken<double>{random_vector<double>(2, ++seed), random_vector<double>(width, ++seed)};
  added.after = Sequence<double>{{linear(width, 3), linear(3, width)}, false};
  Layer<double> without;  // heads_out of no head
  without.heads_out = linear(0, width);

  CompiledModel model;
  model.name = "random";
  model.transformer = Transformer<double>(tokens, width, {projected, added, without, projected});
  model.columns.assign(5, std::vector<bridge::ColumnName>(width));
  model.heads = {{"causal", "all"}, {"all, started", "uniform"}, {}, {"causal", "all"}};
  model.proofs.resize(4);
  return model;
}

}  // namespace tests
