#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpc/word.h"

#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/trace/trace.h"
#include "transformer_bridge/transformer/matrix.h"

namespace bridge {

/// A word of a variable, in the columns of a row.
class StoredWord {
 public:
  struct Place {
    enum class Kind { constant, column, forgotten } kind = Kind::constant;
    std::size_t value = 0;  ///< the bit, or the column
  };
  std::string name;
  std::vector<Place> bits;  ///< lowest first

  /// What the row says; nothing if a bit of it is not held any more. A column holds 0 or 1.
  template <class Real>
  std::optional<mpc::Word> of(std::span<const Real> row) const;
};

/// A protocol as a transformer in weights, and how its tokens are written and read.
struct CompiledProtocol {
  CompiledModel model;
  TracedInput input;
  std::vector<std::vector<StoredWord>> memory;  ///< [R + 1]: of every machine's row after the first layer, and after each further one
  std::vector<StoredWord> answer;               ///< of its row after the last layer

  /// x [tokens, m]: item(t)[w] is word w of item t. Throws mpc::InputError for a word of more than word_bits bits.
  Matrix<double> tokens(const std::function<mpc::Word(std::uint64_t item, std::uint64_t word)>& item) const;

  std::vector<std::size_t> own_id, slot, item_destination;  ///< columns of the input
  std::optional<std::size_t> machine;
  std::vector<std::vector<std::size_t>> item;  ///< [words][word_bits]
};

/// From what a protocol does to weights that do it:
///   trace      the protocol, once, on symbolic words (tracing_cluster.h)
///   schedule   which values the row holds between layers, and which layer computes them
///   allocate   a column for each, again and again
///   route      send statements into heads
///   emit       row networks and heads into layers
/// R + 1 layers: the first deals the input, as in Theorem 3.1. Exact in float32 and float64 as certify() says, for every input with which
/// no machine is sent two messages by one send statement.
CompiledProtocol compile_trace(const Trace& trace, const std::string& name, NumberType type);

}  // namespace bridge
