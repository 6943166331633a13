#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "mpc/transport.h"

namespace tests {

/// Carries messages by the collectives of any ranks: with ThreadedRanks, a run on several ranks in one process.
class RanksTransport final : public mpc::Transport {
 public:
  explicit RanksTransport(mpc::Ranks& ranks) : ranks_(ranks) {}

  mpc::Ranks& ranks() override { return ranks_; }
  const char* name() const override { return "ranks"; }

  void announce(std::span<const mpc::Word> send, std::span<mpc::Word> receive, std::size_t each) override {
    std::vector<std::size_t> counts(static_cast<std::size_t>(ranks_.size()), each), received;
    std::ranges::copy(ranks_.exchange(send, counts, received), receive.begin());
  }

  void exchange(std::span<const mpc::Outgoing> send, std::span<const mpc::Incoming> receive, std::size_t) override {
    std::vector<mpc::Word> words;
    std::vector<std::size_t> counts, received;
    for (const auto& block : send) {
      words.insert(words.end(), block.words, block.words + block.count);
      counts.push_back(block.count);
    }
    const auto came = ranks_.exchange(words, counts, received);
    auto from = came.begin();
    for (const auto& block : receive) {
      std::copy_n(from, block.count, block.words);
      from += static_cast<std::ptrdiff_t>(block.count);
    }
  }

  void minimum(std::span<mpc::Word> values) override { ranks_.reduce(values, mpc::Reduction::minimum); }

 private:
  mpc::Ranks& ranks_;
};

}  // namespace tests
