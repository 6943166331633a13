#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// What one row function computes, as arithmetic that a ReLU network does exactly: sums with constant weights, which cost nothing, and
/// units max(0, sum). Words are bits, 0 or 1, each an expression of its own (gadgets.h).
namespace bridge {

/// A column of the row, or a unit.
using Atom = std::uint32_t;

/// constant + sum of weight * atom.
struct Expression {
  double constant = 0;
  std::vector<std::pair<Atom, double>> terms{};  ///< ascending by atom, no weight 0

  Expression() = default;
  Expression(double value) : constant(value) {}  // NOLINT: a number is an expression
  bool is_constant() const { return terms.empty(); }
  auto operator<=>(const Expression&) const = default;
};
Expression operator+(const Expression& a, const Expression& b);
Expression operator-(const Expression& a, const Expression& b);
Expression operator*(double factor, const Expression& a);
inline Expression operator-(const Expression& a) { return -1.0 * a; }
/// The value of an atom, and the column that such an expression is.
Expression value_of(Atom atom);
inline Atom atom_of(const Expression& column) { return column.terms.front().first; }
inline Expression& operator+=(Expression& a, const Expression& b) { return a = a + b; }

/// Where the values of an expression lie.
struct Range {
  double low = 0, high = 0;
};

/// Columns and units, each once: a unit of the same expression is the same atom.
class Circuit {
 public:
  struct Unit {
    Expression input;    ///< empty for a column
    Range range{};       ///< of the value
    unsigned depth = 0;  ///< 0: a column; else 1 + the deepest atom of the input
    std::string name{};  ///< of a column
    bool is_column() const { return depth == 0; }
  };

  /// A new column, whose values lie in `range`; bits by default.
  Expression column(std::string name, Range range = {0, 1});
  /// max(0, e): a unit, or e itself where it is never negative, or 0 where it is never positive.
  Expression relu(const Expression& e);

  const Unit& unit(Atom atom) const { return units_[atom]; }
  std::size_t size() const { return units_.size(); }

  Range range(const Expression& e) const;
  unsigned depth(const Expression& e) const;
  /// The largest absolute value that a partial sum of e can reach, in whatever order it is added up.
  double magnitude(const Expression& e) const;
  /// The value of e, where columns have these values: values[atom] for a column; other entries are not read. For tests and for looking.
  double evaluate(const Expression& e, const std::map<Atom, double>& columns) const;

 private:
  std::vector<Unit> units_;
  std::map<Expression, Atom> known_;
};

}  // namespace bridge
