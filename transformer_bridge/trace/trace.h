#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "transformer_bridge/circuit/circuit.h"
#include "transformer_bridge/circuit/gadgets.h"

/// A protocol as straight-line code: what every machine computes in every round, over bits. All machines run the same code; their own ids
/// are bits like any others.
namespace bridge {

/// A bit that the row may have to hold from one layer to the next, and what it is made of: columns of the boundary before, and what the
/// attention between brought.
struct StoredBit {
  Atom atom = 0;
  Expression value;
  std::string variable;
  unsigned bit = 0;
};

/// A send statement of a step: a head.
struct TracedSend {
  Bit present{};  ///< whether this machine sends here
  BitWord destination{};
  std::vector<BitWord> words{};  ///< of the message
  /// What the receiver finds, in columns that this head alone writes. A bit that is the same constant for every sender needs none.
  struct Column {
    Atom atom = 0;
    Expression sent{};  ///< what the sender puts into it
    std::string name{};
    unsigned bit = 0;
  };
  std::vector<Column> columns{};
  Bit received{};  ///< whether anything came, past its threshold
};

/// Between two layers: first the memory is written down (`stored`), then the step of the next round runs.
struct TracedRound {
  std::string label;
  std::vector<StoredBit> stored;  ///< memory when the step begins, as far as it has changed since the round before
  std::vector<TracedSend> sends;
};

/// A word of a variable at some moment.
struct TracedMemory {
  std::string variable;
  BitWord bits;
};

/// How the input lies in the tokens: item t (its words) is token t's, and the first layer brings item `per_machine * i + j` to slot j of
/// machine i.
struct TracedInput {
  std::uint64_t machines = 0;  ///< q
  std::uint64_t items = 0;     ///< per_machine * q
  std::uint64_t per_machine = 0;
  std::uint64_t words = 0;  ///< of an item
  unsigned word_bits = 0;
  unsigned id_bits = 0;  ///< of a machine's id

  std::uint64_t tokens() const { return items > machines ? items : machines; }
};

struct Trace {
  TracedInput input;
  Circuit circuit;
  std::vector<Atom> own_id;             ///< columns that hold the row's machine id, from beginning to end
  Atom machine = 0;                     ///< column: 1 where the row is a machine's; used where there are more tokens than machines
  std::vector<Atom> slot;               ///< [per_machine] columns: which slot the row's item goes to
  std::vector<Atom> item_destination;   ///< [id_bits] columns: which machine
  std::vector<std::vector<Atom>> item;  ///< [words][word_bits] columns
  /// [per_machine][words][word_bits] columns that the first layer writes.
  std::vector<std::vector<std::vector<Atom>>> dealt;

  std::vector<TracedRound> rounds;  ///< R
  /// [R + 1]: all memory when the step of round r begins (stored bits, constants); the last: when the protocol is over.
  std::vector<std::vector<TracedMemory>> memory;
  std::vector<StoredBit> last;       ///< stored after the last round
  std::vector<TracedMemory> answer;  ///< words that the caller reads at the end, of `last` and what was stored before

  /// All of it as text, the same for the same protocol and sizes.
  std::string text() const;
};

}  // namespace bridge
