#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "transformer_bridge/compile/routing.h"

namespace bridge {

/// Where the input words go: token t holds the t-th, and it is the place-th of those that were dealt to a machine. Public: a function of t.
struct Dealing {
  std::uint64_t words = 0;  ///< N
  std::uint64_t share = 0;  ///< most words of a machine
  struct Destination {
    std::uint64_t machine = 0, place = 0;
  };
  std::function<Destination(std::uint64_t token)> destination = [](std::uint64_t) { return Destination{}; };
  std::function<std::uint64_t(std::uint64_t machine)> share_of = [](std::uint64_t) { return std::uint64_t{0}; };  ///< words of this machine
};

/// The first layer of Theorem 3.1 (Lemma B.4): every input word moves from its token to the machine that it is dealt to. One head.
/// Queries and keys are address bits; a word stands in the slot of its place, so the words of a machine do not meet, and their number is
/// known beforehand. Width (share + 1) l, key width L + 1.
RoutingShape input_shape(const RoutingTask& task, const Dealing& dealing);

/// A token's key and value: one row each. Without a word: empty.
template <class Real>
void send_input(const RoutingShape& shape, const Dealing& dealing, std::uint64_t token, const mpc::Word* word, BlockRows<Real>& keys,
                BlockRows<Real>& values);
template <class Real>
void query_input(const RoutingShape& shape, std::uint64_t machine, BlockRows<Real>& queries);
template <class Real>
void idle_query_input(const RoutingShape& shape, BlockRows<Real>& queries);
template <class Real>
void start_input(const RoutingShape& shape, BlockRows<Real>& keys, BlockRows<Real>& values);
/// The words of a machine, by place. Throws Garbled if not exactly its share arrived.
template <class Real>
std::vector<mpc::Word> receive_input(const RoutingShape& shape, const Dealing& dealing, std::uint64_t machine, const BlockRow<Real>& row);

}  // namespace bridge
