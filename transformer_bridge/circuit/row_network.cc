#include "transformer_bridge/circuit/row_network.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include <fmt/core.h>

namespace bridge {
namespace {

std::size_t place_of(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of, Atom atom) {
  const auto it = column_of.find(atom);
  if (it == column_of.end()) throw std::logic_error(fmt::format("column '{}' stands nowhere in the row", circuit.unit(atom).name));
  return it->second;
}

/// The largest power of two that x is a multiple of, at most 2^20.
double divisor(double x) {
  double step = 0x1p20;
  while (x != std::nearbyint(x / step) * step) step /= 2;
  return step;
}

/// Values that a layer holds: a unit of the circuit, or an atom carried on (negated: its negative part).
struct Held {
  Atom atom;
  bool negative = false;
  auto operator<=>(const Held&) const = default;
};

class Builder {
 public:
  Builder(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of, std::size_t width)
      : circuit_(circuit), column_of_(column_of), width_(width) {}

  RowNetwork build(const std::vector<std::pair<std::size_t, Expression>>& changes) {
    for (const auto& [column, change] : changes) depth_ = std::max(depth_, circuit_.depth(change));
    // needed_[l]: atoms that layer l has to hold, for the layers after it.
    needed_.resize(depth_ + 1);
    for (const auto& [column, change] : changes) need(change, depth_);
    std::set<Atom> seen;
    for (auto level = depth_; level > 0; --level) {
      for (const auto atom : std::set<Atom>(needed_[level])) {
        if (circuit_.unit(atom).depth == level) {
          need(circuit_.unit(atom).input, level - 1);
        } else {
          needed_[level - 1].insert(atom);
        }
      }
    }
    Mlp<double> mlp;
    std::map<Held, std::size_t> before;
    for (const auto atom : needed_[0]) before.emplace(Held{atom}, place_of(circuit_, column_of_, atom));
    auto columns = width_;
    for (unsigned level = 1; level <= depth_; ++level) {
      std::map<Held, std::size_t> here;
      for (const auto atom : needed_[level]) {
        here.emplace(Held{atom}, here.size());
        if (circuit_.unit(atom).depth < level && circuit_.unit(atom).range.low < 0) here.emplace(Held{atom, true}, here.size());
      }
      Linear<double> linear{Matrix<double>(columns, here.size()), std::vector<double>(here.size(), 0)};
      for (const auto& [held, unit] : here) {
        const auto& known = circuit_.unit(held.atom);
        if (known.depth == level) {
          put(linear, known.input, 1, unit, before);
        } else {
          put(linear, value_of(held.atom), held.negative ? -1 : 1, unit, before);
        }
      }
      network_.units += here.size();
      columns = here.size();
      before = std::move(here);
      mlp.layers.push_back(std::move(linear));
    }
    Linear<double> last{Matrix<double>(columns, width_), std::vector<double>(width_, 0)};
    for (const auto& [column, change] : changes) put(last, change, 1, column, before);
    mlp.layers.push_back(std::move(last));
    std::vector<RowFunction<double>> steps;
    if (mlp.layers.size() == 1) {
      steps.push_back(std::move(mlp.layers.front()));
    } else {
      steps.push_back(std::move(mlp));
    }
    network_.function = Sequence<double>{std::move(steps), true};
    return std::move(network_);
  }

 private:
  /// What every term of e, and so its value and every partial sum, is a multiple of; columns are whole numbers.
  double step_of(const Expression& e) {
    auto step = divisor(e.constant);
    for (const auto& [atom, weight] : e.terms) {
      const auto& unit = circuit_.unit(atom);
      auto its = 1.0;
      if (!unit.is_column()) {
        const auto it = steps_.find(atom);
        its = it != steps_.end() ? it->second : steps_.emplace(atom, step_of(unit.input)).first->second;
      }
      step = std::min(step, divisor(weight) * its);
    }
    return step;
  }

  void need(const Expression& e, unsigned level) {
    for (const auto& [atom, weight] : e.terms) needed_[level].insert(atom);
  }

  /// Column `to` of the layer = factor * e, over what the layer before holds.
  void put(Linear<double>& linear, const Expression& e, double factor, std::size_t to, const std::map<Held, std::size_t>& before) {
    linear.bias[to] += factor * e.constant;
    network_.step = std::min(network_.step, step_of(e));
    for (const auto& [atom, weight] : e.terms) {
      linear.weights(before.at(Held{atom}), to) += factor * weight;
      const auto negative = before.find(Held{atom, true});
      if (negative != before.end()) linear.weights(negative->second, to) -= factor * weight;
    }
    network_.magnitude = std::max(network_.magnitude, circuit_.magnitude(e));
  }

  const Circuit& circuit_;
  const std::map<Atom, std::size_t>& column_of_;
  std::size_t width_;
  unsigned depth_ = 0;
  std::vector<std::set<Atom>> needed_;
  std::map<Atom, double> steps_;
  RowNetwork network_;
};

}  // namespace

RowNetwork row_network(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of,
                       const std::vector<std::pair<std::size_t, Expression>>& outputs, std::size_t width) {
  std::map<std::size_t, Atom> atom_at;
  for (const auto& [atom, column] : column_of) {
    if (!atom_at.emplace(column, atom).second) throw std::logic_error(fmt::format("column {} holds two values at once", column));
  }
  std::vector<std::pair<std::size_t, Expression>> changes;
  std::set<std::size_t> written;
  for (const auto& [column, expression] : outputs) {
    if (!written.insert(column).second) throw std::logic_error(fmt::format("column {} is written twice", column));
    auto change = expression;
    if (const auto it = atom_at.find(column); it != atom_at.end()) change = change - value_of(it->second);
    if (!change.is_constant() || change.constant != 0) changes.emplace_back(column, std::move(change));
  }
  return Builder(circuit, column_of, width).build(changes);
}

Affine affine(const Circuit& circuit, const std::map<Atom, std::size_t>& column_of, const Expression& e, std::size_t width) {
  Affine result{std::vector<double>(width, 0), e.constant};
  for (const auto& [atom, weight] : e.terms) {
    if (!circuit.unit(atom).is_column()) throw std::logic_error("a query, key or value is linear; a unit is in this one");
    result.weights[place_of(circuit, column_of, atom)] += weight;
  }
  return result;
}

}  // namespace bridge
