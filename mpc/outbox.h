#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "mpc/codec.h"
#include "mpc/send_buffer.h"
#include "mpc/violation.h"
#include "mpc/word.h"

namespace mpc {

/// What an outbox has to know, whatever its messages are.
class OutboxBase {
 public:
  OutboxBase(const OutboxBase&) = delete;
  OutboxBase& operator=(const OutboxBase&) = delete;

 protected:
  template <class>
  friend class BasicCluster;

  OutboxBase(SendBuffer& buffer, std::uint64_t machines, std::uint64_t block, std::uint64_t memory, Word wide_bits)
      : buffer_(buffer),
        slices_(buffer.slices().data()),
        header_words_(buffer.format().header_words),
        machines_(machines),
        reciprocal_(((std::uint64_t{1} << 63) - 1) / block + 1),
        memory_(memory),
        wide_bits_(wide_bits) {}

  /// destination / block by a multiplication: exact while both are below 2^31.
  std::size_t rank_of(Word destination) const {
    return static_cast<std::size_t>((static_cast<DoubleWord>(destination << 1) * reciprocal_) >> 64);
  }

  void start(std::uint64_t machine) {
    source_ = machine << 32;
    sent_words_ = 0;
    sent_messages_ = 0;
  }

  /// Remembers the first refusal of this machine; the step goes on, so that what it wanted in all is known.
  void refuse(Resource resource, std::uint64_t wanted) {
    if (refused_) return;
    refused_ = true;
    refusal_ = resource;
    refused_value_ = wanted;
  }

  /// A message enters the content hash with its route and its place among its machine's messages.
  void hash_message(Word header, const Word* words, std::size_t count) {
    const auto key = (header + sent_messages_ * 0x9fb21c651e98df25U) * 0xd6e8feb86659fd93U;
    auto a = key;
    for (std::size_t i = 0; i + 1 < count; i += 2)
      a += folded(words[i] ^ key, words[i + 1] ^ std::rotl(key, 29) ^ (i * 0xff51afd7ed558ccdU));
    if (count % 2 == 1) a += folded(words[count - 1] ^ key, std::rotl(key, 41) ^ 0xa0761d6478bd642fU);
    content_ += a ^ (a >> 32);
  }
  static Word folded(Word a, Word b) {
    const auto product = static_cast<DoubleWord>(a) * b;
    return static_cast<Word>(product) ^ static_cast<Word>(product >> 64);
  }

  SendBuffer& buffer_;
  Slice* slices_;
  std::size_t header_words_;
  std::uint64_t machines_, reciprocal_, memory_;
  Word wide_bits_;
  Word source_ = 0;
  std::uint64_t sent_words_ = 0;
  std::uint64_t sent_messages_ = 0;
  std::uint64_t max_sent_ = 0, max_sent_machine_ = 0;
  std::uint64_t max_kept_plus_sent_ = 0;  // of the machines whose memory was measured
  std::uint64_t content_ = 0;
  bool refused_ = false;
  Resource refusal_ = Resource::sent;
  std::uint64_t refused_value_ = 0;
};

/// Where a step puts the messages of its machine.
template <class T>
class Outbox : public OutboxBase {
 public:
  /// Sends a message to this machine: words_of(message) words, at least 1. A machine that does not exist, a value of more than
  /// word_bits bits, or more than s words kept and sent in all end the run as a Violation when the step returns.
  void send(Word destination, const T& message) {
    if (destination >= machines_) [[unlikely]]
      return refuse(Resource::destination, destination);
    if (const auto bits = bits_of(message); (bits & wide_bits_) != 0) [[unlikely]] {
      return refuse(Resource::word_size, static_cast<std::uint64_t>(std::bit_width(bits)));
    }
    const auto rank = rank_of(destination);
    const auto header = route(0, destination) | source_;
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (const auto layout = layout_of<T>(); layout.plain) return send_plain(rank, header, message, layout.words);
    }
    send_general(rank, header, message);
  }
  void send(MachineId destination, const T& message) { send(Word{destination.value}, message); }
  /// The same if the condition holds, else nothing: for steps that are to be compiled into weights, which have no `if`.
  void send_if(bool condition, Word destination, const T& message) {
    if (condition) send(destination, message);
  }

 private:
  template <class>
  friend class BasicCluster;
  using OutboxBase::OutboxBase;

  void send_plain(std::size_t rank, Word header, const T& message, std::size_t words) {
    auto* slice = &slices_[rank];
    sent_words_ += words;
    if (slice->messages == slice->message_capacity) [[unlikely]] {
      if (sent_words_ > memory_) return;  // refused when the step returns; counted, not stored
      buffer_.grow(rank, words);
    }
    // The words are stored last, and hashed from a copy: a stored word might be a member of this or of the slice, for all that the
    // compiler knows, and it would load all of them again.
    Word copy[(sizeof(T) + sizeof(Word) - 1) / sizeof(Word)];
    std::memcpy(copy, &message, sizeof(T));
    hash_message(header, copy, words);
    ++sent_messages_;
    const auto place = slice->messages++;
    auto* to = slice->words + place * words;
    auto* headers = slice->headers;
    if (const auto header_words = header_words_; header_words == 1) [[likely]] {
      headers[place] = header;
    } else if (header_words == 2) {
      headers[2 * place] = header;
      headers[2 * place + 1] = shape(words, place);
    }
    std::memcpy(to, copy, sizeof(T));
  }

  void send_general(std::size_t rank, Word header, const T& message) {
    const auto count = words_of(message);
    const auto words = count == 0 ? 1 : count;  // that there is a message says something too
    auto* slice = &slices_[rank];
    sent_words_ += words;
    if (sent_words_ > memory_) [[unlikely]]
      return;
    while (slice->messages == slice->message_capacity || slice->used_words + words > slice->word_capacity) buffer_.grow(rank, words);
    auto* to = slice->words + slice->used_words;
    if (count == 0) *to = 0;
    WordPacker(to) & message;
    slice->headers[2 * slice->messages] = header;
    slice->headers[2 * slice->messages + 1] = shape(words, slice->messages);
    slice->used_words += words;
    ++slice->messages;
    hash_message(header, to, words);
    ++sent_messages_;
  }
};

}  // namespace mpc
