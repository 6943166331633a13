#include "transformer_bridge/trace/tracing_cluster.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "mpc/error.h"

namespace bridge {
namespace {

bool is_column_alone(const Circuit& circuit, const Expression& e) {
  return e.terms.size() == 1 && e == value_of(atom_of(e)) && circuit.unit(atom_of(e)).is_column();
}

std::string text_of(const Expression& e) {
  auto text = fmt::format("{}", e.constant);
  for (const auto& [atom, weight] : e.terms) text += fmt::format(" {:+} #{}", weight, atom);
  return text;
}

}  // namespace

TracingCluster::TracingCluster(const mpc::Model& model, std::uint64_t per_machine, std::uint64_t item_words) : model_(model) {
  if (model.machines == 0 || per_machine == 0) throw mpc::UsageError("a trace needs a machine and an item of input for it");
  auto& input = trace_.input;
  input.machines = model.machines;
  input.per_machine = per_machine;
  input.items = per_machine * model.machines;
  input.words = item_words;
  input.word_bits = model.word_bits;
  input.id_bits = static_cast<unsigned>(std::max<std::uint64_t>(1, mpc::ceil_log(2, model.machines)));
  auto& circuit = tracer_.circuit();
  const auto columns = [&](const std::string& name, std::uint64_t count) {
    std::vector<Atom> atoms;
    for (std::uint64_t i = 0; i < count; ++i) atoms.push_back(atom_of(circuit.column(fmt::format("{}[{}]", name, i))));
    return atoms;
  };
  trace_.own_id = columns("id", input.id_bits);
  trace_.machine = atom_of(circuit.column("is a machine"));
  trace_.slot = columns("slot", per_machine);
  trace_.item_destination = columns("destination", input.id_bits);
  for (std::uint64_t w = 0; w < item_words; ++w) trace_.item.push_back(columns(fmt::format("item.{}", w), model.word_bits));
  trace_.dealt.resize(per_machine);
  for (std::uint64_t slot = 0; slot < per_machine; ++slot) {
    dealt_.emplace_back();
    for (std::uint64_t w = 0; w < item_words; ++w) {
      trace_.dealt[slot].push_back(columns(fmt::format("dealt {}.{}", slot, w), model.word_bits));
      BitWord bits;
      for (const auto atom : trace_.dealt[slot].back()) bits.push_back(threshold(circuit, value_of(atom)));
      dealt_.back().emplace_back(std::move(bits));
    }
  }
}

TracedWord TracingCluster::dealt(std::uint64_t slot, std::uint64_t word) const { return dealt_.at(slot).at(word); }

TracedWord TracingCluster::own_id() const {
  BitWord bits;
  for (const auto atom : trace_.own_id) bits.push_back(value_of(atom));
  return TracedWord(std::move(bits));
}

void TracingCluster::check_fresh(std::size_t round) const {
  if (round != 0 && round != trace_.rounds.size()) {
    throw std::logic_error("an inbox can be read until the next round has run, and no longer");
  }
}

std::vector<std::pair<std::string, std::uint64_t>> TracingCluster::words_there() const {
  std::vector<std::pair<std::string, std::uint64_t>> words;
  for (auto* variable : variables_) {
    variable->for_each([&](const TracedWord& word, const std::string& name) {
      if (!name.ends_with(length_name)) words.emplace_back(name, word.birth());
    });
  }
  return words;
}

void TracingCluster::begin_body(const Bit& present) {
  there_.push_back(words_there());
  tracer_.guard(present);
}

void TracingCluster::end_body() {
  tracer_.lift_guard();
  const auto before = std::move(there_.back());
  there_.pop_back();
  const auto after = words_there();
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    if (i < before.size() && i < after.size() && before[i] == after[i]) continue;
    if (replaced_.empty()) replaced_ = i < before.size() ? before[i].first : after[i].first;  // said when no iterator is alive
    return;
  }
}

void TracingCluster::check_bodies() {
  if (replaced_.empty()) return;
  throw std::logic_error("the loop over an inbox replaced '" + replaced_ +
                         "' as a whole, and that cannot be undone where nothing came: assign its words one by one");
}

