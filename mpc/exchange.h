#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "mpc/buffer.h"
#include "mpc/inbox.h"
#include "mpc/machine.h"
#include "mpc/send_buffer.h"
#include "mpc/transport.h"

namespace mpc {

/// A number of letters on one rank, or a letter's place among them.
using Position = std::uint32_t;

/// Moves the messages of one round from the machines of all ranks to the machines of this one, in three steps, so that a refusal
/// comes before any word moves: announce (counts and failures), headers (what every machine will receive), deliver.
/// After deliver, `mail` holds this rank's letters ordered by (machine, source machine, order of sending).
class Exchange {
 public:
  Exchange(Transport& transport, std::uint64_t machines);

  /// Machines per rank; the last ranks may host fewer or none.
  std::uint64_t block() const { return block_; }
  /// Machines whose letters share a slice of `outgoing`.
  std::uint64_t slice_machines() const { return block_; }
  MachineBlock mine() const { return mine_; }
  SendBuffer& outgoing() { return outgoing_; }

  /// Starts a round of messages of `message_words` words each, or of any length if that is 0, in which the machines read their letters
  /// for the last time, or do not. The round's label is for messages of error.
  void open(std::size_t message_words, bool read, std::string_view label);

  /// What all ranks know after announcing.
  struct Announced {
    std::uint64_t failed = UINT64_MAX;  ///< the smallest that a rank brought; UINT64_MAX if nothing failed
    bool moves = false;                 ///< there is something to deliver
  };
  Announced announce(std::uint64_t failed);

  /// Exchanges the headers and counts what each of this rank's machines will receive; throws Fault if that is more than 2^32 - 1 letters in
  /// all, unless every rank has one machine.
  void headers();

  /// What a machine of this rank receives, in words; `local` counts from the first of them.
  struct Receipt {
    std::uint64_t local = 0, words = 0;
  };
  /// The largest; the first machine's among equals.
  Receipt most_received() const;
  /// Calls visit(local, words) for every machine of this rank that receives messages, in any order, perhaps more than once.
  template <class Visit>
  void receivers(Visit&& visit) const;

  /// Exchanges the words and orders the letters.
  void deliver();
  /// The round had no message anywhere.
  void deliver_nothing();
  /// Delivers letters that were delivered before and stored: each is its route, its number of words and its words, and they are ordered as
  /// after deliver().
  void put_back(std::span<const Word> letters);

  /// Walks the ordered mail machine by machine, in ascending order.
  class Cursor {
   public:
    explicit Cursor(const Exchange& exchange)
        : exchange_(exchange),
          record_(exchange.records_.data()),
          end_(record_ + exchange.letters_ * exchange.record_words_),
          given_back_(exchange.gives_back_ ? record_ : end_) {}
    /// The inbox of this machine; machines must be asked for in ascending order.
    template <class T>
    Inbox<T> inbox(std::uint64_t local) {
      if (exchange_.letters_ == 0) return {};
      if (!exchange_.blocks_.empty()) return {exchange_.form_, exchange_.blocks_.data(), exchange_.blocks_.size(), exchange_.letters_};
      const auto machine = exchange_.mine_.first + local;
      const auto step = exchange_.record_words_;
      while (record_ != end_ && destination_of(*record_) < machine) record_ += step;
      for (; record_ - given_back_ >= piece; given_back_ += piece) discard(given_back_, piece);
      segment_ = {record_, record_ + 1, 0};
      while (record_ != end_ && destination_of(*record_) == machine) {
        record_ += step;
        ++segment_.count;
      }
      return {exchange_.form_, &segment_, 1, segment_.count};
    }

   private:
    static constexpr std::ptrdiff_t piece = std::ptrdiff_t{1} << 19;  // words: some huge pages

    const Exchange& exchange_;
    const Word* record_;
    const Word* end_;
    const Word* given_back_;  // up to here; end_ if nothing is
    Segment segment_;
  };

  /// Seconds spent in this round, by kind.
  struct Seconds {
    double pack = 0, exchange = 0, unpack = 0, idle = 0;
  };
  const Seconds& seconds() const { return seconds_; }

 private:
  struct FromRank {
    std::size_t messages = 0, words = 0;
    const Word* headers = nullptr;  // the other ranks' in incoming_headers_, this rank's in its own slice
    const Word* words_at = nullptr;
  };
  /// Fewer letters than machines, by so much that nothing may cost time on every machine.
  bool sparse() const { return letters_ < mine_.count / 4; }
  /// So many letters that memory counts for more than the time to get it again.
  bool large() const;
  void discard_letters();
  void point_to_messages();
  void order_letters();
  void first_pass(Position* position, unsigned shift, std::uint64_t mask);
  void second_pass(std::size_t begin, std::size_t count, Position* position, unsigned shift, std::uint64_t mask);
  void forget(std::uint64_t local, std::uint64_t machines);

  Transport& transport_;
  std::size_t ranks_, rank_;
  std::uint64_t machines_, block_;
  MachineBlock mine_;
  SendBuffer outgoing_;
  std::size_t message_words_ = 0;
  bool direct_ = false;      // records hold the messages themselves
  bool gives_back_ = false;  // the memory of letters, from open() to announce(): as they are read, and then of all

  std::vector<Word> announce_send_, announce_receive_;
  std::vector<FromRank> from_;
  std::size_t all_messages_ = 0, all_words_ = 0;

  Buffer incoming_headers_, incoming_words_, records_, other_records_;
  std::vector<Position> received_;             // letters per machine of this rank; all 0 between rounds
  std::vector<std::uint64_t> received_words_;  // the same in words, for messages that say their length
  unsigned low_bits_ = 0;                      // 2^low_bits_ machines are a group
  std::vector<Position> group_;                // letters per group, then where the next one goes

  MailForm form_;
  std::size_t record_words_ = 1;
  std::size_t letters_ = 0;
  std::vector<Segment> blocks_;  // one per source rank, if every rank has one machine
  std::vector<Word> block_routes_;
  Seconds seconds_;
};

template <class Visit>
void Exchange::receivers(Visit&& visit) const {
  const auto step = outgoing_.format().header_words;
  if (step == 0) {
    if (letters_ != 0) visit(std::uint64_t{0}, letters_ * message_words_);
    return;
  }
  const auto report = [&](std::uint64_t local) {
    if (received_[local] != 0) visit(local, message_words_ != 0 ? received_[local] * message_words_ : received_words_[local]);
  };
  if (!sparse()) {
    for (std::uint64_t local = 0; local < mine_.count; ++local) report(local);
    return;
  }
  for (const auto& from : from_) {
    for (std::size_t i = 0; i < from.messages; ++i) report(destination_of(from.headers[i * step]) - mine_.first);
  }
}

}  // namespace mpc
