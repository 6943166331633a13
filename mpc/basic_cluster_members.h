#pragma once

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "mpc/basic_cluster.h"
#include "mpc/clock.h"

/// What of a cluster does not depend on a protocol's types: included where a cluster with another Mail is instantiated, and nowhere else.

namespace mpc {
template <class Mail>
template <class... More>
BasicCluster<Mail>::BasicCluster(const Model& model, Transport& transport, More&&... more)
    : model_(model),
      exchange_transport_(transport),
      exchange_(transport, model.machines, std::forward<More>(more)...),
      wide_bits_(model.word_bits >= 64 ? 0 : ~((Word{1} << model.word_bits) - 1)),
      last_time_(seconds_now()) {
  const auto count = exchange_.mine().count;
  awake_.assign((count + 63) / 64, ~std::uint64_t{0});
  if (count % 64 != 0) awake_.back() = (std::uint64_t{1} << (count % 64)) - 1;
  awake_count_ = count;
}

template <class Mail>
std::string BasicCluster<Mail>::label() const {
  std::string text;
  for (const auto& part : labels_) text += (text.empty() ? "" : "/") + part;
  return text.empty() ? "round" : text;
}

template <class Mail>
double BasicCluster<Mail>::seconds_since_last() {
  const auto time = seconds_now();
  return time - std::exchange(last_time_, time);
}

template <class Mail>
void BasicCluster<Mail>::check_fresh(std::uint64_t inbox_round) const {
  if (inbox_round == 0 || inbox_round == rounds()) return;
  throw std::logic_error("the inboxes of round " + std::to_string(inbox_round) + " are read after round " + std::to_string(rounds()) +
                         "; keep what is needed for longer in a PerMachine");
}

template <class Mail>
Violation BasicCluster<Mail>::violation(std::size_t local, Resource resource, std::uint64_t kept, std::uint64_t wanted,
                                        std::uint64_t allowed) const {
  return {exchange_.mine().first + local, rounds() + 1, label(), site_.text(), resource, kept, wanted, allowed};
}

template <class Mail>
void BasicCluster<Mail>::fail(const Violation& violation) {
  if (failure_ && (failure_->call < calls_ || failure_->machine <= violation.machine)) return;
  failure_ = Failure{calls_, violation.machine, Exit::over_budget, violation.text(), violation};
}

template <class Mail>
void BasicCluster<Mail>::fail(std::uint64_t machine, const std::exception_ptr& error) {
  Failure failure{calls_, machine, Exit::fault, "an exception of unknown type", std::nullopt};
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    failure.exit = known.exit();
    failure.text = known.what();
  } catch (const std::exception& other) {
    failure.text = other.what();
  } catch (...) {
  }
  failure.text = "machine " + std::to_string(machine) + ", round " + std::to_string(rounds() + 1) + " (" + label() + ", " + site_.text() +
                 "): the step threw: " + failure.text;
  if (!failure_) failure_ = std::move(failure);  // nothing runs after a failure
}

template <class Mail>
void BasicCluster<Mail>::end_together(Word first) {
  const auto root = static_cast<int>((first & UINT32_MAX) / exchange_.block());
  std::string bytes;
  if (exchange_transport_.ranks().rank() == root) {
    std::vector<Word> words(words_of(*failure_));
    WordPacker(words.data()) & *failure_;
    bytes.assign(reinterpret_cast<const char*>(words.data()), words.size() * sizeof(Word));
  }
  exchange_transport_.ranks().broadcast(bytes, root);
  std::vector<Word> words(bytes.size() / sizeof(Word));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(words.data()));
  const auto failure = unpacked<Failure>(words.data());
  if (failure.violation) throw ViolationError(*failure.violation);
  throw Error(failure.exit, failure.text);
}

template <class Mail>
void BasicCluster<Mail>::wake(std::size_t local) {
  if (awake(local)) return;
  awake_[local / 64] |= std::uint64_t{1} << (local % 64);
  ++awake_count_;
  if (!ragged_.empty()) {
    const auto it = asleep_ragged_.find(ragged_[local]);
    if (--it->second == 0) asleep_ragged_.erase(it);
  }
}

