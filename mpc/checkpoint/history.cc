#include "mpc/checkpoint/history.h"

#include <fmt/core.h>

#include "mpc/codec.h"
#include "mpc/error.h"

namespace mpc {
namespace {

std::string described(const Call& call, const std::string& label) {
  switch (call.kind) {
    case Call::Kind::local: return "local()";
    case Call::Kind::agree: return "agree()";
    case Call::Kind::total: return "total()";
    case Call::Kind::round: return "the round '" + label + "'";
    case Call::Kind::inspect: return "inspect()";
    case Call::Kind::end: return "its end";
  }
  return "an unknown call";
}

}  // namespace

template <class Archive>
void serialize(Archive& archive, Seconds& seconds, unsigned) {
  archive& seconds.compute& seconds.pack& seconds.exchange& seconds.unpack& seconds.idle;
}

template <class Archive>
void serialize(Archive& archive, RoundEntry& entry, unsigned) {
  archive& entry.label& entry.site& entry.messages& entry.words& entry.max_sent& entry.max_sent_machine& entry.max_received& entry
      .max_received_machine& entry.max_kept& entry.max_kept_plus_sent& entry.max_kept_plus_received& entry.content& entry.seconds;
}

History::History(const std::vector<Word>& words) {
  CheckedUnpacker from(words);
  from& rounds_& calls_;
  replayed_ = calls_.size();
}

std::vector<Word> History::words() const {
  std::vector<Word> words(words_of(rounds_) + words_of(calls_));
  WordPacker(words.data()) & rounds_& calls_;
  return words;
}

Word History::replay(const Call& call, const std::string& label, std::string_view where) {
  const auto& recorded = calls_[next_];
  const auto& recorded_label = replayed_rounds_ < rounds_.size() ? rounds_[replayed_rounds_].label : label;
  if (call.kind != recorded.kind || call.shape != recorded.shape) {
    auto now = described(call, label);
    const auto then = described(recorded, recorded_label);
    if (now == then) now += " with other types of messages or variables";
    throw InputError(
        fmt::format("{}: after {} rounds the run that wrote it came to {}, and this one comes to {}; only the same protocol can be "
                    "resumed, and its course may depend on nothing but its model, input and settings, agree() and total()",
                    where, replayed_rounds_, then, now));
  }
  ++next_;
  if (recorded.kind == Call::Kind::round) ++replayed_rounds_;
  return recorded.value;
}

}  // namespace mpc
