#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "mpc/cluster.h"
#include "mpc/primitives/all_reduce.h"

namespace mpc {

/// An all-reduce that rides along in the rounds of another primitive: its letters are the first from each source, so they need no mark.
template <class Cluster, class Combine>
class RidingAllReduce {
 public:
  using W = typename Cluster::Word;

  RidingAllReduce(Cluster& cluster, Combine combine)
      : cluster_(cluster),
        plan_(cluster.model().machines, cluster.model().tree_rounds()),
        window_(cluster.template make<Window<W>>()),
        combine_(combine) {}

  /// Words that it adds, at most, to what a machine sends and receives in a round of reductions of so many rounds (0: T); it keeps 2 more.
  static std::uint64_t words(const Model& model, std::uint64_t rounds = 0) {
    return AllReducePlan(model.machines, rounds == 0 ? model.tree_rounds() : rounds).words();
  }

  bool running() const { return next_ < plan_.rounds(); }
  /// Whether a reduction has come to its end since the last call.
  bool finished() {
    if (!started_ || running()) return false;
    started_ = false;
    return true;
  }
  /// Starts a new reduction of value(me) that takes so many rounds, T or more (0: T); more rounds, fewer words.
  template <class Value>
  void start(Value&& value, std::uint64_t rounds = 0) {
    plan_ = AllReducePlan(cluster_.model().machines, rounds == 0 ? cluster_.model().tree_rounds() : rounds);
    cluster_.local([&](const auto& me) { window_[me] = plan_.start(W{value(me)}); });
    next_ = 0;
    started_ = true;
  }
  /// To be called first in the step of a round that it rides in.
  template <class Machine, class Out>
  void send(const Machine& me, Out& out) const {
    if (running()) plan_.send(next_, me.id().value, window_[me], [&](MachineId to, const W& word) { out.send(to, word); });
  }
  /// Reads its letters; what is left for others, a reader from `skip` passes by.
  template <class Inboxes>
  void receive(const Inboxes& inboxes) {
    carried_ = running();
    if (!carried_) return;
    sent_ = next_++;
    cluster_.local(inboxes, [&](const auto& me, auto inbox) {
      auto reader = plan_.reader(sent_, me.id().value, window_[me], combine_);
      for (const auto& [source, word] : inbox) reader.take(source, word);
      window_[me] = reader.window();
    });
  }
  /// Whether a letter of the inboxes last received was the reduction's: call for every letter, in order, on a copy per machine.
  class Skip {
   public:
    Skip(const RidingAllReduce& rider, std::uint64_t me) {
      if (rider.carried_) reader_.emplace(rider.plan_.reader(rider.sent_, me, Window<W>{}, rider.combine_));
    }
    bool operator()(MachineId source) { return reader_ && reader_->take(source, W{}); }

   private:
    std::optional<AllReducePlan::Reader<W, Combine>> reader_;
  };
  template <class Machine>
  Skip skip(const Machine& me) const {
    return Skip(*this, me.id().value);
  }
  /// The result, once it is no longer running; the same on every machine.
  template <class Machine>
  W result(const Machine& me) const {
    return window_[me].exact;
  }

 private:
  Cluster& cluster_;
  AllReducePlan plan_;
  decltype(std::declval<Cluster&>().template make<Window<W>>()) window_;
  Combine combine_;
  std::uint64_t next_ = UINT64_MAX, sent_ = 0;
  bool carried_ = false, started_ = false;
};

}  // namespace mpc
