#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "transformer_bridge/compile/number_type.h"
#include "transformer_bridge/transformer/transformer.h"

namespace bridge {

/// What stands in a column of the residual stream between two layers.
struct ColumnName {
  std::string variable;  ///< empty: nothing, the column is free and holds zeros
  std::string owner;     ///< whose it is: "machine", "vertex", "arc", "token"
  unsigned bit = 0;      ///< of the variable
  /// "machine.next[3]", or "-".
  std::string text() const;
};

/// What is known of a layer, whatever its input; all numbers before rounding.
struct LayerProof {
  double gap =
      std::numeric_limits<double>::infinity();  ///< scale times the least distance of a row's largest logit from one that must vanish
  double largest_logit = 0;                     ///< sum of |query * key|, before the scale; logits are integers, the scale a power of two
  double largest_number = 0;                    ///< in the row functions: the most that a partial sum can reach
  double step = 1;                              ///< every number in the row functions is a multiple of it
  std::uint64_t most_tied = 1;  ///< keys of equal largest logits; more than 1: their values are averaged, and each average is of equal bits
                                ///< and passes a threshold
};

/// A transformer in weights alone, with a name for all that is in it. Weights are doubles that float holds too, where `type` is f32.
struct CompiledModel {
  std::string name;                                 ///< "components", "cycles (doubling)"
  std::map<std::string, std::uint64_t> parameters;  ///< by name: n, bits, blocks, k
  std::string source;                               ///< the program that it was made of, as text: what source_hash() is of
  NumberType type = NumberType::f32;
  Transformer<double> transformer{0, 1, {}};     ///< in() = out() = width()
  std::vector<std::vector<ColumnName>> columns;  ///< [L + 1][m]: before each layer, and after the last
  std::vector<std::vector<std::string>> heads;   ///< [L][heads of the layer]
  std::vector<LayerProof> proofs;                ///< [L]
  bool any_length = false;                       ///< runs on any number of tokens up to transformer.tokens()

  /// FNV-1a of name, parameters and source, as 16 hexadecimal digits.
  std::string source_hash() const;
  /// Weights that are not 0, those of equal layers counted every time.
  std::size_t nonzero() const;
};

/// Whether every output bit is right for every input of the right form, by proof.
struct WeightsCertificate {
  bool exact = false;
  NumberType type = NumberType::f32;
  double margin = 0;          ///< the smallest gap of a layer, scale included; infinity without heads
  double vanishing = 0;       ///< what it has to reach
  double largest_number = 0;  ///< in units of its layer's step, logits included
  double largest_exact = 0;   ///< integers up to here are exact in the type
  std::string objection;      ///< why not exact: layer and bound; else empty
};
WeightsCertificate certify(const CompiledModel& model, NumberType type);

/// The most equal bits whose average a threshold reads: an average of b of them is off by at most (b + 2) u, and a threshold takes 1/8.
std::uint64_t most_averaged(NumberType type);

/// The smallest power of two, at least 1, times which a logit distance of `margin` makes the other weights vanish in this type.
double saturating_scale(NumberType type, double margin = 1);

/// The same numbers in another type, rounded to it. For float and double.
template <class To, class From>
Matrix<To> converted(const Matrix<From>& matrix);
/// The same transformer in another type: every number rounded to it.
template <class To, class From>
Transformer<To> converted(const Transformer<From>& transformer);

}  // namespace bridge
