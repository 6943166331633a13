#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/circuit/gadgets.h"
#include "transformer_bridge/circuit/head_plan.h"
#include "transformer_bridge/compile/compiled_model.h"

namespace bridge {

/// Makes a CompiledModel layer by layer: words of bits that stand in columns of their own, heads between them, and what each layer writes
/// into the columns after its heads.
class ProgramMaker {
 public:
  /// The next `bits` columns, free before the first layer; lowest bit first.
  BitWord word(unsigned bits);
  /// What stands in the columns of a word from here on; an empty variable: nothing.
  void holds(const BitWord& word, const std::string& variable = {}, const std::string& owner = {});

  Circuit& circuit() { return circuit_; }

  /// What a head brings, bit by bit, into the columns of a word that is free.
  void bring(HeadPlan& head, const BitWord& into, const BitWord& value) const;
  /// What the layer leaves in the columns of a word. Words that are not written stay as they are.
  void write(const BitWord& word, const BitWord& value);
  void clear(const BitWord& word) { write(word, BitWord(word.size(), 0)); }

  /// What is known of the heads of a layer.
  struct Distance {
    double least = 1;             ///< of a row's largest logit from any smaller one, before the scale
    std::uint64_t most_tied = 1;  ///< keys that share the largest logit
  };
  /// A layer of these heads, and of what has been written since the last one.
  void layer(const std::vector<HeadPlan>& heads, const Distance& distance, NumberType type);
  /// The last `layers` layers once more.
  void repeat_last(std::size_t layers);

  /// The model, of what has been made so far: name, parameters, source, type and any_length are the caller's. So many tokens at most.
  CompiledModel finish(std::uint64_t tokens) const;

 private:
  std::size_t column(const Bit& bit) const;

  Circuit circuit_;
  std::map<Atom, std::size_t> column_of_;
  std::vector<ColumnName> held_;
  std::vector<std::pair<std::size_t, Expression>> written_;
  std::vector<Layer<double>> layers_;
  std::vector<std::vector<ColumnName>> columns_;  // of before each layer
  std::vector<std::vector<std::string>> heads_;
  std::vector<LayerProof> proofs_;
};

}  // namespace bridge
