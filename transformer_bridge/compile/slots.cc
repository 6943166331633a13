#include "transformer_bridge/compile/slots.h"

#include <algorithm>

#include <fmt/core.h>

#include "transformer_bridge/compile/address_bits.h"
#include "transformer_bridge/compile/slot_words.h"

namespace bridge {
namespace {

// The fields of a packet, before the words; and what stands where.
enum Field : std::size_t { present, from, begins, words };
constexpr std::uint32_t start_slot = 0, packet_slot = 1;

class Mode final : public RoutingMode {
 public:
  std::string name() const override { return "slots"; }
  RoutingShape shape(const RoutingTask& task) const override {
    RoutingShape shape{.routing = name(), .task = task, .fields = {"packets", "source", "begins a message"}};
    const auto limbs = task.limbs();
    const auto bits = address_bits(task.machines);
    shape.heads = std::max<std::uint64_t>(1, task.packets());
    shape.key_width = bits + 1;
    shape.slots = 2;
    shape.slot_columns = Field::words + task.packet_words * limbs.count();
    shape.margin = 2;
    shape.temperature = temperature_for(task, shape.margin);
    shape.most_tied = 2;
    shape.largest_integer = std::max(task.machines - 1, limbs.largest());
    return shape;
  }
  std::unique_ptr<Routing<float>> make_f32(const RoutingShape& shape) const override { return std::make_unique<Slots<float>>(shape); }
  std::unique_ptr<Routing<double>> make_f64(const RoutingShape& shape) const override { return std::make_unique<Slots<double>>(shape); }
};

}  // namespace

const RoutingMode& slots() {
  static const Mode mode;
  return mode;
}

template <class Real>
Slots<Real>::Slots(const RoutingShape& shape)
    : Routing<Real>(shape), bits_(address_bits(shape.task.machines)), limbs_(shape.task.limbs()) {}

template <class Real>
void Slots<Real>::send(std::uint64_t source, std::span<const Packet> packets, std::uint64_t head, BlockRows<Real>& keys,
                       BlockRows<Real>& values) {
  const auto& shape = this->shape();
  if (packets.size() > shape.heads) {
    throw Garbled(fmt::format("machine {} sends {} packets; the layer is built for at most {}", source, packets.size(), shape.heads));
  }
  if (head < packets.size()) {
    const auto& packet = packets[head];
    add_address(keys, packet.machine, bits_);
    const auto fields = values.add(packet_slot);
    fields[present] = Real{1};
    fields[from] = static_cast<Real>(source);
    fields[begins] = packet.first ? Real{1} : Real{0};
    add_words(limbs_, packet.words, shape.task.packet_words, fields.data() + Field::words);
  }
  keys.end_row();
  values.end_row();
}

template <class Real>
void Slots<Real>::query(std::uint64_t machine, std::uint64_t, BlockRows<Real>& queries) {
  add_address_query(queries, machine, bits_);
}

template <class Real>
void Slots<Real>::idle_query(std::uint64_t, BlockRows<Real>& queries) {
  add_start_query(queries, bits_);
}

template <class Real>
void Slots<Real>::start(std::uint64_t, BlockRows<Real>& keys, BlockRows<Real>& values) {
  add_start_key(keys, bits_);
  values.add(start_slot)[present] = Real{1};
  values.end_row();
}

template <class Real>
Arrivals Slots<Real>::receive(std::uint64_t machine, std::span<const BlockRow<Real>> heads) {
  const auto& task = this->shape().task;
  const auto columns = this->shape().slot_columns;
  struct Found {
    std::uint64_t source, head;
    const Real* fields;
  };
  std::vector<Found> found;
  for (std::size_t head = 0; head < heads.size(); ++head) {
    const auto& row = heads[head];
    const auto field = [&](std::uint32_t slot) -> const Real* {
      const auto it = std::ranges::find(row.at, slot);
      return it == row.at.end() ? nullptr : row.values.data() + static_cast<std::size_t>(it - row.at.begin()) * columns;
    };
    const auto* own = field(start_slot);
    const auto ties = own == nullptr ? 0 : read_integer(Real{1} / own[present], Real{1});
    if (ties == 1) continue;
    if (ties != 2) {
      throw Garbled(fmt::format("head {}: {} senders for machine {}; routing slots can tell at most 1 apart: use superimposed", head,
                                ties == 0 ? ties : ties - 1, machine));
    }
    const auto* fields = field(packet_slot);
    if (fields == nullptr || read_integer(fields[present], Real{2}) != 1 || read_integer(fields[from], Real{2}) >= task.machines) {
      throw Garbled(fmt::format("head {}: machine {} is addressed and reads no packet", head, machine));
    }
    found.push_back({read_integer(fields[from], Real{2}), head, fields});
  }
  std::ranges::sort(found, {}, [](const Found& f) { return std::pair{f.source, f.head}; });
  Arrivals arrivals;
  for (const auto& [source, head, fields] : found) {
    const bool again = !arrivals.packets.empty() && arrivals.packets.back().machine == source;
    const auto index = again ? arrivals.packets.back().index + 1 : 0;
    const bool first = read_integer(fields[begins], Real{2}) == 1;
    read_packet(arrivals, {source, index, first, nullptr}, task, fields + Field::words, Real{2}, machine);
  }
  point_to_words(arrivals, task.packet_words);
  return arrivals;
}

template class Slots<float>;
template class Slots<double>;

}  // namespace bridge
