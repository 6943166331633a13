#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mpc/ledger.h"
#include "mpc/model.h"
#include "mpc/transport.h"

#include "protocols/graph/edge.h"
#include "protocols/protocol.h"

#include "transformer_bridge/trace/compile_trace.h"

namespace roundtrip {

/// A straight-line protocol (protocols/straight_line) run on messages.
struct MessageRun {
  std::vector<std::vector<std::vector<mpc::Word>>>
      memory;                                   ///< [R + 1][machines of this rank][words]: when each round begins, and at the end
  std::vector<std::vector<mpc::Word>> answers;  ///< [q][words], on every rank
  mpc::Ledger ledger;
};

/// A straight-line protocol at some size, and an input for it.
struct TracedProblem {
  std::string protocol, variant;
  mpc::Model model;  ///< with the protocol's least s
  protocols::Bounds bounds;
  std::function<mpc::Word(std::uint64_t item, std::uint64_t word)> input;
  /// Compiles it: trace, and weights for this number type. The same for every input of this size.
  std::function<bridge::CompiledProtocol(bridge::NumberType)> compile;
  /// With so many words a machine; throws as a cluster does where they are too few. Collective.
  std::function<MessageRun(mpc::Transport&, mpc::Words)> run;
  /// [q]: what a serial oracle finds; empty where nothing is asked of a machine.
  std::vector<std::vector<mpc::Word>> expected;

  std::string name() const { return protocol + " (" + variant + ")"; }
};

/// Edges as written: from `first` to `second` vertex ids 0..n-1. Throws mpc::InputError unless every vertex is once the first and once the
/// second of an edge; ids are below `vertices`, and called names[id] in errors, if there are names.
TracedProblem traced_cycles(const std::vector<protocols::Edge>& edges, std::uint64_t vertices, const std::string& source,
                            const std::vector<std::uint64_t>& names = {});
/// k random maps of n points, drawn by the public hash.
TracedProblem traced_compose(std::uint64_t points, std::uint64_t maps, std::uint64_t seed);
/// One random word of `word_bits` bits a machine, drawn by the public hash. variant: smallest or largest for reduce; nothing for others.
TracedProblem traced_broadcast(std::uint64_t machines, unsigned word_bits, std::uint64_t seed);
TracedProblem traced_reduce(const std::string& variant, std::uint64_t machines, unsigned word_bits, std::uint64_t seed);
TracedProblem traced_sort(std::uint64_t machines, unsigned word_bits, std::uint64_t seed);

/// The first word in which the rows after a layer [machines of this rank or more, m] are not what the machines keep: layer, machine (from 0
/// on this rank), variable, both values; nothing if all that is still held is the same.
std::optional<std::string> memory_difference(const bridge::CompiledProtocol& compiled, const MessageRun& run, std::size_t layer,
                                             const bridge::Matrix<double>& rows);

}  // namespace roundtrip
