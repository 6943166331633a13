#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mpc/ranks.h"
#include "mpc/word.h"

namespace mpc {

/// Words to one rank.
struct Outgoing {
  const Word* words = nullptr;
  std::size_t count = 0;
};

/// Room for the words from one rank.
struct Incoming {
  Word* words = nullptr;
  std::size_t count = 0;
};

/// A block of messages for one rank, as a transport that does not keep order may rearrange it.
struct Batch {
  Word* headers;  ///< two words each: route, shape (mpc/send_buffer.h)
  Word* words;    ///< the messages' words, in the same order
  std::size_t messages;
};

/// Carries the messages of a round between ranks. All members are collective. A rank's words for itself do not pass through here.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual Ranks& ranks() = 0;
  virtual const char* name() const = 0;

  /// Every rank tells every rank `each` words: send[r * each ...] goes to rank r, receive[r * each ...] came from it.
  virtual void announce(std::span<const Word> send, std::span<Word> receive, std::size_t each) = 0;

  /// One block to and one from every rank; both sides know the counts, and all ranks the `total` words that are exchanged.
  /// Blocks of any size are allowed.
  virtual void exchange(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t total) = 0;

  /// Replaces each value by its minimum over the ranks.
  virtual void minimum(std::span<Word> values) = 0;

  /// Whether messages arrive in the order in which they were sent. If not, headers carry send positions, `disorder` is called on
  /// each outgoing batch, blocks arrive in `arrival` order, and the inbox puts everything back.
  virtual bool keeps_order() const { return true; }
  virtual void disorder(Batch) {}
  /// The order in which to look at the blocks of the ranks.
  virtual void arrival(std::span<std::size_t>) {}
};

}  // namespace mpc
