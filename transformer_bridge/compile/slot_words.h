#pragma once

#include <fmt/core.h>

#include "transformer_bridge/compile/routing.h"

namespace bridge {

/// Adds the words of a packet to the fields of a slot, in limbs.
template <class Real>
void add_words(const Limbs& limbs, const mpc::Word* words, std::uint64_t count, Real* fields) {
  for (std::uint64_t word = 0; word < count; ++word) {
    for (unsigned i = 0; i < limbs.count(); ++i) *fields++ += static_cast<Real>(limbs.limb(i, words[word]));
  }
}

/// The word whose limbs stand in these fields, averaged over `ties` shares. Throws Garbled for a limb that is too large.
template <class Real>
mpc::Word read_word(const Limbs& limbs, const Real* fields, Real ties, std::uint64_t machine, std::uint64_t source) {
  mpc::Word joined = 0;
  for (unsigned i = 0; i < limbs.count(); ++i) {
    const auto limb = read_integer(fields[i], ties);
    if (limb > limbs.largest()) throw Garbled(fmt::format("machine {} reads the limb {} from machine {}", machine, limb, source));
    joined |= limbs.joined(i, limb);
  }
  return joined;
}

/// Appends a packet and its words, which stand in these fields.
template <class Real>
void read_packet(Arrivals& arrivals, const Packet& packet, const RoutingTask& task, const Real* fields, Real ties, std::uint64_t machine) {
  const auto limbs = task.limbs();
  arrivals.packets.push_back(packet);
  for (std::uint64_t word = 0; word < task.packet_words; ++word) {
    arrivals.words.push_back(read_word(limbs, fields + word * limbs.count(), ties, machine, packet.machine));
  }
}

/// Points every packet to its words, once all are there.
inline void point_to_words(Arrivals& arrivals, std::uint64_t packet_words) {
  for (std::size_t i = 0; i < arrivals.packets.size(); ++i) arrivals.packets[i].words = arrivals.words.data() + i * packet_words;
}

}  // namespace bridge
