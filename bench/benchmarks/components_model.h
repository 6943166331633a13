#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "mpc/hash.h"

#include "transformer_bridge/circuit/gadgets.h"
#include "transformer_bridge/circuit/head_plan.h"
#include "transformer_bridge/circuit/row_network.h"
#include "transformer_bridge/compile/compiled_model.h"

/// A transformer that labels connected components, to run kernels on: n vertices, m edges -> n + 2 m tokens, two layers a block.
namespace components {

using Edges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// Columns of a row: is_vertex | address | value | brought address | brought value, `bits` each. A vertex has its own id as its address and
/// its label as its value; an arc (a, b) has a and b.
struct Model {
  unsigned bits;

  explicit Model(std::size_t n) : bits(std::max(1U, static_cast<unsigned>(std::bit_width(n - 1)))) {}

  std::size_t width() const { return 1 + 4 * std::size_t{bits}; }

  /// A block: every vertex takes the smallest value of its address; then every token replaces its value by that vertex's value, and arcs
  /// their address too.
  bridge::Transformer<double> transformer(std::size_t tokens, std::size_t blocks, bridge::NumberType type) const {
    using namespace bridge;
    Circuit circuit;
    std::map<Atom, std::size_t> column_of;
    std::vector<Expression> columns;
    for (std::size_t c = 0; c < width(); ++c) {
      columns.push_back(circuit.column("column"));
      column_of.emplace(columns.back().terms[0].first, c);
    }
    const auto word = [&](std::size_t i) {
      const auto begin = columns.begin() + static_cast<std::ptrdiff_t>(1 + i * bits);
      return BitWord(begin, begin + bits);
    };
    const auto is_vertex = columns[0];
    const auto address = word(0), value = word(1), brought_address = word(2), brought_value = word(3);
    const auto far = static_cast<double>(std::uint64_t{1} << bits);
    const auto bring = [&](HeadPlan& head, std::size_t to) {
      for (unsigned i = 0; i < bits; ++i) head.brought.emplace_back(1 + to * bits + i, value[i]);
    };
    HeadPlan smallest{"smallest", {}, {}, {}, {}}, of_address{"of address", {}, {}, {}, {}}, of_value{"of value", {}, {}, {}, {}};
    add_match(smallest, address, address, far);
    smallest.logit.emplace_back(1, -number(value));
    bring(smallest, 3);
    add_match(of_address, address, address, far);
    of_address.logit.emplace_back(far, is_vertex);
    bring(of_address, 2);
    add_match(of_value, value, address, far);
    of_value.logit.emplace_back(far, is_vertex);
    bring(of_value, 3);

    using Outputs = std::vector<std::pair<std::size_t, Expression>>;
    Outputs first, second;
    for (unsigned i = 0; i < bits; ++i) {
      const auto at = [&](std::size_t to) { return 1 + to * bits + i; };
      const auto new_value = threshold(circuit, brought_value[i]), new_address = threshold(circuit, brought_address[i]);
      first.emplace_back(at(1), select(circuit, is_vertex, {new_value}, {value[i]})[0]);
      first.emplace_back(at(3), 0);
      second.emplace_back(at(0), select(circuit, is_vertex, {address[i]}, {new_address})[0]);
      second.emplace_back(at(1), new_value);
      second.emplace_back(at(2), 0);
      second.emplace_back(at(3), 0);
    }
    const auto scale = saturating_scale(type);
    auto connect = attention_layer(circuit, column_of, {smallest}, width(), scale);
    connect.after = row_network(circuit, column_of, first, width()).function;
    auto shortcut = attention_layer(circuit, column_of, {of_address, of_value}, width(), scale);
    shortcut.after = row_network(circuit, column_of, second, width()).function;
    std::vector<Layer<double>> layers;
    for (std::size_t b = 0; b < blocks; ++b) {
      layers.push_back(connect);
      layers.push_back(shortcut);
    }
    return {tokens, width(), std::move(layers)};
  }

  template <class Real>
  bridge::Matrix<Real> input(std::size_t n, const Edges& edges) const {
    bridge::Matrix<Real> x(n + 2 * edges.size(), width());
    std::size_t token = 0;
    const auto put = [&](bool vertex, std::uint32_t address, std::uint32_t value) {
      auto row = x.row(token++);
      row[0] = vertex ? 1 : 0;
      for (unsigned i = 0; i < bits; ++i) {
        row[1 + i] = static_cast<Real>(address >> i & 1);
        row[1 + bits + i] = static_cast<Real>(value >> i & 1);
      }
    };
    for (std::uint32_t v = 0; v < n; ++v) put(true, v, v);
    for (const auto& [a, b] : edges) {
      put(false, a, b);
      put(false, b, a);
    }
    return x;
  }

  template <class Real>
  std::vector<std::uint32_t> labels(const bridge::Matrix<Real>& rows, std::size_t n) const {
    std::vector<std::uint32_t> result(n, 0);
    for (std::size_t v = 0; v < n; ++v) {
      for (unsigned i = 0; i < bits; ++i) result[v] |= static_cast<std::uint32_t>(rows(v, 1 + bits + i) == 1) << i;
    }
    return result;
  }
};

inline Edges random_edges(std::size_t n, std::size_t m, std::uint64_t seed) {
  Edges edges;
  for (std::size_t i = 0; i < m; ++i) {
    edges.emplace_back(static_cast<std::uint32_t>(mpc::mix(mpc::mix(seed) + 2 * i) % n),
                       static_cast<std::uint32_t>(mpc::mix(mpc::mix(seed) + 2 * i + 1) % n));
  }
  return edges;
}

/// One component: a random tree, and random edges besides.
inline Edges connected_edges(std::size_t n, std::size_t m, std::uint64_t seed) {
  auto edges = random_edges(n, m, seed);
  for (std::size_t v = 1; v < n && v <= m; ++v) {
    edges[v - 1] = {static_cast<std::uint32_t>(v), static_cast<std::uint32_t>(mpc::mix(mpc::mix(seed) ^ v) % v)};
  }
  return edges;
}

/// The smallest id of each vertex's component, by union-find.
inline std::vector<std::uint32_t> smallest_of_components(std::size_t n, const Edges& edges) {
  std::vector<std::uint32_t> parent(n);
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](std::uint32_t v) {
    while (parent[v] != v) v = parent[v] = parent[parent[v]];
    return v;
  };
  for (const auto& [a, b] : edges) {
    const auto x = root(a), y = root(b);
    parent[std::max(x, y)] = std::min(x, y);
  }
  for (std::uint32_t v = 0; v < n; ++v) parent[v] = root(v);
  return parent;
}

}  // namespace components
