#include "transformer_bridge/trace/schedule.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

namespace bridge {
namespace {

class Scheduler {
 public:
  explicit Scheduler(const Trace& trace) : trace_(trace) { result_.circuit = trace.circuit; }

  Schedule run() {
    const auto rounds = trace_.rounds.size();
    result_.layers.resize(rounds + 1);
    name_input();
    // Backwards: what the end needs, then what each layer needs for it.
    std::set<Atom> needed;
    for (const auto& word : trace_.answer) {
      for (const auto& bit : word.bits) columns_of(bit, needed);
    }
    result_.end.assign(needed.begin(), needed.end());
    std::vector<StoredBit> sent;  // columns for the heads of the layer that comes next
    for (auto l = rounds + 1; l-- > 0;) {
      const auto& stored = l == rounds ? trace_.last : trace_.rounds[l].stored;
      needed = before(l, needed, stored, sent);
    }
    return std::move(result_);
  }

 private:
  /// Fills layer l, whose row function has to leave `needed`; returns what has to stand in the row when its attention begins. `sent`
  /// comes as what heads of the next layer want computed, and goes as what this layer's heads do.
  std::set<Atom> before(std::size_t l, const std::set<Atom>& needed, const std::vector<StoredBit>& stored, std::vector<StoredBit>& sent) {
    auto& layer = result_.layers[l];
    std::map<Atom, Expression> made_here;
    for (const auto& bit : stored) made_here.emplace(bit.atom, bit.value);
    std::set<Atom> inputs;
    const auto make = [&](const StoredBit& bit, const Expression& value) {
      layer.made.push_back({bit.atom, value});
      result_.names[bit.atom] = {bit.variable, "machine", bit.bit};
      columns_of(value, inputs);
    };
    for (const auto& bit : stored) {
      if (needed.contains(bit.atom)) make(bit, bit.value);
    }
    std::map<Atom, Expression> memo = made_here;
    for (const auto& bit : sent) {
      if (needed.contains(bit.atom)) make(bit, substituted(bit.value, memo));
    }
    std::set<Atom> made;
    for (const auto& column : layer.made) made.insert(column.atom);
    for (const auto atom : needed) {
      if (!made.contains(atom)) inputs.insert(atom);
    }

    sent.clear();
    const auto received = l == 0 ? deal(inputs) : attend(l, inputs, sent);
    layer.received.assign(received.begin(), received.end());
    std::set<Atom> held;
    std::ranges::set_difference(inputs, received, std::inserter(held, held.end()));
    for (const auto& head : layer.heads) {
      columns_of(head.present, held);
      for (const auto& bit : head.destination) columns_of(bit, held);
      for (const auto& [column, value] : head.brought) columns_of(value, held);
    }
    if (!layer.heads.empty()) held.insert(trace_.own_id.begin(), trace_.own_id.end());
    if (l == 0) held.insert(input_.begin(), input_.end());
    layer.held.assign(held.begin(), held.end());
    return held;
  }

  /// The first layer's heads, one for each slot of the input; returns the columns of `inputs` that they bring.
  std::set<Atom> deal(const std::set<Atom>& inputs) {
    auto& layer = result_.layers[0];
    layer.label = "input";
    std::set<Atom> received;
    BitWord destination;
    for (const auto atom : trace_.item_destination) destination.push_back(value_of(atom));
    for (std::size_t slot = 0; slot < trace_.dealt.size(); ++slot) {
      ScheduledHead head{fmt::format("item {}", slot), value_of(trace_.slot[slot]), destination};
      for (std::size_t w = 0; w < trace_.item.size(); ++w) {
        for (std::size_t i = 0; i < trace_.item[w].size(); ++i) {
          const auto column = trace_.dealt[slot][w][i];
          if (!inputs.contains(column)) continue;
          received.insert(column);
          result_.names[column] = {fmt::format("dealt {}.{}", slot, w), "machine", static_cast<unsigned>(i)};
          head.brought.emplace_back(column, value_of(trace_.item[w][i]));
        }
      }
      if (!head.brought.empty()) layer.heads.push_back(std::move(head));
    }
    return received;
  }

