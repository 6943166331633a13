#pragma once

#include <random>
#include <vector>

#include "mpc/transport.h"

namespace mpc {

/// Carries messages by another transport, but in random order within each block and with the blocks in random order: a protocol or
/// an inbox that relies on arrival order shows.
class Scrambled final : public Transport {
 public:
  Scrambled(Transport& carrier, std::uint64_t seed)
      : carrier_(carrier), random_(seed + static_cast<std::uint64_t>(carrier.ranks().rank())) {}

  Ranks& ranks() override { return carrier_.ranks(); }
  const char* name() const override { return "scrambled"; }
  void announce(std::span<const Word> send, std::span<Word> receive, std::size_t each) override { carrier_.announce(send, receive, each); }
  void exchange(std::span<const Outgoing> send, std::span<const Incoming> receive, std::size_t total) override {
    carrier_.exchange(send, receive, total);
  }
  void minimum(std::span<Word> values) override { carrier_.minimum(values); }
  bool keeps_order() const override { return false; }
  void disorder(Batch batch) override;
  void arrival(std::span<std::size_t> ranks) override;

 private:
  Transport& carrier_;
  std::mt19937_64 random_;
  std::vector<std::size_t> order_;
  std::vector<Word> headers_, words_;
};

}  // namespace mpc
