#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "transformer_bridge/circuit/circuit.h"
#include "transformer_bridge/transformer/row_function.h"

namespace bridge {

/// A row function made of a circuit, and the numbers that its proof needs.
struct RowNetwork {
  RowFunction<double> function;  ///< width -> width: the row, plus a ReLU network of it
  double magnitude = 0;          ///< the largest absolute value that a partial sum can reach
  double step = 1;               ///< every number in it is a multiple of this power of two, if the columns are whole numbers
  std::size_t units = 0;         ///< of the hidden layers, those that carry a value on included
};

/// The row function that writes each expression into its column and leaves every other column as it is. column_of: where each column
/// atom of the expressions stands in the row; several outputs for a column are an error (std::logic_error), as is a column atom without a
/// place.
///
/// A network of as many hidden layers as the deepest expression has; a value that is needed further down is carried on by a unit a layer
/// (two, if it may be negative). What it adds to the row is the expression less what stood there.
RowNetwork row_network(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of,
                       const std::vector<std::pair<std::size_t, Expression>>& outputs, std::size_t width);

/// e as weights over the columns [width] and a constant; throws std::logic_error if a unit is in it.
struct Affine {
  std::vector<double> weights;
  double constant = 0;
};
Affine affine(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of, const Expression& e, std::size_t width);

}  // namespace bridge
