#pragma once

#include <cstddef>
#include <iterator>
#include <new>
#include <type_traits>

#include "mpc/codec.h"
#include "mpc/send_buffer.h"
#include "mpc/word.h"

namespace mpc {

/// Consecutive letters in memory: a header word (a route) and a message each, `*_stride` words apart.
struct Segment {
  const Word* header = nullptr;
  const Word* message = nullptr;  ///< the message's words, or, if the mail is indirect, a pointer to them
  std::size_t count = 0;
};

/// How to walk the segments of a machine's inbox.
struct MailForm {
  std::size_t header_stride = 0, message_stride = 0;
  bool indirect = false;
};

/// A message and the machine that sent it.
template <class T>
struct Letter {
  MachineId source;
  T message;
};

/// The messages that a machine received in a round, ordered by (source machine, order of sending).
/// Valid inside the step that it is handed to: for (const auto& [source, message] : inbox).
template <class T>
class Inbox {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Letter<T>;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Iterator(const Inbox& inbox) : form_(inbox.form_), segment_(inbox.segments_), end_(inbox.segments_ + inbox.segment_count_) {
      left_ = 0;
      next_segment();
    }

    auto operator*() const {
      const auto* words = form_.indirect ? reinterpret_cast<const Word*>(*message_) : message_;
      const MachineId source{source_of(*header_)};
      if constexpr (std::is_trivially_copyable_v<T>) {
        if (layout_of<T>().plain) return Letter<const T&>{source, *std::launder(reinterpret_cast<const T*>(words))};
        decoded_ = unpacked<T>(words);
        return Letter<const T&>{source, decoded_};
      } else {
        return Letter<T>{source, unpacked<T>(words)};
      }
    }
    Iterator& operator++() {
      header_ += form_.header_stride;
      message_ += form_.message_stride;
      if (--left_ == 0) next_segment();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.left_ == 0; }

   private:
    struct Nothing {};

    void next_segment() {
      while (left_ == 0 && segment_ != end_) {
        header_ = segment_->header;
        message_ = segment_->message;
        left_ = segment_->count;
        ++segment_;
      }
    }

    MailForm form_;
    const Word* header_ = nullptr;
    const Word* message_ = nullptr;
    std::size_t left_ = 0;
    const Segment* segment_ = nullptr;
    const Segment* end_ = nullptr;
    [[no_unique_address]] mutable std::conditional_t<std::is_trivially_copyable_v<T>, T, Nothing> decoded_{};
  };

  Inbox() = default;
  Inbox(MailForm form, const Segment* segments, std::size_t segment_count, std::size_t size)
      : form_(form), segments_(segments), segment_count_(segment_count), size_(size) {}

  Iterator begin() const { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }
  /// Messages in the inbox.
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  MailForm form_;
  const Segment* segments_ = nullptr;
  std::size_t segment_count_ = 0;
  std::size_t size_ = 0;
};

}  // namespace mpc
