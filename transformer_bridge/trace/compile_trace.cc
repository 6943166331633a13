#include "transformer_bridge/trace/compile_trace.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/circuit/head_plan.h"
#include "transformer_bridge/circuit/row_network.h"
#include "transformer_bridge/trace/allocate.h"
#include "transformer_bridge/trace/route.h"
#include "transformer_bridge/trace/schedule.h"

namespace bridge {
namespace {

using Columns = std::map<Atom, std::size_t>;

/// What the row function of a layer writes: what is made, and zeros where something ends.
std::vector<std::pair<std::size_t, Expression>> writes(const ScheduledLayer& layer, const Columns& before, const Columns& after) {
  std::vector<std::pair<std::size_t, Expression>> outputs;
  std::vector<std::size_t> taken;
  for (const auto& [atom, column] : after) taken.push_back(column);
  for (const auto& made : layer.made) outputs.emplace_back(after.at(made.atom), made.value);
  for (const auto& [atom, column] : before) {
    if (std::ranges::find(taken, column) == taken.end()) outputs.emplace_back(column, 0);
  }
  return outputs;
}

/// One layer in weights, and its proof.
std::pair<Layer<double>, LayerProof> emit(const Trace& trace, const Schedule& schedule, const Allocation& columns, std::size_t l,
                                          double scale) {
  const auto& layer = schedule.layers[l];
  const auto heads = route(trace, layer, columns.received[l]);
  auto row = columns.held[l];
  auto result = attention_layer(schedule.circuit, row, heads, columns.width, scale);
  row.insert(columns.received[l].begin(), columns.received[l].end());
  auto network = row_network(schedule.circuit, row, writes(layer, row, columns.held[l + 1]), columns.width);
  result.after = std::move(network.function);
  if (heads.empty()) result.heads_out.reset();
  LayerProof proof;
  if (!heads.empty()) proof.gap = scale * routing_margin;
  for (const auto& head : heads) proof.largest_logit = std::max(proof.largest_logit, largest_logit(schedule.circuit, head));
  proof.largest_number = network.magnitude;
  proof.step = network.step;
  return {std::move(result), proof};
}

std::vector<ColumnName> names_of(const Schedule& schedule, const Columns& columns, std::size_t width) {
  std::vector<ColumnName> names(width);
  for (const auto& [atom, column] : columns) names[column] = schedule.names.at(atom);
  return names;
}

StoredWord stored_word(const TracedMemory& word, const Columns& columns) {
  using Kind = StoredWord::Place::Kind;
  StoredWord stored{word.variable, {}};
  for (const auto& bit : word.bits) {
    if (bit.is_constant()) {
      stored.bits.push_back({Kind::constant, bit.constant != 0 ? std::size_t{1} : std::size_t{0}});
      continue;
    }
    const auto it = columns.find(atom_of(bit));
    stored.bits.push_back(it == columns.end() ? StoredWord::Place{Kind::forgotten, 0} : StoredWord::Place{Kind::column, it->second});
  }
  return stored;
}

std::vector<StoredWord> stored_words(const std::vector<TracedMemory>& words, const Columns& columns) {
  std::vector<StoredWord> result;
  for (const auto& word : words) result.push_back(stored_word(word, columns));
  return result;
}

std::vector<std::size_t> places(const std::vector<Atom>& atoms, const Columns& columns) {
  std::vector<std::size_t> result;
  for (const auto atom : atoms) result.push_back(columns.at(atom));
  return result;
}

}  // namespace

template <class Real>
std::optional<mpc::Word> StoredWord::of(std::span<const Real> row) const {
  mpc::Word word = 0;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i].kind == Place::Kind::forgotten) return {};
    const bool one = bits[i].kind == Place::Kind::constant ? bits[i].value != 0 : row[bits[i].value] != Real{0};
    if (one) word |= mpc::Word{1} << i;
  }
  return word;
}
template std::optional<mpc::Word> StoredWord::of(std::span<const float>) const;
template std::optional<mpc::Word> StoredWord::of(std::span<const double>) const;

Matrix<double> CompiledProtocol::tokens(const std::function<mpc::Word(std::uint64_t, std::uint64_t)>& word_of) const {
  Matrix<double> x(input.tokens(), model.transformer.width());
  const auto write = [&](std::uint64_t row, const std::vector<std::size_t>& columns, std::uint64_t value) {
    for (std::size_t i = 0; i < columns.size(); ++i) x(row, columns[i]) = i < 64 && (value >> i & 1) != 0 ? 1 : 0;
  };
  for (std::uint64_t t = 0; t < input.tokens(); ++t) {
    if (t < input.machines) {
      write(t, own_id, t);
      if (machine) x(t, *machine) = 1;
    }
    if (t >= input.items) continue;
    x(t, slot[t % input.per_machine]) = 1;
    write(t, item_destination, t / input.per_machine);
    for (std::uint64_t w = 0; w < input.words; ++w) {
      const auto word = word_of(t, w);
      if (static_cast<unsigned>(std::bit_width(word)) > input.word_bits) {
        throw mpc::InputError(
            fmt::format("item {}, word {} has {} bits; expected at most {}", t, w, std::bit_width(word), input.word_bits));
      }
      write(t, item[w], word);
    }
  }
  return x;
}

CompiledProtocol compile_trace(const Trace& trace, const std::string& name, NumberType type) {
  const auto scheduled = schedule(trace);
  const auto columns = allocate(scheduled);
  const auto scale = saturating_scale(type, routing_margin);

  CompiledProtocol result;
  result.input = trace.input;
  auto& model = result.model;
  model.name = name;
  model.type = type;
  model.source = trace.text();
  model.parameters = {{"machines", trace.input.machines},
                      {"items", trace.input.items},
                      {"item_words", trace.input.words},
                      {"word_bits", trace.input.word_bits},
                      {"rounds", trace.rounds.size()}};
  std::vector<Layer<double>> layers;
  for (std::size_t l = 0; l < scheduled.layers.size(); ++l) {
    auto [layer, proof] = emit(trace, scheduled, columns, l, scale);
    layers.push_back(std::move(layer));
    model.proofs.push_back(proof);
    model.heads.emplace_back();
    for (const auto& head : scheduled.layers[l].heads) model.heads.back().push_back(head.name);
    result.memory.push_back(stored_words(trace.memory[l], columns.held[l + 1]));
  }
  for (const auto& held : columns.held) model.columns.push_back(names_of(scheduled, held, columns.width));
  model.transformer = Transformer<double>(trace.input.tokens(), columns.width, std::move(layers));
  result.answer = stored_words(trace.answer, columns.held.back());

  const auto& first = columns.held.front();
  result.own_id = places(trace.own_id, first);
  result.slot = places(trace.slot, first);
  result.item_destination = places(trace.item_destination, first);
  if (trace.input.tokens() > trace.input.machines) result.machine = first.at(trace.machine);
  for (const auto& word : trace.item) result.item.push_back(places(word, first));
  return result;
}

}  // namespace bridge