template <class Mail>
void BasicCluster<Mail>::put_to_sleep(std::size_t local) {
  awake_[local / 64] &= ~(std::uint64_t{1} << (local % 64));
  --awake_count_;
  if (!ragged_.empty()) ++asleep_ragged_[ragged_[local]];
}

template <class Mail>
void BasicCluster<Mail>::check_width(std::size_t local, Word bits) {
  if ((bits & wide_bits_) == 0) return;
  fail(violation(local, Resource::word_size, 0, static_cast<std::uint64_t>(std::bit_width(bits)), model_.word_bits));
}

template <class Mail>
Measure BasicCluster<Mail>::measure_ragged(std::size_t local) const {
  Measure all;
  for (const auto* variable : kept_.variables()) {
    if (variable->fixed_words() != 0) continue;
    const auto measure = variable->measure(local);
    all.words += measure.words;
    all.bits |= measure.bits;
  }
  return all;
}

/// After ragged variables came or went: what every machine keeps, the sleeping ones too.
template <class Mail>
void BasicCluster<Mail>::recount() {
  asleep_ragged_.clear();
  if (!kept_.has_ragged()) {
    ragged_.clear();
    return;
  }
  const auto count = exchange_.mine().count;
  ragged_.resize(count);
  for (std::size_t local = 0; local < count; ++local) {
    ragged_[local] = measure_ragged(local).words;
    if (!awake(local)) ++asleep_ragged_[ragged_[local]];
  }
}

/// A machine falls asleep outside a round: it will not be measured when the next one ends.
template <class Mail>
void BasicCluster<Mail>::settle(const Machine& me) {
  Word bits = 0;
  for (const auto* variable : kept_.variables()) bits |= variable->measure(me.local_).bits;
  check_width(me.local_, bits);
  if (!ragged_.empty() && kept_.has_ragged()) ragged_[me.local_] = measure_ragged(me.local_).words;
  put_to_sleep(me.local_);
}

template <class Mail>
std::uint64_t BasicCluster<Mail>::max_kept() const {
  if (exchange_.mine().count == 0) return 0;
  return kept_.fixed_words() + std::max(max_ragged_, asleep_ragged_.empty() ? 0 : asleep_ragged_.rbegin()->first);
}

template <class Mail>
void BasicCluster<Mail>::open_round(std::size_t message_words, bool read, const char* file, int line) {
  site_ = {file, line};
  entry_ = {};
  entry_.label = label();
  entry_.site = site_.text();
  max_ragged_ = 0;
  if (kept_.take_changed()) recount();
  measure_each_ = kept_.has_ragged() || kept_.fixed_words() > model_.memory.count;
  exchange_.open(message_words, read, entry_.label);
}

/// A machine whose memory has to be measured, or that overdrew a limit, or that goes to sleep.
template <class Mail>
void BasicCluster<Mail>::examine(const Machine& me, OutboxBase& outbox) {
  const auto local = me.local_;
  const auto sent = outbox.sent_words_;
  auto kept_words = static_cast<std::uint64_t>(kept_.fixed_words());
  Word bits = 0;
  if (!ragged_.empty()) {
    const auto measure = measure_ragged(local);
    ragged_[local] = measure.words;
    max_ragged_ = std::max<std::uint64_t>(max_ragged_, measure.words);
    kept_words += measure.words;
    bits = measure.bits;
  }
  outbox.max_kept_plus_sent_ = std::max(outbox.max_kept_plus_sent_, kept_words + sent);
  if (me.asleep_) {
    for (const auto* variable : kept_.variables()) {
      if (variable->fixed_words() != 0) bits |= variable->measure(local).bits;
    }
    put_to_sleep(local);
  }
  if (outbox.refused_ || (bits & wide_bits_) != 0 || kept_words + sent > model_.memory.count) [[unlikely]] {
    if (outbox.refused_ && outbox.refusal_ == Resource::destination) {
      fail(violation(local, Resource::destination, 0, outbox.refused_value_, model_.machines - 1));
    } else if (outbox.refused_) {
      fail(violation(local, Resource::word_size, 0, outbox.refused_value_, model_.word_bits));
    } else if (kept_words > model_.memory.count) {
      fail(violation(local, Resource::kept, 0, kept_words, model_.memory.count));
    } else if (kept_words + sent > model_.memory.count) {
      fail(violation(local, Resource::sent, kept_words, kept_words + sent, model_.memory.count));
    } else {
      check_width(local, bits);
    }
  }
}

