#pragma once

#include <algorithm>
#include <cstdint>

#include "mpc/primitives/riding_all_reduce.h"

namespace protocols {

/// Tells all machines when an iteration changed nothing, by sums that ride in the rounds of later iterations.
template <class Cluster>
class Fixpoint {
 public:
  struct Sum {
    mpc::Word operator()(mpc::Word a, mpc::Word b) const { return a + b; }
  };
  using Rider = mpc::RidingAllReduce<Cluster, Sum>;

  /// A sum takes `rounds` rounds, or T if that is more: the more, the fewer words.
  Fixpoint(Cluster& cluster, std::uint64_t rounds)
      : cluster_(cluster), rounds_(std::max(rounds, cluster.model().tree_rounds())), rider_(cluster, Sum{}) {}

  Rider& rider() { return rider_; }
  /// Words that it adds, at most, to what a machine sends and receives in a round; it keeps 2.
  static std::uint64_t words(const mpc::Model& model, std::uint64_t rounds) {
    return Rider::words(model, std::max(rounds, model.tree_rounds()));
  }

  /// After an iteration: changes(me) is what changed on the machine. Not all iterations are looked at, if a sum takes longer.
  template <class Changes>
  void ended(Changes&& changes) {
    if (!rider_.running()) rider_.start(changes, rounds_);
  }
  /// Whether an iteration is now known to have changed nothing.
  bool reached() {
    return rider_.finished() && cluster_.agree([&](const auto& me) { return rider_.result(me); }) == 0;
  }

 private:
  Cluster& cluster_;
  std::uint64_t rounds_;
  Rider rider_;
};

}  // namespace protocols
