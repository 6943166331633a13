#include "bench/command/memory_trace.h"

#include <algorithm>

#include <fmt/core.h>

namespace roundtrip {
namespace {

/// "word 3 is 7, and was 5", for the first word that differs.
std::string first_difference(std::span<const mpc::Word> now, std::span<const mpc::Word> before) {
  for (std::size_t i = 0; i < std::min(now.size(), before.size()); ++i) {
    if (now[i] != before[i]) return fmt::format("word {} is {}, and on messages {}", i, now[i], before[i]);
  }
  return fmt::format("there are {} words, and on messages {}", now.size(), before.size());
}

}  // namespace

void MemoryTrace::see(std::uint64_t round, std::uint64_t machine, std::span<const mpc::Word> kept, std::span<const mpc::Word> letters) {
  const auto at = seen_++;
  if (!difference_.empty()) return;
  if (at >= entries_.size() || entries_[at].round != round || entries_[at].machine != machine) {
    difference_ = fmt::format("machine {} after round {}: not there on messages", machine, round);
    return;
  }
  const auto& before = entries_[at];
  const auto differs = [&](const char* what, std::span<const mpc::Word> now, const std::vector<mpc::Word>& then) {
    if (difference_.empty() && !std::ranges::equal(now, then)) {
      difference_ = fmt::format("machine {} after round {}, {}: {}", machine, round, what, first_difference(now, then));
    }
  };
  differs("kept memory", kept, before.kept);
  differs("inbox", letters, before.letters);
}

std::optional<std::string> MemoryTrace::difference(mpc::Ranks& ranks) const {
  auto text = difference_;
  if (text.empty() && seen_ != entries_.size()) text = fmt::format("{} memories were compared of {}", seen_, entries_.size());
  const auto rank = static_cast<std::uint64_t>(ranks.rank());
  const auto first = ranks.minimum(text.empty() ? UINT64_MAX : rank);
  if (first == UINT64_MAX) return {};
  ranks.broadcast(text, static_cast<int>(first));
  return text;
}

}  // namespace roundtrip
