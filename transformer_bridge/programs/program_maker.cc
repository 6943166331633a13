#include "transformer_bridge/programs/program_maker.h"

#include <algorithm>

#include <fmt/core.h>

#include "transformer_bridge/circuit/row_network.h"

namespace bridge {

BitWord ProgramMaker::word(unsigned bits) {
  BitWord word;
  for (unsigned i = 0; i < bits; ++i) {
    word.push_back(circuit_.column(fmt::format("column {}", column_of_.size())));
    column_of_.emplace(atom_of(word.back()), column_of_.size());
    held_.emplace_back();
  }
  return word;
}

void ProgramMaker::holds(const BitWord& word, const std::string& variable, const std::string& owner) {
  for (unsigned i = 0; i < word.size(); ++i) {
    held_[column(word[i])] = variable.empty() ? ColumnName{} : ColumnName{variable, owner, i};
  }
}

std::size_t ProgramMaker::column(const Bit& bit) const { return column_of_.at(atom_of(bit)); }

void ProgramMaker::bring(HeadPlan& head, const BitWord& into, const BitWord& value) const {
  for (std::size_t i = 0; i < into.size(); ++i) head.brought.emplace_back(column(into[i]), value[i]);
}

void ProgramMaker::write(const BitWord& word, const BitWord& value) {
  for (std::size_t i = 0; i < word.size(); ++i) written_.emplace_back(column(word[i]), value[i]);
}

void ProgramMaker::layer(const std::vector<HeadPlan>& heads, const Distance& distance, NumberType type) {
  const auto scale = saturating_scale(type, distance.least);
  auto layer = attention_layer(circuit_, column_of_, heads, column_of_.size(), scale);
  auto network = row_network(circuit_, column_of_, written_, column_of_.size());
  layer.after = std::move(network.function);
  layers_.push_back(std::move(layer));

  columns_.push_back(held_);
  LayerProof proof;
  proof.gap = scale * distance.least;
  proof.largest_number = network.magnitude;
  proof.step = network.step;
  proof.most_tied = distance.most_tied;
  auto& names = heads_.emplace_back();
  for (const auto& head : heads) {
    names.push_back(head.name);
    proof.largest_logit = std::max(proof.largest_logit, largest_logit(circuit_, head));
  }
  proofs_.push_back(proof);
  written_.clear();
}

void ProgramMaker::repeat_last(std::size_t layers) {
  const auto repeat = [&](auto& list) {
    const auto first = list.size() - layers;
    list.reserve(list.size() + layers);
    for (std::size_t l = first; l < first + layers; ++l) list.push_back(list[l]);
  };
  repeat(layers_);
  repeat(columns_);
  repeat(heads_);
  repeat(proofs_);
}

CompiledModel ProgramMaker::finish(std::uint64_t tokens) const {
  CompiledModel model;
  model.transformer = Transformer<double>(tokens, column_of_.size(), layers_);
  model.columns = columns_;
  model.columns.push_back(held_);
  model.heads = heads_;
  model.proofs = proofs_;
  return model;
}

}  // namespace bridge
