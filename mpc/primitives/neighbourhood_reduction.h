#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/divisor.h"
#include "mpc/primitives/combining_tree.h"
#include "mpc/primitives/riding_all_reduce.h"

namespace mpc {

/// What is known about a key.
struct Knowledge {
  Word note = 0;   ///< below the reduction's number of notes
  Word value = 0;  ///< an id
};

/// One value per key from everybody who knows something about the key, and back to everybody who asked: the step that connectivity
/// is made of, with vertices as keys and the machines that hold a vertex's edges as askers. No machine ever holds a neighbourhood.
///
/// Up: a machine sends one word per distinct key that it knows something about, (slot, note) and a value, to the key's combiner in its
/// block. That one merges what it gets about a key, and sends one word on, up the levels of a combining tree to the key's owner.
/// Down: the owner answers whoever asked it, in the order of the asking, so answers need not name their keys; a combiner has kept one word
/// per question, and passes the answer on. With one level everybody asks the owner, and nothing is kept.
///
/// Rounds: 2 levels.  Words: a machine sends and receives one per key that it knows something about, and its rider's; with more levels
/// each machine combines for others, about as many words again in a round, of which it keeps as many per level until the
/// answers have passed. A key costs its combiner CombiningTree::fan_in messages: q with one level.
/// Source: own; the edge layout in which an edge stays where it was dealt and only combined values travel.
template <class Cluster, class Rider>
class NeighbourhoodReduction {
 public:
  using W = typename Cluster::Word;

  /// A note 0..notes-1 travels in the bits that a slot does not need: CombiningTree::fits.
  NeighbourhoodReduction(Cluster& cluster, const CombiningTree& tree, Rider& rider, Word notes)
      : cluster_(cluster),
        tree_(tree),
        pairing_(cluster.model().pairing()),
        rider_(rider),
        notes_(notes),
        known_(tree.most_slots()),
        seen_(tree.most_slots(), 0) {
    for (std::uint64_t level = 1; level < tree_.levels(); ++level) askers_.push_back(cluster.template make<std::vector<W>>());
  }

  std::uint64_t rounds() const { return 2 * tree_.levels(); }

  /// questions(me, ask) calls ask(key, note, value) once for each key that the machine knows something about; with one level in ascending
  /// (owner, key) order. rule.merge(key, a, b) is the Knowledge that two come to: associative and commutative. rule.wants(key, known), if
  /// there is one, says whether a question wants an answer; a merged one does if one of its parts does.
  template <class Questions, class Rule>
  auto up(Questions&& questions, const Rule& rule) {
    const auto phase = cluster_.scope("up");
    auto asked = cluster_.template round<W>(cluster_.nothing(), [&](const auto& me, auto, auto& out) {
      rider_.send(me, out);
      const auto block = tree_.block(1, me.id());
      questions(me, [&](W key, W note, W value) { out.send(block.combiner(key), question(block.slot(key), {note, value})); });
    });
    rider_.receive(asked);
    for (std::uint64_t level = 1; level < tree_.levels(); ++level) {
      asked = cluster_.template round<W>(asked, [&](const auto& me, auto inbox, auto& out) { combine(me, inbox, level, rule, out); });
      rider_.receive(asked);
    }
    return asked;
  }

  /// In place of down, where the rule wants no answers. On the owners: take(me, key, knowledge) once for each key that somebody told about.
  template <class Asked, class Rule, class Take>
  void collect(const Asked& asked, const Rule& rule, Take&& take) {
    cluster_.local(asked, [&](const auto& me, auto inbox) {
      const auto block = tree_.block(tree_.levels(), me.id());
      merge_all(me, inbox, block, rule);
      for (const auto slot : touched_) {
        take(me, block.key(me.id(), slot), known_[slot]);
        seen_[slot] = 0;
      }
    });
  }

  /// On the owners: answer(me, key, knowledge) once for each key that somebody asked about, in any order; the word goes to all who want
  /// one. On the askers: use(me, answers), in the order of asking, also where nothing was asked. With more than one level `questions` is
  /// called once more and must ask for the same answers.
  template <class Asked, class Questions, class Rule, class Answer, class Use>
  void down(const Asked& asked, Questions&& questions, const Rule& rule, Answer&& answer, Use&& use) {
    const auto phase = cluster_.scope("down");
    auto answered = cluster_.template round<W>(asked, [&](const auto& me, auto inbox, auto& out) {
      const auto block = tree_.block(tree_.levels(), me.id());
      merge_all(me, inbox, block, rule);
      words_.resize(known_.size());
      for (const auto slot : touched_) {
        words_[slot] = answer(me, block.key(me.id(), slot), known_[slot]);
        seen_[slot] = 0;
      }
      auto skip = rider_.skip(me);
      rider_.send(me, out);
      for (const auto& [source, word] : inbox) {
        if (skip(source)) continue;
        const auto slot = notes_.quotient(pairing_.high(word));
        if (wants(rule, me, block, slot, word)) out.send(source, words_[slot]);
      }
    });
    rider_.receive(answered);
    for (auto level = tree_.levels() - 1; level > 0; --level) {
      answered = cluster_.template round<W>(answered, [&](const auto& me, auto inbox, auto& out) {
        read(me, inbox);
        rider_.send(me, out);
        auto& askers = askers_[level - 1][me];
        for (const auto asker : askers) out.send(MachineId{pairing_.high(asker)}, letters_[pairing_.low(asker)]);
        std::vector<W>().swap(askers);
      });
      rider_.receive(answered);
    }
    cluster_.local(answered, [&](const auto& me, auto inbox) {
      read(me, inbox);
      if (tree_.levels() > 1) put_in_order(me, inbox, questions, rule);
      use(me, std::span<const W>(letters_));
    });
  }