/// Values in variables of fixed size: one sweep if most machines are awake, else machine by machine.
template <class Mail>
void BasicCluster<Mail>::check_widths_of_fixed() {
  if (wide_bits_ == 0) return;
  const auto mine = exchange_.mine();
  const bool sweep = awake_count_ >= mine.count / 8;
  for (const auto* variable : kept_.variables()) {
    if (variable->fixed_words() == 0 || (sweep && (variable->bits_of_all() & wide_bits_) == 0)) continue;
    for (std::size_t local = 0; local < mine.count; ++local) {
      if (!sweep && awake_[local / 64] == 0) {
        local |= 63;
        continue;
      }
      if (!sweep && !awake(local)) continue;
      const auto bits = variable->measure(local).bits;
      if ((bits & wide_bits_) == 0) continue;
      check_width(local, bits);
      break;
    }
  }
}

/// What a sleeper keeps has changed all the same if it took its share before it fell asleep outside a round, or if a variable is new.
template <class Mail>
void BasicCluster<Mail>::check_sleepers() {
  const auto count = exchange_.mine().count;
  if (awake_count_ == count || kept_.fixed_words() + (asleep_ragged_.empty() ? 0 : asleep_ragged_.rbegin()->first) <= model_.memory.count)
    return;
  for (std::size_t local = 0; local < count; ++local) {
    if (awake(local) || kept(local) <= model_.memory.count) continue;
    return fail(violation(local, Resource::kept, 0, kept(local), model_.memory.count));
  }
}

template <class Mail>
void BasicCluster<Mail>::close_round(OutboxBase& outbox) {
  entry_.content = outbox.content_;
  check_widths_of_fixed();
  check_sleepers();
  const auto announced = exchange_.announce(first_failure());
  if (announced.failed != UINT64_MAX) end_together(announced.failed);
  for (const auto& slice : exchange_.outgoing().slices()) {
    entry_.messages += slice.messages;
    entry_.words += slice.used_words;
  }
  entry_.max_sent = outbox.max_sent_;
  entry_.max_sent_machine = outbox.max_sent_machine_;
  entry_.max_kept = entry_.max_kept_plus_received = max_kept();
  entry_.max_kept_plus_sent =
      std::max({outbox.max_kept_plus_sent_, entry_.max_kept, kept_.has_ragged() ? 0 : kept_.fixed_words() + outbox.max_sent_});
  if (!announced.moves) {
    exchange_.deliver_nothing();
  } else {
    receive();
  }
  const auto& spent = exchange_.seconds();
  entry_.seconds = {0, spent.pack, spent.exchange, spent.unpack, spent.idle};
  entry_.seconds.compute = seconds_since_last() - entry_.seconds.all();
  ledger_.rounds.push_back(std::move(entry_));
  calls_ = 0;
  if (watch_) watch_(ledger_.rounds.back());
}

template <class Mail>
void BasicCluster<Mail>::receive() {
  exchange_.headers();
  const auto mine = exchange_.mine();
  const auto most = exchange_.most_received();
  if (most.words != 0) {
    entry_.max_received = most.words;
    entry_.max_received_machine = mine.first + most.local;
  }
  if (ragged_.empty() && awake_count_ == mine.count && kept_.fixed_words() + most.words <= model_.memory.count) {
    // All machines keep the same, so the one that receives most speaks for all; and nobody has to be woken.
    if (most.words != 0) entry_.max_kept_plus_received = std::max(entry_.max_kept_plus_received, kept_.fixed_words() + most.words);
  } else {
    exchange_.receivers([&](std::uint64_t local, std::uint64_t words) {
      const auto kept_words = kept(local);
      entry_.max_kept_plus_received = std::max(entry_.max_kept_plus_received, kept_words + words);
      if (kept_words + words > model_.memory.count) [[unlikely]] {
        fail(violation(local, Resource::received, kept_words, kept_words + words, model_.memory.count));
      }
      wake(local);
    });
  }
  Word failed[1] = {first_failure()};
  exchange_transport_.minimum(failed);
  if (failed[0] != UINT64_MAX) end_together(failed[0]);
  exchange_.deliver();
}

