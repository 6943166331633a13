#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mpc/cluster.h"

namespace roundtrip {

/// A cluster on messages that remembers what every machine of this rank keeps when a round begins and when the protocol is over: the
/// moments at which a transformer in weights has written its memory down.
class RecordingCluster : public mpc::Cluster {
 public:
  using mpc::Cluster::Cluster;

  template <class Out, class In, class Step>
  mpc::Inboxes<Out> round(const mpc::Inboxes<In>& inboxes, Step&& step) {
    record();
    return mpc::Cluster::round<Out>(inboxes, std::forward<Step>(step));
  }
  template <class Read>
  void inspect(Read&& read) {
    record();
    mpc::Cluster::inspect(std::forward<Read>(read));
  }

  /// [R + 1][machines of this rank][words], variables in the order of their creation.
  const std::vector<std::vector<std::vector<mpc::Word>>>& recorded() const { return recorded_; }

 private:
  void record() {
    auto& now = recorded_.emplace_back(machines_here().count);
    for (std::size_t local = 0; local < now.size(); ++local) {
      for (const auto* variable : kept_memory().variables()) variable->pack(local, now[local]);
    }
  }

  std::vector<std::vector<std::vector<mpc::Word>>> recorded_;
};

}  // namespace roundtrip