 private:
  /// For every question an answer, unless the rule says otherwise.
  template <class Rule>
  static bool wanted(const Rule& rule, Word key, Knowledge known) {
    if constexpr (requires { rule.wants(key, known); }) return rule.wants(key, known);
    return true;
  }
  template <class Rule, class Machine>
  bool wants(const Rule& rule, const Machine& me, const CombiningTree::Block& block, Word slot, W word) const {
    if constexpr (requires(Word key) { rule.wants(key, Knowledge{}); }) return rule.wants(block.key(me.id(), slot), knowledge(word));
    return true;
  }

  Knowledge knowledge(W word) const { return {notes_.remainder(pairing_.high(word)), pairing_.low(word)}; }
  W question(Word slot, Knowledge known) const { return pairing_.pack(slot * notes_.value() + known.note, known.value); }

  /// Merges an inbox of questions into known_, for the slots in touched_.
  template <class Machine, class Inbox, class Rule>
  void merge_all(const Machine& me, const Inbox& inbox, const CombiningTree::Block& block, const Rule& rule) {
    touched_.clear();
    auto skip = rider_.skip(me);
    for (const auto& [source, word] : inbox) {
      if (skip(source)) continue;
      const auto slot = notes_.quotient(pairing_.high(word));
      const auto known = knowledge(word);
      if (!seen_[slot]) {
        seen_[slot] = 1;
        known_[slot] = known;
        touched_.push_back(slot);
      } else {
        known_[slot] = rule.merge(block.key(me.id(), slot), known_[slot], known);
      }
    }
  }

  /// A combiner's round on the way up: remembers who asks, and asks further up.
  template <class Machine, class Inbox, class Rule, class Out>
  void combine(const Machine& me, const Inbox& inbox, std::uint64_t level, const Rule& rule, Out& out) {
    const auto block = tree_.block(level, me.id());
    const auto above = tree_.block(level + 1, me.id());
    merge_all(me, inbox, block, rule);
    onward_.clear();
    for (const auto slot : touched_) {
      const auto key = block.key(me.id(), slot);
      onward_.emplace_back(above.combiner(key), above.slot(key), slot);
    }
    std::ranges::sort(onward_);
    auto skip = rider_.skip(me);
    rider_.send(me, out);
    Word answers = 0;
    index_.resize(known_.size());
    for (const auto& [combiner, place, slot] : onward_) {
      out.send(combiner, question(place, known_[slot]));
      seen_[slot] = 0;
      if (wanted(rule, block.key(me.id(), slot), known_[slot])) index_[slot] = answers++;
    }
    auto& askers = askers_[level - 1][me];
    for (const auto& [source, word] : inbox) {
      if (skip(source)) continue;
      const auto slot = notes_.quotient(pairing_.high(word));
      if (wants(rule, me, block, slot, word)) askers.push_back(pairing_.pack(source.value, index_[slot]));
    }
  }

  /// The letters that are not the rider's.
  template <class Machine, class Inbox>
  void read(const Machine& me, const Inbox& inbox) {
    auto skip = rider_.skip(me);
    letters_.clear();
    for (const auto& [source, word] : inbox) {
      if (!skip(source)) letters_.push_back(word);
    }
  }

  /// Answers come combiner by combiner: puts them in the order of the questions.
  template <class Machine, class Inbox, class Questions, class Rule>
  void put_in_order(const Machine& me, const Inbox& inbox, Questions& questions, const Rule& rule) {
    const auto block = tree_.block(1, me.id());
    index_.assign(block.size(), 0);
    auto skip = rider_.skip(me);
    Word arrived = 0;
    for (const auto& [source, word] : inbox) {
      if (skip(source)) continue;
      auto& first = index_[source.value - block.first()];
      if (first == 0) first = 1 + arrived;
      ++arrived;
    }
    ordered_.clear();
    questions(me, [&](W key, W note, W value) {
      if (wanted(rule, key, {note, value})) ordered_.push_back(letters_[index_[block.combiner(key).value - block.first()]++ - 1]);
    });
    letters_.swap(ordered_);
  }

  Cluster& cluster_;
  const CombiningTree& tree_;
  Pairing pairing_;
  Rider& rider_;
  Divisor notes_;
  std::vector<decltype(std::declval<Cluster&>().template make<std::vector<W>>())> askers_;  // per level: (who, which of my answers)
  // Scratch, for one machine at a time.
  std::vector<Knowledge> known_;
  std::vector<char> seen_;
  std::vector<W> words_, touched_, letters_, ordered_;
  std::vector<Word> index_;
  std::vector<std::tuple<MachineId, Word, Word>> onward_;  // (combiner, slot there, slot here)
};

}  // namespace mpc
