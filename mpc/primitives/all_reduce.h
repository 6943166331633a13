#pragma once

#include <cstdint>
#include <vector>

#include "mpc/cluster.h"

namespace mpc {

/// What a machine keeps during an all-reduce: the values of the next `length` machines, and of one more.
template <class Word>
struct Window {
  Word exact{}, longer{};
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& exact& longer;
  }
};

/// Who sends what to whom in an all-reduce over q machines in T rounds, for every q and T.
///
/// After round j machine i holds the combination of machines i, i+1, ..., i+L_j-1 (mod q), where L_T = q and L_j = floor(L_{j+1} / r),
/// r = ceil(q^{1/T}). A window of L_{j+1} = r L_j + e consists of e windows of L_j + 1 and r - e of L_j, so a machine keeps both lengths;
/// the longer window of the next level differs in its last part only. No machine is special, and no value is counted twice.
class AllReducePlan {
  /// One round: how a window is put together from those of the round before.
  struct Level {
    std::uint64_t length = 0;        // of a part
    std::uint64_t longer_parts = 0;  // the first so many are one longer
    bool keep_longer = false;        // whether a later round needs the longer window
    std::uint64_t offset(std::uint64_t part) const { return part * length + (part < longer_parts ? part : longer_parts); }
    std::uint64_t part_at(std::uint64_t offset, std::uint64_t radix) const {
      if (offset < longer_parts * (length + 1)) return offset / (length + 1);
      return length == 0 ? radix - 1 : longer_parts + (offset - longer_parts * (length + 1)) / length;
    }
  };

 public:
  AllReducePlan(std::uint64_t machines, std::uint64_t rounds);

  /// 0 for one machine.
  std::uint64_t rounds() const { return levels_.size(); }
  /// Words that a machine sends, and receives, in a round.
  std::uint64_t words() const { return machines_ == 1 ? 0 : radix_; }

  /// The window before the first round.
  template <class Word>
  Window<Word> start(Word own) const {
    return {own, own};
  }

  /// Round j of machine `me`: calls send(machine, word) for each message.
  template <class Word, class Send>
  void send(std::uint64_t j, std::uint64_t me, const Window<Word>& window, Send&& send) const {
    const auto& level = levels_[j];
    for (std::uint64_t part = 1; part < radix_; ++part) {
      const auto length = level.length + (part < level.longer_parts ? 1 : 0);
      const auto offset = level.offset(part);
      const auto to = me >= offset ? me - offset : me + machines_ - offset;
      if (length != 0) send(MachineId{to}, length == level.length ? window.exact : window.longer);
      if (part + 1 == radix_ && level.keep_longer) send(MachineId{to}, window.longer);
    }
  }

  /// Reads the messages of round j that machine `me` received.
  template <class Word, class Combine>
  class Reader {
   public:
    Reader(const AllReducePlan& plan, std::uint64_t j, std::uint64_t me, const Window<Word>& before, Combine combine)
        : plan_(plan), level_(plan.levels_[j]), me_(me), combine_(combine) {
      // The machine's own part comes first; a part of length 0 holds no value yet.
      result_.exact = level_.longer_parts > 0 ? before.longer : before.exact;
      result_.longer = result_.exact;
    }

    /// Takes a letter that belongs to the reduction: the first one or two from each source that sends. False for any other letter.
    bool take(MachineId source, const Word& word) {
      if (source != source_) expect(source);
      if (exact_left_ == 0 && longer_left_ == 0) return false;
      const bool exact = exact_left_ != 0;
      --(exact ? exact_left_ : longer_left_);
      if (exact) result_.exact = combine_(result_.exact, word);
      if (!exact || !last_) result_.longer = combine_(result_.longer, word);
      return true;
    }

    Window<Word> window() const { return result_; }

   private:
    void expect(MachineId source) {
      source_ = source;
      const auto offset = source.value >= me_ ? source.value - me_ : source.value + plan_.machines_ - me_;
      const auto part = level_.part_at(offset, plan_.radix_);
      const bool sends = part != 0 && part < plan_.radix_ && level_.offset(part) == offset;
      last_ = part + 1 == plan_.radix_;
      exact_left_ = sends && level_.length + (part < level_.longer_parts ? 1 : 0) != 0 ? 1 : 0;
      longer_left_ = sends && last_ && level_.keep_longer ? 1 : 0;
    }

    const AllReducePlan& plan_;
    const Level& level_;
    std::uint64_t me_;
    Combine combine_;
    Window<Word> result_;
    MachineId source_{UINT64_MAX};
    unsigned exact_left_ = 0, longer_left_ = 0;
    bool last_ = false;
  };

  template <class Word, class Combine>
  Reader<Word, Combine> reader(std::uint64_t j, std::uint64_t me, const Window<Word>& before, Combine combine) const {
    return {*this, j, me, before, combine};
  }

 private:
  std::uint64_t machines_, radix_ = 1;
  std::vector<Level> levels_;
};

/// Replaces every machine's value by the combination of all, for an associative and commutative operation.
/// Rounds: T = max(1, ceil(log_f q)), 0 for one machine.  Words per machine and round: sends and receives at most ceil(q^{1/T}) <= f,
/// keeps 2 more.  Source: dissemination (Hensgen, Finkel, Manber 1988), made exact for every q by windows of two lengths.
template <class Cluster, class Variable, class Combine>
void all_reduce(Cluster& cluster, Variable& value, Combine combine) {
  using W = typename Cluster::Word;
  const auto phase = cluster.scope("all-reduce");
  const AllReducePlan plan(cluster.model().machines, cluster.model().tree_rounds());
  auto window = cluster.template make<Window<W>>();
  cluster.local([&](const auto& me) { window[me] = plan.start(value[me]); });
  for (std::uint64_t j = 0; j < plan.rounds(); ++j) {
    auto parts = cluster.template round<W>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
      plan.send(j, me.id().value, window[me], [&](MachineId to, const W& word) { out.send(to, word); });
    });
    cluster.local(parts, [&](const auto& me, auto inbox) {
      auto reader = plan.reader(j, me.id().value, window[me], combine);
      for (const auto& [source, word] : inbox) reader.take(source, word);
      window[me] = reader.window();
    });
  }
  cluster.local([&](const auto& me) { value[me] = window[me].exact; });
}

}  // namespace mpc