std::vector<StoredBit> TracingCluster::store(std::vector<TracedMemory>& memory) {
  auto& circuit = tracer_.circuit();
  std::vector<StoredBit> stored;
  std::map<Expression, Atom> known;
  for (auto* variable : variables_) {
    variable->for_each([&](TracedWord& word, const std::string& name) {
      auto bits = word.bits();
      bits.resize(std::min<std::size_t>(bits.size(), model_.word_bits), Bit(0));
      for (std::size_t i = 0; i < bits.size(); ++i) {
        auto& bit = bits[i];
        if (bit.is_constant() || is_column_alone(circuit, bit)) continue;
        const auto [it, is_new] = known.try_emplace(bit, Atom{});
        if (is_new) {
          it->second = atom_of(circuit.column(fmt::format("{}[{}]", name, i)));
          stored.push_back({it->second, bit, name, static_cast<unsigned>(i)});
        }
        bit = value_of(it->second);
      }
      word.replace(bits);
      memory.push_back({name, std::move(bits)});
    });
  }
  return stored;
}

void TracingCluster::begin_round() {
  TracedRound round;
  for (const auto& label : labels_) round.label += (round.label.empty() ? "" : "/") + label;
  if (round.label.empty()) round.label = "round";
  trace_.memory.emplace_back();
  round.stored = store(trace_.memory.back());
  trace_.rounds.push_back(std::move(round));
}

TracingCluster::Received TracingCluster::receive(TracedSend& send, std::size_t head, const std::vector<std::string>& names) {
  auto& circuit = tracer_.circuit();
  const auto& input = trace_.input;
  if (input.tokens() > input.machines) send.present = bit_and(circuit, send.present, value_of(trace_.machine));
  send.destination.resize(input.id_bits, Bit(0));
  const auto column = [&](const std::string& part, unsigned i, const Expression& sent) {
    auto name = fmt::format("letter {}{}", head, part);
    const auto bit = circuit.column(fmt::format("{}[{}]", name, i));
    send.columns.push_back({atom_of(bit), sent, std::move(name), i});
    return threshold(circuit, bit);
  };
  send.received = column(" came", 0, 1);
  Received received;
  for (std::size_t w = 0; w < send.words.size(); ++w) {
    auto& word = send.words[w];
    word.resize(std::min<std::size_t>(word.size(), model_.word_bits), Bit(0));
    BitWord bits;
    for (unsigned i = 0; i < word.size(); ++i) {
      bits.push_back(word[i].is_constant() ? word[i] : column(names[w], i, word[i]));
    }
    received.message.push_back(std::move(bits));
  }
  BitWord source;
  for (unsigned i = 0; i < trace_.own_id.size(); ++i) source.push_back(column(" source", i, value_of(trace_.own_id[i])));
  received.source = TracedWord(std::move(source));
  return received;
}

void TracingCluster::end_round(std::vector<TracedSend> sends) { trace_.rounds.back().sends = std::move(sends); }

void TracingCluster::store_last() {
  trace_.memory.emplace_back();
  trace_.last = store(trace_.memory.back());
}

Trace TracingCluster::checked() {
  for (const auto& word : trace_.answer) {
    for (const auto& bit : word.bits) {
      if (bit.is_constant() || is_column_alone(tracer_.circuit(), bit)) continue;
      throw std::logic_error("the answer of a trace is words of a machine's memory as they are; compute it before the protocol ends");
    }
  }
  trace_.circuit = tracer_.circuit();
  return trace_;
}

std::string Trace::text() const {
  std::string text =
      fmt::format("machines {} items {} of {} words of {} bits\n", input.machines, input.items, input.words, input.word_bits);
  for (Atom atom = 0; atom < circuit.size(); ++atom) {
    const auto& unit = circuit.unit(atom);
    text += unit.is_column() ? fmt::format("#{} column {}\n", atom, unit.name) : fmt::format("#{} = relu({})\n", atom, text_of(unit.input));
  }
  const auto stores = [&](const std::vector<StoredBit>& bits) {
    for (const auto& bit : bits) text += fmt::format("  #{} {}[{}] = {}\n", bit.atom, bit.variable, bit.bit, text_of(bit.value));
  };
  const auto words = [&](const char* what, const BitWord& bits) {
    text += fmt::format("    {}", what);
    for (const auto& bit : bits) text += fmt::format(" [{}]", text_of(bit));
    text += '\n';
  };
  for (std::size_t r = 0; r < rounds.size(); ++r) {
    text += fmt::format("round {} {}\n", r + 1, rounds[r].label);
    stores(rounds[r].stored);
    for (const auto& send : rounds[r].sends) {
      text += fmt::format("  send if {}\n", text_of(send.present));
      words("to", send.destination);
      for (const auto& word : send.words) words("word", word);
    }
  }
  text += "end\n";
  stores(last);
  for (const auto& word : answer) words(word.variable.c_str(), word.bits);
  return text;
}

}  // namespace bridge
