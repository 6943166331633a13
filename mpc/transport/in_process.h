#pragma once

#include "mpc/transport.h"

namespace mpc {

/// All machines on one rank: nothing to carry.
class InProcess final : public Transport {
 public:
  Ranks& ranks() override { return ranks_; }
  const char* name() const override { return "in_process"; }
  void announce(std::span<const Word> send, std::span<Word> receive, std::size_t each) override;
  void exchange(std::span<const Outgoing>, std::span<const Incoming>, std::size_t) override {}
  void minimum(std::span<Word>) override {}

 private:
  SingleRank ranks_;
};

}  // namespace mpc
