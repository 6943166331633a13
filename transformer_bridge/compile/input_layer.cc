#include "transformer_bridge/compile/input_layer.h"

#include <fmt/core.h>

#include "transformer_bridge/compile/address_bits.h"

namespace bridge {

RoutingShape input_shape(const RoutingTask& task, const Dealing& dealing) {
  RoutingShape shape{.routing = "input", .task = task};
  shape.task.packet_words = 1;
  shape.key_width = address_bits(task.machines) + 1;
  shape.slots = dealing.share + 1;
  shape.slot_columns = task.limbs().count();
  shape.margin = 2;
  shape.temperature = temperature_for(task, shape.margin);
  shape.most_tied = dealing.share + 1;
  shape.largest_integer = task.limbs().largest();
  return shape;
}

template <class Real>
void send_input(const RoutingShape& shape, const Dealing& dealing, std::uint64_t token, const mpc::Word* word, BlockRows<Real>& keys,
                BlockRows<Real>& values) {
  if (word != nullptr) {
    const auto [machine, place] = dealing.destination(token);
    const auto limbs = shape.task.limbs();
    add_address(keys, machine, address_bits(shape.task.machines));
    const auto fields = values.add(static_cast<std::uint32_t>(place + 1));
    for (unsigned i = 0; i < limbs.count(); ++i) fields[i] = static_cast<Real>(limbs.limb(i, *word));
  }
  keys.end_row();
  values.end_row();
}

template <class Real>
void query_input(const RoutingShape& shape, std::uint64_t machine, BlockRows<Real>& queries) {
  add_address_query(queries, machine, address_bits(shape.task.machines));
}

template <class Real>
void idle_query_input(const RoutingShape& shape, BlockRows<Real>& queries) {
  add_start_query(queries, address_bits(shape.task.machines));
}

template <class Real>
void start_input(const RoutingShape& shape, BlockRows<Real>& keys, BlockRows<Real>& values) {
  add_start_key(keys, address_bits(shape.task.machines));
  values.add(0)[0] = Real{1};
  values.end_row();
}

template <class Real>
std::vector<mpc::Word> receive_input(const RoutingShape& shape, const Dealing& dealing, std::uint64_t machine, const BlockRow<Real>& row) {
  const auto limbs = shape.task.limbs();
  const auto share = dealing.share_of(machine);
  const auto ties = static_cast<Real>(share + 1);
  std::vector<mpc::Word> words(share, 0);
  for (std::size_t j = 0; j < row.at.size(); ++j) {
    const auto* fields = row.values.data() + j * shape.slot_columns;
    if (row.at[j] == 0) {
      if (read_integer(fields[0], ties) != 1)
        throw Garbled(fmt::format("machine {} reads a share of {} for the start token", machine, fields[0]));
      continue;
    }
    const auto place = row.at[j] - 1;
    if (place >= share) throw Garbled(fmt::format("machine {} reads input word {}; it is dealt {}", machine, place, share));
    for (unsigned i = 0; i < limbs.count(); ++i) {
      const auto limb = read_integer(fields[i], ties);
      if (limb > limbs.largest()) throw Garbled(fmt::format("machine {} reads the limb {} of input word {}", machine, limb, place));
      words[place] |= limbs.joined(i, limb);
    }
  }
  return words;
}

template void send_input(const RoutingShape&, const Dealing&, std::uint64_t, const mpc::Word*, BlockRows<float>&, BlockRows<float>&);
template void send_input(const RoutingShape&, const Dealing&, std::uint64_t, const mpc::Word*, BlockRows<double>&, BlockRows<double>&);
template void query_input(const RoutingShape&, std::uint64_t, BlockRows<float>&);
template void query_input(const RoutingShape&, std::uint64_t, BlockRows<double>&);
template void idle_query_input(const RoutingShape&, BlockRows<float>&);
template void idle_query_input(const RoutingShape&, BlockRows<double>&);
template void start_input(const RoutingShape&, BlockRows<float>&, BlockRows<float>&);
template void start_input(const RoutingShape&, BlockRows<double>&, BlockRows<double>&);
template std::vector<mpc::Word> receive_input(const RoutingShape&, const Dealing&, std::uint64_t, const BlockRow<float>&);
template std::vector<mpc::Word> receive_input(const RoutingShape&, const Dealing&, std::uint64_t, const BlockRow<double>&);

}  // namespace bridge