  /// The heads of round l.
  std::set<Atom> attend(std::size_t l, const std::set<Atom>& inputs, std::vector<StoredBit>& sent) {
    auto& layer = result_.layers[l];
    const auto& round = trace_.rounds[l - 1];
    layer.label = round.label;
    std::set<Atom> received;
    for (std::size_t h = 0; h < round.sends.size(); ++h) {
      const auto& send = round.sends[h];
      ScheduledHead head{fmt::format("{}, letter {}", round.label, h)};
      for (const auto& column : send.columns) {
        if (!inputs.contains(column.atom)) continue;
        received.insert(column.atom);
        result_.names[column.atom] = {column.name, "machine", column.bit};
        head.brought.emplace_back(column.atom, linear(column.sent, column.name, column.bit, sent));
      }
      if (head.brought.empty()) continue;
      head.present = linear(send.present, fmt::format("letter {} sent", h), 0, sent);
      for (unsigned i = 0; i < send.destination.size(); ++i) {
        head.destination.push_back(linear(send.destination[i], fmt::format("letter {} destination", h), i, sent));
      }
      layer.heads.push_back(std::move(head));
    }
    return received;
  }

  /// e, or a column for it if there are units in it.
  Expression linear(const Expression& e, const std::string& name, unsigned bit, std::vector<StoredBit>& sent) {
    if (result_.circuit.depth(e) == 0) return e;
    for (const auto& known : sent) {
      if (known.value == e) return value_of(known.atom);
    }
    const auto column = result_.circuit.column(fmt::format("{}[{}]", name, bit));
    sent.push_back({atom_of(column), e, name, bit});
    return column;
  }

  /// e with columns replaced by their values. memo: those columns, and units that are done already.
  Expression substituted(const Expression& e, std::map<Atom, Expression>& memo) {
    Expression result = e.constant;
    for (const auto& [atom, weight] : e.terms) {
      auto it = memo.find(atom);
      if (it == memo.end()) {
        const bool is_column = result_.circuit.unit(atom).is_column();
        auto value = is_column ? value_of(atom) : result_.circuit.relu(substituted(Expression(result_.circuit.unit(atom).input), memo));
        it = memo.emplace(atom, std::move(value)).first;
      }
      result += weight * it->second;
    }
    return result;
  }

  /// Adds the columns that e is made of.
  void columns_of(const Expression& e, std::set<Atom>& columns) {
    std::vector<Atom> open;
    for (const auto& [atom, weight] : e.terms) open.push_back(atom);
    std::set<Atom> seen;
    while (!open.empty()) {
      const auto atom = open.back();
      open.pop_back();
      if (!seen.insert(atom).second) continue;
      const auto& unit = result_.circuit.unit(atom);
      if (unit.is_column()) columns.insert(atom);
      for (const auto& [below, weight] : unit.input.terms) open.push_back(below);
    }
  }

  void name_input() {
    const auto name = [&](const std::vector<Atom>& atoms, const std::string& variable, const char* owner) {
      for (unsigned i = 0; i < atoms.size(); ++i) {
        result_.names[atoms[i]] = {variable, owner, i};
        input_.push_back(atoms[i]);
      }
    };
    name(trace_.own_id, "id", "machine");
    if (trace_.input.tokens() > trace_.input.machines) name({trace_.machine}, "is a machine", "token");
    name(trace_.slot, "slot", "item");
    name(trace_.item_destination, "destination", "item");
    for (std::size_t w = 0; w < trace_.item.size(); ++w) name(trace_.item[w], fmt::format("word {}", w), "item");
  }

  const Trace& trace_;
  Schedule result_;
  std::vector<Atom> input_;
};

}  // namespace

Schedule schedule(const Trace& trace) { return Scheduler(trace).run(); }

}  // namespace bridge
