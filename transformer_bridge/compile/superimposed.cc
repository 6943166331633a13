#include "transformer_bridge/compile/superimposed.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "transformer_bridge/compile/slot_words.h"

namespace bridge {
namespace {

// The fields of a slot, before the words.
enum Field : std::size_t { present, from, to, position, words };

class Mode final : public RoutingMode {
 public:
  std::string name() const override { return "superimposed"; }
  RoutingShape shape(const RoutingTask& task) const override {
    const auto b = task.packets();
    RoutingShape shape{.routing = name(), .task = task, .fields = {"packets", "source", "destination", "2 * index + begins a message"}};
    const auto limbs = task.limbs();
    shape.slot_columns = Field::words + task.packet_words * limbs.count();
    const auto addresses = address_code(task);
    const auto packets = packet_code(task);
    shape.key_width = addresses.length() + 1;
    shape.slots = packets.length() + 1;
    shape.packet_slots = packets.weight();
    shape.margin = static_cast<double>(addresses.weight() - b * addresses.overlap());
    shape.temperature = temperature_for(task, shape.margin);
    shape.most_tied = b + 1;
    shape.most_collisions = b * b;
    shape.largest_integer = std::max({task.machines - 1, 2 * b + 1, limbs.largest()});
    return shape;
  }
  std::unique_ptr<Routing<float>> make_f32(const RoutingShape& shape) const override {
    return std::make_unique<Superimposed<float>>(shape);
  }
  std::unique_ptr<Routing<double>> make_f64(const RoutingShape& shape) const override {
    return std::make_unique<Superimposed<double>>(shape);
  }
};

/// Codes for more packets than this have no slots to speak of: B^4 of them, beyond any machine.
constexpr std::uint64_t most_packets = std::uint64_t{1} << 15;

std::uint64_t packets_of(const RoutingTask& task) {
  const auto b = std::max<std::uint64_t>(1, task.packets());
  if (b > most_packets) {
    throw mpc::Error(mpc::Exit::over_budget,
                     fmt::format("routing superimposed: B = {} packets a machine (s = {} words, packets of {}) need more than "
                                 "2^60 slots; expected B at most {}",
                                 b, task.memory, task.packet_words, most_packets));
  }
  return b;
}

}  // namespace

Code address_code(const RoutingTask& task) {
  const auto b = packets_of(task);
  return Code::shortest(task.machines, [b](std::uint64_t k) { return 2 * b * (k - 1); });
}

Code packet_code(const RoutingTask& task) {
  const auto b = packets_of(task);
  const auto numbers = static_cast<mpc::DoubleWord>(task.machines * task.machines) * b;  // machines < 2^31
  if (numbers >> 63 != 0) {
    throw mpc::Error(
        mpc::Exit::over_budget,
        fmt::format("routing superimposed: {} machines with {} packets each have more than 2^63 different packets", task.machines, b));
  }
  return Code::shortest(static_cast<std::uint64_t>(numbers), [b](std::uint64_t k) { return (b * b - 1) * (k - 1) + 1; });
}

const RoutingMode& superimposed() {
  static const Mode mode;
  return mode;
}

template <class Real>
Superimposed<Real>::Superimposed(const RoutingShape& shape)
    : Routing<Real>(shape), addresses_(address_code(shape.task)), packets_(packet_code(shape.task)), limbs_(shape.task.limbs()) {}

template <class Real>
std::uint64_t Superimposed<Real>::number(std::uint64_t source, std::uint64_t destination, std::uint64_t index) const {
  const auto& task = this->shape().task;
  return (source * task.machines + destination) * std::max<std::uint64_t>(1, task.packets()) + index;
}

template <class Real>
void Superimposed<Real>::send(std::uint64_t source, std::span<const Packet> packets, std::uint64_t, BlockRows<Real>& keys,
                              BlockRows<Real>& values) {
  const auto& task = this->shape().task;
  if (packets.size() > task.packets()) {
    throw Garbled(fmt::format("machine {} sends {} packets; the layer is built for at most {}", source, packets.size(), task.packets()));
  }
  struct Written {
    Code::Codeword codeword;
    const Packet* packet;
    std::uint64_t index;
  };
  std::vector<Written> written;
  std::map<std::uint64_t, std::uint64_t> sent;  // packets so far, by destination
  for (const auto& packet : packets) {
    const auto index = sent[packet.machine]++;
    written.push_back({packets_.codeword(number(source, packet.machine, index)), &packet, index});
  }
  // Point by point, so that the slots ascend.
  std::vector<std::pair<std::uint64_t, std::size_t>> slots(written.size());
  for (std::uint64_t point = 0; point < packets_.weight(); ++point) {
    for (std::size_t i = 0; i < written.size(); ++i) slots[i] = {written[i].codeword.position(point) + 1, i};
    std::ranges::sort(slots);
    std::uint64_t last = 0;
    for (const auto& [slot, i] : slots) {
      if (slot != last) values.add(static_cast<std::uint32_t>(slot));
      last = slot;
      const auto fields = values.open_values().last(values.block());
      const auto& [codeword, packet, index] = written[i];
      fields[present] += Real{1};
      fields[from] += static_cast<Real>(source);
      fields[to] += static_cast<Real>(packet->machine);
      fields[Field::position] += static_cast<Real>(2 * index + (packet->first ? 1 : 0));
      add_words(limbs_, packet->words, task.packet_words, fields.data() + Field::words);
    }
  }
  values.end_row();

  std::vector<std::uint32_t> ones;
  for (const auto& [destination, count] : sent) {
    addresses_.codeword(destination).positions([&](std::uint64_t one) { ones.push_back(static_cast<std::uint32_t>(one)); });
  }
  std::ranges::sort(ones);
  const auto repeated = std::ranges::unique(ones);
  ones.erase(repeated.begin(), repeated.end());
  for (const auto one : ones) keys.add(one, Real{1});
  keys.end_row();
}

template <class Real>
void Superimposed<Real>::query(std::uint64_t machine, std::uint64_t head, BlockRows<Real>& queries) {
  addresses_.codeword(machine).positions([&](std::uint64_t position) { queries.add(static_cast<std::uint32_t>(position), Real{1}); });
  idle_query(head, queries);
}

template <class Real>
void Superimposed<Real>::idle_query(std::uint64_t, BlockRows<Real>& queries) {
  queries.add(static_cast<std::uint32_t>(addresses_.length()), Real{1});
  queries.end_row();
}

template <class Real>
void Superimposed<Real>::start(std::uint64_t, BlockRows<Real>& keys, BlockRows<Real>& values) {
  keys.add(static_cast<std::uint32_t>(addresses_.length()), static_cast<Real>(addresses_.weight()));
  keys.end_row();
  values.add(0)[present] = Real{1};
  values.end_row();
}

template <class Real>
Arrivals Superimposed<Real>::receive(std::uint64_t machine, std::span<const BlockRow<Real>> heads) {
  const auto& task = this->shape().task;
  const auto columns = this->shape().slot_columns;
  const auto& row = heads[0];
  const auto own = std::ranges::find(row.at, 0U);
  if (own == row.at.end()) throw Garbled(fmt::format("machine {} does not see the start token", machine));
  const auto share = row.values[static_cast<std::size_t>(own - row.at.begin()) * columns];
  const auto ties = read_integer(Real{1} / share, Real{1});
  if (ties == 0 || ties == UINT64_MAX) throw Garbled(fmt::format("machine {} reads a share of {} for the start token", machine, share));
  Arrivals arrivals;
  if (ties - 1 > task.packets()) {
    arrivals.too_many_senders = ties - 1;
    return arrivals;
  }
  const auto count = static_cast<Real>(ties);
  const auto wrong = [&](std::uint32_t slot, const std::string& what) {
    throw Garbled(fmt::format("machine {} reads in slot {}: {}", machine, slot, what));
  };
  // The packets that have a slot to themselves. All such slots of one hold the same numbers, computed in the same way.
  struct Seen {
    Code::Codeword codeword;
    const Real* fields;
  };
  std::unordered_map<std::uint64_t, Seen> seen;                          // by number
  std::map<std::pair<std::uint64_t, std::uint64_t>, const Real*> found;  // those for this machine, by (source, index): their fields
  for (std::size_t j = 0; j < row.at.size(); ++j) {
    const auto slot = row.at[j];
    const auto* fields = row.values.data() + j * columns;
    if (slot == 0 || read_integer(fields[present], count) != 1) continue;
    const auto source = read_integer(fields[from], count);
    const auto destination = read_integer(fields[to], count);
    const auto index = read_integer(fields[Field::position], count) / 2;
    if (source >= task.machines || destination >= task.machines || index >= task.packets()) {
      wrong(slot, fmt::format("a packet {} from machine {} to machine {}", index, source, destination));
    }
    const auto its = number(source, destination, index);
    auto it = seen.find(its);
    if (it == seen.end()) {
      it = seen.emplace(its, Seen{packets_.codeword(its), fields}).first;
      if (destination == machine) found.emplace(std::pair{source, index}, fields);
    } else if (!std::equal(fields, fields + columns, it->second.fields)) {
      wrong(slot, fmt::format("packet {} from machine {} to machine {} otherwise than in another slot", index, source, destination));
    }
    if (!it->second.codeword.covers(slot - 1)) {
      wrong(slot, fmt::format("packet {} from machine {} to machine {}, which does not belong there", index, source, destination));
    }
  }
  std::uint64_t senders = 0;
  std::uint64_t expected = 0;  // index
  for (const auto& [key, fields] : found) {
    const auto& [source, index] = key;
    if (arrivals.packets.empty() || arrivals.packets.back().machine != source) {
      ++senders;
      expected = 0;
    }
    if (index != expected++) throw Garbled(fmt::format("machine {} misses packet {} from machine {}", machine, expected - 1, source));
    const bool first = read_integer(fields[Field::position], count) % 2 == 1;
    read_packet(arrivals, {source, index, first, nullptr}, task, fields + Field::words, count, machine);
  }
  if (senders != ties - 1) {
    throw Garbled(fmt::format("machine {} is addressed by {} machines and reads packets of {}", machine, ties - 1, senders));
  }
  point_to_words(arrivals, task.packet_words);
  return arrivals;
}

template class Superimposed<float>;
template class Superimposed<double>;

}  // namespace bridge
