#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mpc/ledger.h"
#include "mpc/word.h"

namespace mpc {

/// A call of a protocol to its cluster.
struct Call {
  enum class Kind : Word { local, agree, total, round, inspect, end };
  Kind kind = Kind::local;
  Word shape = 0;  ///< of a round: a hash of its label and of the types of its messages and of the variables that are kept
  Word value = 0;  ///< of agree and total: what they returned

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& kind& shape& value;
  }
};

/// The calls of a protocol and what they returned, the same on every rank: all that its course may depend on, beside its model, its input
/// and its settings. A protocol that runs again makes the same calls, gets the same values from here, and needs no machine until the
/// calls are used up: then it is where it was.
class History {
 public:
  History() = default;
  /// To be made again. Throws std::length_error for words that are no history.
  explicit History(const std::vector<Word>& words);
  std::vector<Word> words() const;

  void record(const Call& call) { calls_.push_back(call); }
  void set_rounds(std::vector<RoundEntry> rounds) { rounds_ = std::move(rounds); }

  /// Whether a call is yet to be made again.
  bool replaying() const { return next_ < replayed_; }
  /// The next call is made again, by a round of this label if it is one: returns what it returned. If it is another call: throws
  /// InputError, which names both and begins with `where`.
  Word replay(const Call& call, const std::string& label, std::string_view where);
  /// What the round cost that was just made again, over all ranks.
  const RoundEntry& replayed_round() const { return rounds_[replayed_rounds_ - 1]; }

 private:
  std::vector<RoundEntry> rounds_;
  std::vector<Call> calls_;
  std::size_t replayed_ = 0;  // calls that are made again, of all
  std::size_t next_ = 0, replayed_rounds_ = 0;
};

}  // namespace mpc
