#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "mpc/machine.h"

#include "protocols/even_share.h"
#include "protocols/sequence/sequence.h"

namespace protocols {

/// What is known of a sequence before a run.
struct SequenceShape {
  std::uint64_t positions = 0;
  std::uint64_t symbols = 0;
  std::shared_ptr<const std::vector<std::uint64_t>> occurrences{};  ///< of every symbol
  std::uint64_t most_frequent = 0;                                  ///< occurrences of one symbol, at most

  explicit SequenceShape(const Sequence& sequence)
      : positions(sequence.positions), symbols(sequence.symbols), occurrences(sequence.occurrences) {
    for (const auto count : *occurrences) most_frequent = std::max(most_frequent, count);
  }

  std::uint64_t input_words() const { return positions; }                     ///< N
  std::uint64_t ids() const { return std::max(positions + 1, symbols + 1); }  ///< n of the model: a number more than there are is an id too
};

/// The whole sequence on one rank, for oracles.
struct WholeSequence {
  std::uint64_t alphabet = 0;          ///< symbols are below this
  std::vector<std::uint64_t> symbols;  ///< X_1, X_2, ...
};

/// A sequence X_1..X_N as it is dealt to the machines of a run, evenly and in order.
class SequenceInput {
 public:
  using Shape = SequenceShape;
  using Whole = WholeSequence;
  using Loaded = Sequence;

  /// `share`: the symbols of this rank's machines, in order.
  SequenceInput(SequenceShape shape, std::uint64_t machines, mpc::MachineBlock here, std::vector<std::uint64_t> share)
      : shape_(std::move(shape)), machines_(machines), share_(shape_.positions, machines, here, std::move(share)) {}

  std::uint64_t positions() const { return shape_.positions; }
  /// Symbols are below this.
  std::uint64_t symbols() const { return shape_.symbols; }

  /// The symbols dealt to a machine of this rank.
  std::span<const std::uint64_t> symbols_of(mpc::MachineId machine) const { return share_.of(machine); }
  /// The first position of a machine, if it has one. Positions count from 1.
  std::uint64_t first_position(mpc::MachineId machine) const { return 1 + share_.first(machine); }
  /// The machine that has a position.
  mpc::MachineId machine_of(std::uint64_t position) const { return mpc::MachineId{holder(position - 1, shape_.positions, machines_)}; }

 private:
  SequenceShape shape_;
  std::uint64_t machines_;
  EvenShare<std::uint64_t> share_;
};

}  // namespace protocols
