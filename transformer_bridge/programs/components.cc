#include "transformer_bridge/programs/components.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/model.h"

#include "transformer_bridge/programs/program_maker.h"

namespace bridge {
namespace {

using protocols::Edge;

unsigned id_bits(std::uint64_t n) { return static_cast<unsigned>(std::max<std::uint64_t>(1, mpc::ceil_log(2, n))); }

/// Where things stand in a row: is_vertex | connected | A | V | A brought | V brought.
struct Places {
  unsigned p;
  std::size_t is_vertex() const { return 0; }
  std::size_t connected() const { return 1; }
  std::size_t address(unsigned bit) const { return 2 + bit; }
  std::size_t value(unsigned bit) const { return 2 + p + bit; }
  std::size_t width() const { return 2 + 4 * std::size_t{p}; }
};

class Maker {
 public:
  Maker(std::uint64_t n, NumberType type, std::uint64_t tokens)
      : p_(id_bits(n)),
        type_(type),
        tokens_(tokens),
        is_vertex_(maker_.word(1)),
        connected_(maker_.word(1)),
        address_(maker_.word(p_)),
        value_(maker_.word(p_)),
        address_brought_(maker_.word(p_)),
        value_brought_(maker_.word(p_)) {
    maker_.holds(is_vertex_, "is_vertex", "token");
    maker_.holds(address_, "address", "token");
    maker_.holds(value_, "value", "token");
  }

  void contract() {
    maker_.layer({smallest("smallest value at the address", address_, address_brought_),
                  smallest("smallest value at the value", value_, value_brought_)},
                 written_by_follow(), type_);
  }

  void connect_and_shortcut() {
    const auto head = smallest("smallest value at the address", address_, value_brought_);
    const auto& vertex = is_vertex_.front();
    maker_.write(value_, chosen(vertex, value_brought_, value_));
    maker_.clear(value_brought_);
    maker_.layer({head}, {1, tokens_}, type_);
    const auto jump = [&](const char* name, const BitWord& from, const BitWord& into) {
      HeadPlan plan;
      plan.name = name;
      add_match(plan, from, address_);
      plan.logit.emplace_back(1, 2 * vertex);  // a vertex with one bit wrong falls behind by 2, an edge with none by 2
      maker_.bring(plan, into, value_);
      return plan;
    };
    auto distance = written_by_follow();
    distance = {2, 1};
    maker_.layer({jump("label of the address", address_, address_brought_), jump("label of the value", value_, value_brought_)}, distance,
                 type_);
  }

  void tell_connected() {
    HeadPlan plan;
    plan.name = "largest label";
    plan.logit.emplace_back(1, number(value_));
    maker_.bring(plan, value_brought_, value_);
    auto& circuit = maker_.circuit();
    std::vector<Expression> zeros;
    for (const auto& bit : value_brought_) zeros.push_back(bit_not(threshold(circuit, bit)));
    maker_.write(connected_, {all_of(circuit, zeros)});
    maker_.clear(value_brought_);
    maker_.layer({plan}, {1, tokens_}, type_);
    maker_.holds(connected_, "connected", "token");
  }

  ProgramMaker& maker() { return maker_; }

 private:
  /// The smallest value among the tokens whose address is `from`.
  HeadPlan smallest(const char* name, const BitWord& from, const BitWord& into) {
    HeadPlan plan;
    plan.name = name;
    // A wrong bit costs 2^p, more than values differ by.
    add_match(plan, from, address_, std::ldexp(1, static_cast<int>(p_) - 1));
    plan.logit.emplace_back(1, -number(value_));
    maker_.bring(plan, into, value_);
    return plan;
  }

  /// c ? clean bits of `brought` : old, where old bits are clean; depth 1.
  BitWord chosen(const Bit& c, const BitWord& brought, const BitWord& old) {
    auto& circuit = maker_.circuit();
    BitWord result;
    for (unsigned i = 0; i < p_; ++i) {
      result.push_back(threshold(circuit, brought[i] - bit_not(c)) + bit_and(circuit, old[i], bit_not(c)));
    }
    return result;
  }

