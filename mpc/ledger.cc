#include "mpc/ledger.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "mpc/hash.h"

namespace mpc {
namespace {

template <class Field>
std::uint64_t largest(const std::vector<RoundEntry>& rounds, Field field) {
  std::uint64_t result = 0;
  for (const auto& round : rounds) result = std::max(result, round.*field);
  return result;
}

/// Reduces one field of every round over the ranks.
void reduce(std::vector<RoundEntry>& rounds, std::uint64_t RoundEntry::*field, Reduction how, Ranks& ranks) {
  std::vector<std::uint64_t> values;
  values.reserve(rounds.size());
  for (const auto& round : rounds) values.push_back(round.*field);
  ranks.reduce(values, how);
  for (std::size_t i = 0; i < rounds.size(); ++i) rounds[i].*field = values[i];
}

/// The largest value of a field, and the lowest machine that has it.
void reduce_with_machine(std::vector<RoundEntry>& rounds, std::uint64_t RoundEntry::*field, std::uint64_t RoundEntry::*machine,
                         Ranks& ranks) {
  std::vector<std::uint64_t> mine;
  mine.reserve(rounds.size());
  for (const auto& round : rounds) mine.push_back(round.*field);
  reduce(rounds, field, Reduction::maximum, ranks);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    if (rounds[i].*field != mine[i] || mine[i] == 0) rounds[i].*machine = UINT64_MAX;
  }
  reduce(rounds, machine, Reduction::minimum, ranks);
  for (auto& round : rounds) {
    if (round.*field == 0) round.*machine = 0;
  }
}

}  // namespace

Seconds& Seconds::operator+=(const Seconds& other) {
  compute += other.compute;
  pack += other.pack;
  exchange += other.exchange;
  unpack += other.unpack;
  idle += other.idle;
  return *this;
}

std::uint64_t Ledger::messages() const {
  std::uint64_t result = 0;
  for (const auto& round : rounds) result += round.messages;
  return result;
}

std::uint64_t Ledger::words() const {
  std::uint64_t result = 0;
  for (const auto& round : rounds) result += round.words;
  return result;
}

std::uint64_t Ledger::max_sent() const { return largest(rounds, &RoundEntry::max_sent); }
std::uint64_t Ledger::max_received() const { return largest(rounds, &RoundEntry::max_received); }
std::uint64_t Ledger::max_kept() const { return std::max(final_max_kept, largest(rounds, &RoundEntry::max_kept)); }
std::uint64_t Ledger::max_kept_plus_sent() const { return largest(rounds, &RoundEntry::max_kept_plus_sent); }
std::uint64_t Ledger::max_kept_plus_received() const { return largest(rounds, &RoundEntry::max_kept_plus_received); }

Seconds Ledger::seconds() const {
  Seconds result = after;
  for (const auto& round : rounds) result += round.seconds;
  return result;
}

std::uint64_t Ledger::digest() const {
  std::uint64_t state = mix(rounds.size());
  const auto add = [&](std::uint64_t value) { state = mix(std::rotl(state, 23) ^ value); };
  for (const auto& round : rounds) {
    add(round.label.size());
    for (const char letter : round.label) add(static_cast<unsigned char>(letter));
    for (const auto value :
         {round.messages, round.words, round.max_sent, round.max_sent_machine, round.max_received, round.max_received_machine,
          round.max_kept, round.max_kept_plus_sent, round.max_kept_plus_received, round.content}) {
      add(value);
    }
  }
  add(final_max_kept);
  return state;
}

std::string Ledger::csv() const {
  std::string text =
      "round,label,site,messages,words,max_sent,max_sent_machine,max_received,max_received_machine,max_kept,max_kept_plus_sent,"
      "max_kept_plus_received,content,compute_s,pack_s,exchange_s,unpack_s,idle_s\n";
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const auto& r = rounds[i];
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{},{},{},{},{:016x},{:.9f},{:.9f},{:.9f},{:.9f},{:.9f}\n", i + 1,
                   r.label, r.site, r.messages, r.words, r.max_sent, r.max_sent_machine, r.max_received, r.max_received_machine, r.max_kept,
                   r.max_kept_plus_sent, r.max_kept_plus_received, r.content, r.seconds.compute, r.seconds.pack, r.seconds.exchange,
                   r.seconds.unpack, r.seconds.idle);
  }
  return text;
}

Ledger combined(const Ledger& mine, Ranks& ranks) {
  Ledger result = mine;
  auto& rounds = result.rounds;
  reduce(rounds, &RoundEntry::messages, Reduction::sum, ranks);
  reduce(rounds, &RoundEntry::words, Reduction::sum, ranks);
  reduce(rounds, &RoundEntry::content, Reduction::sum, ranks);
  reduce_with_machine(rounds, &RoundEntry::max_sent, &RoundEntry::max_sent_machine, ranks);
  reduce_with_machine(rounds, &RoundEntry::max_received, &RoundEntry::max_received_machine, ranks);
  reduce(rounds, &RoundEntry::max_kept, Reduction::maximum, ranks);
  reduce(rounds, &RoundEntry::max_kept_plus_sent, Reduction::maximum, ranks);
  reduce(rounds, &RoundEntry::max_kept_plus_received, Reduction::maximum, ranks);
  result.final_max_kept = ranks.maximum(mine.final_max_kept);
  // Seconds travel as whole nanoseconds; the last entry is what followed the rounds.
  constexpr double ticks = 1e9;
  for (const auto field : {&Seconds::compute, &Seconds::pack, &Seconds::exchange, &Seconds::unpack, &Seconds::idle}) {
    std::vector<std::uint64_t> nanoseconds;
    nanoseconds.reserve(rounds.size() + 1);
    for (const auto& round : rounds) nanoseconds.push_back(static_cast<std::uint64_t>(std::max(0.0, round.seconds.*field) * ticks));
    nanoseconds.push_back(static_cast<std::uint64_t>(mine.after.*field * ticks));
    ranks.reduce(nanoseconds, Reduction::sum);
    const auto mean = [&](std::size_t i) { return static_cast<double>(nanoseconds[i]) / ticks / ranks.size(); };
    for (std::size_t i = 0; i < rounds.size(); ++i) rounds[i].seconds.*field = mean(i);
    result.after.*field = mean(rounds.size());
  }
  return result;
}

}  // namespace mpc
