#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/all_reduce.h"
#include "mpc/primitives/key_owners.h"

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

  /// Words that it adds, at most, to what a machine sends and receives in a round; it keeps 2 more.
  static std::uint64_t words(const Model& model) { return AllReducePlan(model.machines, model.tree_rounds()).words(); }

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

/// One value per key from everybody who knows something about the key, and back to everybody who asked: the step that connectivity
/// is made of, with vertices as keys and the machines that hold a vertex's edges as askers. No machine ever holds a neighbourhood.
///
/// Up: a machine sends one word per distinct key that it holds, (slot, note) and its own combination of what it knows, to the key's owner;
/// a key costs its owner at most q messages. Down: the owner combines, and answers every asker, in the order of the asking, so
/// answers need not name their keys.
/// Rounds: 2.  Words: a machine sends one and receives one per distinct key that it holds, and its rider's.
/// Source: own; the edge layout in which an edge stays where it was dealt and only combined values travel.
template <class Cluster, class Rider>
class NeighbourhoodReduction {
 public:
  using W = typename Cluster::Word;

  /// A note 0..notes-1 travels with each question, in the bits that a slot does not need: notes * ceil(keys / q) ids have to fit half a
  /// word.
  NeighbourhoodReduction(Cluster& cluster, KeyOwners owners, Rider& rider, std::uint64_t notes)
      : cluster_(cluster), owners_(owners), pairing_(cluster.model().pairing()), rider_(rider), notes_(notes) {}

  /// questions(me, ask) calls ask(key, value, note) for keys in ascending (owner, key) order; value is an id.
  template <class Questions>
  auto up(Questions&& questions) {
    const auto phase = cluster_.scope("up");
    auto asked = cluster_.template round<W>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      rider_.send(me, out);
      questions(me, [&](W key, W value, W note) { out.send(owners_.owner(key), pairing_.pack(owners_.slot(key) * notes_ + note, value)); });
    });
    rider_.receive(asked);
    return asked;
  }

  /// On the owner: combine(summary, key, note, value) for every question, starting from Summary{} for each key; it returns whether the
  /// question wants an answer. Then answer(me, key, summary) once a key, in any order; its word goes to all who want one. On the askers:
  /// use(me, answers), in the order of asking, also where nothing was asked.
  template <class Summary, class Asked, class Combine, class Answer, class Use>
  void down(const Asked& asked, Combine&& combine, Answer&& answer, Use&& use) {
    const auto phase = cluster_.scope("down");
    std::vector<Summary> summaries(owners_.most_slots());
    std::vector<W> words(owners_.most_slots());
    std::vector<W> touched, answers;
    std::vector<char> seen(owners_.most_slots(), 0), wanted;
    auto answered = cluster_.template round<W>(asked, [&](const auto& me, auto inbox, auto& out) {
      const auto each = [&](auto&& visit) {
        auto skip = rider_.skip(me);
        for (const auto& [source, question] : inbox) {
          if (skip(source)) continue;
          const auto head = pairing_.high(question);
          visit(source, head / notes_, head % notes_, pairing_.low(question));
        }
      };
      touched.clear();
      wanted.clear();
      each([&](MachineId, W slot, W note, W value) {
        if (!seen[slot]) {
          seen[slot] = 1;
          summaries[slot] = Summary{};
          touched.push_back(slot);
        }
        wanted.push_back(combine(summaries[slot], owners_.key(me.id(), slot), note, value));
      });
      for (const auto slot : touched) {
        words[slot] = answer(me, owners_.key(me.id(), slot), summaries[slot]);
        seen[slot] = 0;
      }
      rider_.send(me, out);
      std::size_t question = 0;
      each([&](MachineId source, W slot, W, W) {
        if (wanted[question++]) out.send(source, words[slot]);
      });
    });
    rider_.receive(answered);
    cluster_.local(answered, [&](const auto& me, auto inbox) {
      auto skip = rider_.skip(me);
      answers.clear();
      for (const auto& [source, word] : inbox) {
        if (!skip(source)) answers.push_back(word);
      }
      use(me, std::span<const W>(answers));
    });
  }

 private:
  Cluster& cluster_;
  KeyOwners owners_;
  Pairing pairing_;
  Rider& rider_;
  std::uint64_t notes_;
};

}  // namespace mpc
