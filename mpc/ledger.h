#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mpc/ranks.h"

namespace mpc {

/// Seconds of a rank.
struct Seconds {
  double compute = 0;   ///< steps, appending messages to the send buffers included
  double pack = 0;      ///< closing the send buffers
  double exchange = 0;  ///< moving headers and words between ranks
  double unpack = 0;    ///< counting and ordering what arrived
  double idle = 0;      ///< waiting for the slowest rank, the latency of agreeing included

  double all() const { return compute + pack + exchange + unpack + idle; }
  Seconds& operator+=(const Seconds& other);
};

/// What a round cost. Counts are over all machines; equal for every number of ranks.
struct RoundEntry {
  std::string label;  ///< scopes, joined by '/'
  std::string site;   ///< file:line of the call
  std::uint64_t messages = 0;
  std::uint64_t words = 0;             ///< sent = received, over all machines
  std::uint64_t max_sent = 0;          ///< words, over machines
  std::uint64_t max_sent_machine = 0;  ///< the lowest that sent so many
  std::uint64_t max_received = 0;
  std::uint64_t max_received_machine = 0;
  std::uint64_t max_kept = 0;
  std::uint64_t max_kept_plus_sent = 0;
  std::uint64_t max_kept_plus_received = 0;
  std::uint64_t content = 0;  ///< a hash of every message, its route and its place in its sender's order
  Seconds seconds;            ///< mean over the ranks
};

/// The rounds of a run.
class Ledger {
 public:
  std::vector<RoundEntry> rounds;
  Seconds after;                     ///< what followed the last round
  std::uint64_t final_max_kept = 0;  ///< words that a machine holds at the end

  std::uint64_t messages() const;
  std::uint64_t words() const;
  std::uint64_t max_sent() const;
  std::uint64_t max_received() const;
  std::uint64_t max_kept() const;
  std::uint64_t max_kept_plus_sent() const;
  std::uint64_t max_kept_plus_received() const;
  Seconds seconds() const;

  /// Labels, counts and contents of all rounds in one number; times and call sites are left out. Equal digests: the same run.
  std::uint64_t digest() const;

  /// One row a round, with a header row.
  std::string csv() const;
};

/// Combines what every rank recorded; the result is the same on all ranks. Collective.
Ledger combined(const Ledger& mine, Ranks& ranks);

}  // namespace mpc
