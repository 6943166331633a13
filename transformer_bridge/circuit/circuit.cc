#include "transformer_bridge/circuit/circuit.h"

#include <algorithm>
#include <cmath>

namespace bridge {
namespace {

/// a + factor * b.
Expression combined(const Expression& a, const Expression& b, double factor) {
  Expression sum;
  sum.constant = a.constant + factor * b.constant;
  sum.terms.reserve(a.terms.size() + b.terms.size());
  const auto append = [&](Atom atom, double weight) {
    if (weight != 0) sum.terms.emplace_back(atom, weight);
  };
  auto x = a.terms.begin();
  auto y = b.terms.begin();
  while (x != a.terms.end() || y != b.terms.end()) {
    if (y == b.terms.end() || (x != a.terms.end() && x->first < y->first)) {
      append(x->first, x->second);
      ++x;
    } else if (x == a.terms.end() || y->first < x->first) {
      append(y->first, factor * y->second);
      ++y;
    } else {
      append(x->first, x->second + factor * y->second);
      ++x, ++y;
    }
  }
  return sum;
}

}  // namespace

Expression operator+(const Expression& a, const Expression& b) { return combined(a, b, 1); }
Expression operator-(const Expression& a, const Expression& b) { return combined(a, b, -1); }
Expression operator*(double factor, const Expression& a) { return combined(Expression(), a, factor); }

Expression value_of(Atom atom) {
  Expression e;
  e.terms.emplace_back(atom, 1.0);
  return e;
}

Expression Circuit::column(std::string name, Range range) {
  units_.push_back({{}, range, 0, std::move(name)});
  return value_of(static_cast<Atom>(units_.size() - 1));
}

Expression Circuit::relu(const Expression& e) {
  const auto within = range(e);
  if (within.high <= 0) return 0;
  if (within.low >= 0) return e;
  const auto [known, is_new] = known_.try_emplace(e, static_cast<Atom>(units_.size()));
  if (is_new) units_.push_back({e, {0, within.high}, depth(e) + 1});
  return value_of(known->second);
}

Range Circuit::range(const Expression& e) const {
  Range sum{e.constant, e.constant};
  for (const auto& [atom, weight] : e.terms) {
    const auto [low, high] = units_[atom].range;
    sum.low += std::min(weight * low, weight * high);
    sum.high += std::max(weight * low, weight * high);
  }
  return sum;
}

unsigned Circuit::depth(const Expression& e) const {
  unsigned most = 0;
  for (const auto& [atom, weight] : e.terms) most = std::max(most, units_[atom].depth);
  return most;
}

double Circuit::magnitude(const Expression& e) const {
  double sum = std::abs(e.constant);
  for (const auto& [atom, weight] : e.terms) {
    sum += std::abs(weight) * std::max(std::abs(units_[atom].range.low), std::abs(units_[atom].range.high));
  }
  return sum;
}

double Circuit::evaluate(const Expression& e, const std::map<Atom, double>& columns) const {
  std::map<Atom, double> known = columns;
  const auto value = [&](const auto& self, const Expression& of) -> double {
    double sum = of.constant;
    for (const auto& [atom, weight] : of.terms) {
      const auto it = known.find(atom);
      if (it != known.end()) {
        sum += weight * it->second;
        continue;
      }
      const auto unit = std::max(0.0, self(self, units_[atom].input));
      known.emplace(atom, unit);
      sum += weight * unit;
    }
    return sum;
  };
  return value(value, e);
}

}  // namespace bridge
