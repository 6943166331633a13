#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "mpc/hash.h"

#include "transformer_bridge/compile/certificate.h"
#include "transformer_bridge/compile/routing.h"
#include "transformer_bridge/kernels/sparse_attention.h"

/// One round of messages, what it must deliver, and the layer that carries it: no cluster, no residual row.
namespace tests {

/// A message: destination, words.
using Sent = std::pair<std::uint64_t, std::vector<mpc::Word>>;
/// What a machine must receive: (source, words), by source and in the order of sending.
using Received = std::vector<std::pair<std::uint64_t, std::vector<mpc::Word>>>;

struct Round {
  std::vector<std::vector<Sent>> sends;  // per machine

  std::vector<Received> delivered() const {
    std::vector<Received> inbox(sends.size());
    for (std::uint64_t source = 0; source < sends.size(); ++source) {
      for (const auto& [destination, words] : sends[source]) inbox[destination].emplace_back(source, words);
    }
    return inbox;
  }
};

/// Rounds that fill what B packets of `words` words allow.
class Rounds {
 public:
  Rounds(std::uint64_t machines, std::uint64_t packets, std::uint64_t words, unsigned bits, std::uint64_t seed)
      : machines_(machines), packets_(packets), words_(words), bits_(bits), hash_(seed) {}

  /// Everybody may send and receive up to B, to anybody, several times, and to itself.
  Round random() {
    auto round = empty();
    std::vector<std::uint64_t> room(machines_, packets_);
    for (std::uint64_t source = 0; source < machines_; ++source) {
      for (auto left = below(packets_ + 1); left > 0; --left) {
        const auto to = below(4) == 0 ? source : below(machines_);
        for (auto copies = 1 + below(3); copies > 0 && room[to] > 0 && left > 0; --copies) {
          send(round, source, to);
          --room[to];
          if (copies > 1 && left > 1) --left;
        }
      }
      if (round.sends[source].size() > packets_) round.sends[source].resize(packets_);
    }
    return round;
  }
  /// Groups of B machines, each of which sends one message to every machine of its group: B senders of the same B destinations.
  Round full() {
    auto round = empty();
    for (std::uint64_t source = 0; source < machines_; ++source) {
      const auto first = source - source % packets_;
      for (auto to = first; to < std::min(machines_, first + packets_); ++to) send(round, source, to);
    }
    return round;
  }
  /// B senders, or as many as there are, to one machine.
  Round all_to_one() {
    auto round = empty();
    const auto to = below(machines_);
    for (std::uint64_t i = 0; i < std::min(packets_, machines_); ++i) send(round, (to + i * 7 / 3) % machines_, to);
    // Several senders may coincide; the limits hold all the same.
    return round;
  }
  /// Every machine sends itself B messages.
  Round to_itself() {
    auto round = empty();
    for (std::uint64_t source = 0; source < machines_; ++source) {
      for (std::uint64_t i = 0; i < packets_; ++i) send(round, source, source);
    }
    return round;
  }
  /// Every machine sends B messages to the next.
  Round to_next() {
    auto round = empty();
    for (std::uint64_t source = 0; source < machines_; ++source) {
      for (std::uint64_t i = 0; i < packets_; ++i) send(round, source, (source + 1) % machines_);
    }
    return round;
  }
  /// One machine tells B machines.
  Round broadcast() {
    auto round = empty();
    const auto source = below(machines_);
    for (std::uint64_t i = 0; i < std::min(packets_, machines_); ++i) send(round, source, (source + i) % machines_);
    return round;
  }
  Round empty() const { return {std::vector<std::vector<Sent>>(machines_)}; }

  void send(Round& round, std::uint64_t source, std::uint64_t to) {
    std::vector<mpc::Word> words(words_);
    for (auto& word : words) {
      // The extremes as often as anything else.
      const auto kind = below(4);
      const auto top = (mpc::Word{1} << bits_) - 1;
      word = kind == 0 ? top : kind == 1 ? top - below(3) : below(top);
    }
    round.sends[source].emplace_back(to, std::move(words));
  }

  std::uint64_t below(std::uint64_t bound) { return hash_.below(bound, counter_++); }

 private:
  std::uint64_t machines_, packets_, words_;
  unsigned bits_;
  mpc::PublicHash hash_;
  std::uint64_t counter_ = 0;
};

/// The keys and values of all machines and the start token, and the machines' queries, per head.
template <class Real>
struct Written {
  struct Head {
    bridge::BlockRows<Real> queries, keys, values;
  };
  std::vector<Head> heads;
};

template <class Real>
Written<Real> written(bridge::Routing<Real>& routing, const Round& round) {
  const auto& shape = routing.shape();
  Written<Real> all;
  all.heads.resize(shape.heads);
  for (std::uint64_t h = 0; h < shape.heads; ++h) {
    auto& head = all.heads[h];
    head.values.clear(shape.slot_columns);
    for (std::uint64_t machine = 0; machine < round.sends.size(); ++machine) {
      std::vector<bridge::Packet> packets;
      for (const auto& [to, words] : round.sends[machine]) packets.push_back({to, 0, true, words.data()});
      routing.send(machine, packets, h, head.keys, head.values);
      routing.query(machine, h, head.queries);
    }
    routing.start(h, head.keys, head.values);
  }
  return all;
}

/// What the machines read, and the margin that was seen.
struct Read {
  std::vector<Received> inbox;
  std::vector<std::uint64_t> too_many;  ///< senders, per machine
  double margin = 0;
};

template <class Real>
Read read(bridge::Routing<Real>& routing, const Written<Real>& all, bool dense = false) {
  const auto& shape = routing.shape();
  std::vector<bridge::SparseWeights<Real>> weights;
  std::vector<bridge::BlockRows<Real>> outputs(shape.heads);
  Read result;
  result.margin = std::numeric_limits<double>::infinity();
  for (std::uint64_t h = 0; h < shape.heads; ++h) {
    const auto& head = all.heads[h];
    const auto scale = static_cast<Real>(shape.temperature);
    weights.push_back(dense ? bridge::dense_weights(head.queries, head.keys, shape.key_width, scale)
                            : bridge::routed_weights(head.queries, head.keys, shape.key_width, scale));
    bridge::mix(weights.back(), head.values, shape.slots, outputs[h]);
    result.margin = std::min(result.margin, weights.back().margin);
  }
  for (std::uint64_t machine = 0; machine < shape.task.machines; ++machine) {
    std::vector<bridge::BlockRow<Real>> rows;
    for (std::uint64_t h = 0; h < shape.heads; ++h) rows.push_back(outputs[h].row(weights[h].row_of[machine]));
    const auto arrivals = routing.receive(machine, rows);
    auto& inbox = result.inbox.emplace_back();
    result.too_many.push_back(arrivals.too_many_senders);
    for (const auto& packet : arrivals.packets) {
      inbox.emplace_back(packet.machine, std::vector<mpc::Word>(packet.words, packet.words + shape.task.packet_words));
    }
  }
  return result;
}

inline bridge::RoutingTask task_of(std::uint64_t machines, std::uint64_t packets, std::uint64_t words, unsigned bits,
                                   bridge::NumberType type) {
  return {.machines = machines, .memory = packets * words, .packet_words = words, .word_bits = bits, .type = type};
}

}  // namespace tests