template <class Mail>
void BasicCluster<Mail>::check_kept() {
  ++calls_;
  if (kept_.take_changed()) recount();
  const auto count = exchange_.mine().count;
  for (std::size_t local = 0; local < count && !failure_; ++local) {
    const auto measure = measure_ragged(local);
    const auto words = kept_.fixed_words() + measure.words;
    ledger_.final_max_kept = std::max<std::uint64_t>(ledger_.final_max_kept, words);
    if (words > model_.memory.count) fail(violation(local, Resource::kept, 0, words, model_.memory.count));
    check_width(local, measure.bits);
  }
  check_widths_of_fixed();
}

/// What must be the same when the round is made again: its label, and the types of what it sends and of what the machines keep.
template <class Mail>
Call BasicCluster<Mail>::round_call(const std::type_info& message, Layout layout) const {
  auto text = label() + '\n' + message.name() + (layout.plain ? ' ' + std::to_string(layout.words) : "");
  for (const auto* variable : kept_.variables())
    text += std::string("\n") + variable->type().name() + ' ' + std::to_string(variable->fixed_words());
  return {Call::Kind::round, checksum_of(text)};
}

/// The ledger's entry of a round that was made again. It is of all machines, so what adds up over the ranks is rank 0's alone.
template <class Mail>
void BasicCluster<Mail>::replay_entry() {
  auto entry = checkpoints_->replayed_round();
  if (exchange_transport_.ranks().rank() != 0) entry.messages = entry.words = entry.content = 0;
  ledger_.rounds.push_back(std::move(entry));
  calls_ = 0;
  if (watch_) watch_(ledger_.rounds.back());
}

/// Of every machine: whether it is awake, its letters, and its variables.
template <class Mail>
void BasicCluster<Mail>::write_checkpoint(const Checkpoints::Pack& pack_letters) {
  checkpoints_->write(combined(ledger_, exchange_transport_.ranks()), exchange_.mine(), [&](std::size_t local, std::vector<Word>& to) {
    to.push_back(awake(local) ? 1 : 0);
    pack_letters(local, to);
    for (const auto* variable : kept_.variables()) variable->pack(local, to);
  });
  last_time_ = seconds_now();  // no round's time
}

template <class Mail>
void BasicCluster<Mail>::restore(const std::function<void(std::span<const Word>)>& check_letter) {
  const auto mine = exchange_.mine();
  std::vector<Word> letters;  // route, number of words, words
  std::ranges::fill(awake_, 0);
  awake_count_ = 0;
  checkpoints_->unpack(mine, [&](std::size_t local, std::span<const Word> words) {
    const auto take = [&](std::size_t count) {
      if (count > words.size()) throw std::length_error("a machine has more words than there are");
      const auto taken = words.first(count);
      words = words.subspan(count);
      return taken;
    };
    if (take(1)[0] != 0) {
      awake_[local / 64] |= std::uint64_t{1} << (local % 64);
      ++awake_count_;
    }
    for (auto left = take(1)[0]; left > 0; --left) {
      const auto head = take(2);
      const auto letter = take(head[1]);
      check_letter(letter);
      letters.insert(letters.end(), {route(head[0], mine.first + local), head[1]});
      letters.insert(letters.end(), letter.begin(), letter.end());
    }
    for (auto* variable : kept_.variables()) words = variable->unpack(local, words);
    if (!words.empty()) throw std::length_error("a machine has fewer words than there are");
  });
  kept_.take_changed();
  recount();
  if constexpr (Resumable<Mail>) exchange_.put_back(letters);
  last_time_ = seconds_now();
}

template <class Mail>
Ledger BasicCluster<Mail>::finish() {
  if (checkpoints() != nullptr) checkpoints_->ended();
  check_kept();
  Word failed[1] = {first_failure()};
  exchange_transport_.minimum(failed);
  if (failed[0] != UINT64_MAX) end_together(failed[0]);
  return completed();
}

template <class Mail>
Ledger BasicCluster<Mail>::completed() {
  ledger_.after.compute += seconds_since_last();
  return combined(ledger_, exchange_transport_.ranks());
}

}  // namespace mpc
