#pragma once

#include "transformer_bridge/compile/routing.h"

namespace bridge {

/// Routing by slots: head h carries every sender's h-th packet. Narrow, but only for rounds in which no machine is sent two packets that
/// are the h-th of their senders; others are refused (Garbled), never mixed up. Enough for broadcasts, scans and all-reduces.
///
/// Queries and keys are the bits of the receiver's address, as +-1, L = max(2, ceil(log2 q)) of them: a match has the logit L, any
/// other machine at most L - 2, a sender with no h-th packet 0. The start token has L too, so a share of 1/2 says that a packet came, 1
/// that none did, and 1/3 or less that there were several.
///
///   H = B = floor(s / packet words), one layer a round, key width L + 1, width 2 B (3 + P l)
/// Source: the economical encoding of exact-match attention (Liu et al. 2025, arXiv 2509.09001, Theorem 4.1, without its hashing).
template <class Real>
class Slots : public Routing<Real> {
 public:
  explicit Slots(const RoutingShape& shape);

  void send(std::uint64_t source, std::span<const Packet> packets, std::uint64_t head, BlockRows<Real>& keys,
            BlockRows<Real>& values) override;
  void query(std::uint64_t machine, std::uint64_t head, BlockRows<Real>& queries) override;
  void idle_query(std::uint64_t head, BlockRows<Real>& queries) override;
  void start(std::uint64_t head, BlockRows<Real>& keys, BlockRows<Real>& values) override;
  Arrivals receive(std::uint64_t machine, std::span<const BlockRow<Real>> heads) override;

 private:
  std::uint64_t bits_;
  Limbs limbs_;
};

const RoutingMode& slots();

}  // namespace bridge