  /// Everyone's value, and the address of edges, become what was brought.
  ProgramMaker::Distance written_by_follow() {
    BitWord value;
    for (const auto& bit : value_brought_) value.push_back(threshold(maker_.circuit(), bit));
    maker_.write(value_, value);
    maker_.write(address_, chosen(bit_not(is_vertex_.front()), address_brought_, address_));
    maker_.clear(address_brought_);
    maker_.clear(value_brought_);
    return {1, tokens_};
  }

  ProgramMaker maker_;
  unsigned p_;
  NumberType type_;
  std::uint64_t tokens_;
  BitWord is_vertex_, connected_, address_, value_, address_brought_, value_brought_;
};

CompiledModel make(std::uint64_t n, std::uint64_t blocks, NumberType type, ComponentsRule rule, std::uint64_t edges, bool tell) {
  if (n == 0) throw mpc::UsageError("components: expected one vertex or more, got none");
  if (n > std::uint64_t{1} << 24) throw mpc::UsageError(fmt::format("components: expected at most 2^24 vertices, got {}", n));
  // One model for all numbers of vertices that its bits can name.
  const auto vertices = std::uint64_t{1} << id_bits(n);
  const auto averaged = most_averaged(type);
  const auto most_edges = edges != 0 ? edges : std::min(vertices * (vertices - 1) / 2, averaged < vertices ? 0 : (averaged - vertices) / 2);
  const auto tokens = vertices + 2 * most_edges;
  if (blocks == 0) blocks = id_bits(n);
  Maker one(n, type, tokens);
  if (rule == ComponentsRule::contract) {
    one.contract();
    one.maker().repeat_last(1);
  } else {
    one.connect_and_shortcut();
  }
  for (std::uint64_t block = 1; block < blocks; ++block) one.maker().repeat_last(2);
  if (tell) one.tell_connected();
  auto model = one.maker().finish(tokens);
  model.name = tell ? "connected" : "components";
  if (rule == ComponentsRule::shortcut) model.name += " (shortcut)";
  model.parameters = {{"bits", id_bits(n)}, {"blocks", blocks}};
  model.source = rule == ComponentsRule::contract
                     ? "twice a block: T(x) = smallest value at address x; value = T(value); edges: address = T(address)"
                     : "in a block: vertices: value = smallest value at the own address; f(x) = value of vertex x; "
                       "value = f(value); edges: address = f(address)";
  if (tell) model.source += "; connected = [largest value = 0]";
  model.type = type;
  model.any_length = true;
  return model;
}

template <class Real>
bool bit_of(const Matrix<Real>& y, std::size_t token, std::size_t column) {
  const auto x = y(token, column);
  if (x != 0 && x != 1) {
    throw mpc::Fault(fmt::format("components: token {}, column {}: expected 0 or 1, got {}", token, column, static_cast<double>(x)));
  }
  return x == 1;
}

void expect_rows(std::uint64_t n, std::size_t rows, std::size_t columns) {
  const Places at{id_bits(n)};
  if (rows < n || columns != at.width()) {
    throw mpc::UsageError(fmt::format("components: expected {} rows or more of {} columns, got {} of {}", n, at.width(), rows, columns));
  }
}

}  // namespace

CompiledModel components(std::uint64_t n, std::uint64_t blocks, NumberType type, ComponentsRule rule, std::uint64_t edges) {
  return make(n, blocks, type, rule, edges, false);
}

CompiledModel connected(std::uint64_t n, std::uint64_t blocks, NumberType type, ComponentsRule rule, std::uint64_t edges) {
  return make(n, blocks, type, rule, edges, true);
}

template <class Real>
Matrix<Real> components_tokens(std::uint64_t n, std::span<const Edge> edges) {
  const Places at{id_bits(n)};
  Matrix<Real> x(n + 2 * edges.size(), at.width());
  const auto put = [&](std::size_t token, std::uint64_t address, std::uint64_t value) {
    for (unsigned bit = 0; bit < at.p; ++bit) {
      x(token, at.address(bit)) = static_cast<Real>(address >> bit & 1);
      x(token, at.value(bit)) = static_cast<Real>(value >> bit & 1);
    }
  };
  for (std::uint64_t v = 0; v < n; ++v) {
    x(v, at.is_vertex()) = 1;
    put(v, v, v);
  }
  for (std::size_t e = 0; e < edges.size(); ++e) {
    const auto [u, v] = edges[e];
    if (u >= n || v >= n) throw mpc::UsageError(fmt::format("components: edge {} {}: expected vertices below {}", u, v, n));
    put(n + 2 * e, u, v);
    put(n + 2 * e + 1, v, u);
  }
  return x;
}

template <class Real>
std::vector<std::uint64_t> components_labels(std::uint64_t n, const Matrix<Real>& y) {
  expect_rows(n, y.rows(), y.columns());
  const Places at{id_bits(n)};
  std::vector<std::uint64_t> labels(n, 0);
  for (std::uint64_t v = 0; v < n; ++v) {
    for (unsigned bit = 0; bit < at.p; ++bit) labels[v] |= std::uint64_t{bit_of(y, v, at.value(bit))} << bit;
  }
  return labels;
}

template <class Real>
bool is_connected(std::uint64_t n, const Matrix<Real>& y) {
  expect_rows(n, y.rows(), y.columns());
  return bit_of(y, 0, Places{id_bits(n)}.connected());
}

bool labels_settled(std::span<const std::uint64_t> labels, std::span<const Edge> edges) {
  return std::ranges::all_of(edges, [&](const Edge& edge) { return labels[edge.u] == labels[edge.v]; });
}

ComponentsSteps::ComponentsSteps(std::uint64_t n, std::span<const Edge> edges, ComponentsRule rule)
    : rule_(rule), labels_(n), tokens_(edges.begin(), edges.end()) {
  std::iota(labels_.begin(), labels_.end(), std::uint64_t{0});
}

std::vector<std::uint64_t> ComponentsSteps::smallest() const {
  auto least = labels_;
  for (const auto& [a, b] : tokens_) {
    least[a] = std::min(least[a], b);
    least[b] = std::min(least[b], a);
  }
  return least;
}

void ComponentsSteps::layer() {
  const bool connect = rule_ == ComponentsRule::shortcut && layers_ % 2 == 0;
  ++layers_;
  if (connect) {
    labels_ = smallest();
    return;
  }
  const auto to = rule_ == ComponentsRule::contract ? smallest() : labels_;
  for (auto& label : labels_) label = to[label];
  for (auto& [a, b] : tokens_) a = to[a], b = to[b];
}

std::uint64_t layers_needed(std::uint64_t n, std::span<const Edge> edges, ComponentsRule rule) {
  ComponentsSteps steps(n, edges, rule);
  while (!labels_settled(steps.labels(), edges)) steps.layer();
  return steps.layers();
}

std::uint64_t blocks_needed(std::uint64_t n, std::span<const Edge> edges, ComponentsRule rule) {
  return (layers_needed(n, edges, rule) + 1) / 2;
}

template Matrix<float> components_tokens(std::uint64_t, std::span<const Edge>);
template Matrix<double> components_tokens(std::uint64_t, std::span<const Edge>);
template std::vector<std::uint64_t> components_labels(std::uint64_t, const Matrix<float>&);
template std::vector<std::uint64_t> components_labels(std::uint64_t, const Matrix<double>&);
template bool is_connected(std::uint64_t, const Matrix<float>&);
template bool is_connected(std::uint64_t, const Matrix<double>&);

}  // namespace bridge
