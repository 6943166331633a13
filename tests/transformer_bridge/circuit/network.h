#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "transformer_bridge/circuit/gadgets.h"
#include "transformer_bridge/circuit/row_network.h"
#include "transformer_bridge/compile/compiled_model.h"
#include "transformer_bridge/transformer/forward.h"

namespace tests {

using bridge::Atom;
using bridge::Bit;
using bridge::BitWord;
using bridge::Circuit;
using bridge::Expression;
using bridge::Matrix;

/// New columns for a word, lowest bit first.
inline BitWord word_columns(Circuit& circuit, unsigned bits) {
  BitWord word;
  for (unsigned i = 0; i < bits; ++i) word.push_back(circuit.column("bit " + std::to_string(i)));
  return word;
}

/// Units of a circuit, columns left out.
inline std::size_t units_of(const Circuit& circuit) {
  std::size_t units = 0;
  for (Atom atom = 0; atom < circuit.size(); ++atom) units += circuit.unit(atom).is_column() ? 0 : 1;
  return units;
}

/// Column c of the row is the circuit's c-th column.
inline std::map<Atom, std::size_t> columns_in_order(const Circuit& circuit) {
  std::map<Atom, std::size_t> column_of;
  for (Atom atom = 0; atom < circuit.size(); ++atom) {
    if (circuit.unit(atom).is_column()) column_of.emplace(atom, column_of.size());
  }
  return column_of;
}

/// A row function in numbers of this type, over all rows.
template <class Real>
Matrix<Real> applied(const bridge::RowNetwork& network, const Matrix<Real>& rows) {
  bridge::Layer<double> layer;
  layer.after = network.function;
  const bridge::Transformer<double> transformer(rows.rows(), rows.columns(), {layer});
  return bridge::apply(bridge::converted<Real>(transformer).layers().front(), rows);
}

/// What the emitted network makes of rows [n, columns of the circuit]: the outputs [n, outputs], which stand in columns of their own.
template <class Real>
Matrix<Real> outputs_of(const Circuit& circuit, const std::vector<Expression>& outputs, const Matrix<Real>& columns) {
  const auto column_of = columns_in_order(circuit);
  const auto given = column_of.size();
  std::vector<std::pair<std::size_t, Expression>> places;
  for (std::size_t i = 0; i < outputs.size(); ++i) places.emplace_back(given + i, outputs[i]);
  Matrix<Real> rows(columns.rows(), given + outputs.size());
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t c = 0; c < given; ++c) rows(r, c) = columns(r, c);
  }
  const auto after = applied(bridge::row_network(circuit, column_of, places, rows.columns()), rows);
  Matrix<Real> result(rows.rows(), outputs.size());
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t i = 0; i < outputs.size(); ++i) result(r, i) = after(r, given + i);
  }
  return result;
}

}  // namespace tests
