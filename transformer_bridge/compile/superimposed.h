#pragma once

#include "transformer_bridge/compile/code.h"
#include "transformer_bridge/compile/routing.h"

namespace bridge {

/// Routing by superimposed codes: one head, every instance within the limits (Theorem 3.1's routing lemma, Lemma 3.2, with deterministic
/// codes in place of its random objects).
///
/// Addresses: machine j's query is the codeword u_j of a code of weight w; a sender's key is the bitwise OR of u_d over its destinations
/// d. A destination's logit is w, any other machine's at most B (k - 1) <= w / 2. The start token's logit is w too and its value is 1 in
/// a slot of its own, so with c senders every share is 1 / (c + 1), and the receiver reads c off.
/// Packets: the i-th packet from a to d stands in the slots of the codeword of (a, d, i): 1, a, d, 2 i + [it begins a message], words in
/// limbs. Of the at most B^2 packets that a receiver sees (B senders of B packets) each has a slot to itself, where the first field
/// reads 1.
///
///   B = floor(s / packet words), l limbs a word, P words a packet
///   addresses  q numbers,       w  = 2 B (k - 1)           key width  w field + 1
///   slots      q^2 B numbers,   w' = (B^2 - 1)(k' - 1) + 1  slots      w' field' + 1
///   H = 1, one layer a round, width (w' field' + 1)(4 + P l) = O(s^4 (log N / log s)^2)
template <class Real>
class Superimposed : public Routing<Real> {
 public:
  explicit Superimposed(const RoutingShape& shape);

  void send(std::uint64_t source, std::span<const Packet> packets, std::uint64_t head, BlockRows<Real>& keys,
            BlockRows<Real>& values) override;
  void query(std::uint64_t machine, std::uint64_t head, BlockRows<Real>& queries) override;
  void idle_query(std::uint64_t head, BlockRows<Real>& queries) override;
  void start(std::uint64_t head, BlockRows<Real>& keys, BlockRows<Real>& values) override;
  Arrivals receive(std::uint64_t machine, std::span<const BlockRow<Real>> heads) override;

 protected:
  std::uint64_t number(std::uint64_t source, std::uint64_t destination, std::uint64_t index) const;

 private:
  Code addresses_, packets_;
  Limbs limbs_;
};

/// The two codes of a task.
Code address_code(const RoutingTask& task);
Code packet_code(const RoutingTask& task);

const RoutingMode& superimposed();

}  // namespace bridge
