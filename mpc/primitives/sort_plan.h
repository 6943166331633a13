#pragma once

#include <cstdint>
#include <vector>

#include "mpc/hash.h"
#include "mpc/model.h"

namespace mpc {

/// What is to be sorted.
struct SortShape {
  std::uint64_t items = 0;       ///< E: most items of a machine at the start
  std::uint64_t item_words = 1;  ///< w
  std::uint64_t key_words = 1;   ///< of an item's key
  std::uint64_t kept = 0;        ///< most words that the caller keeps beside the items
  /// Whether equal keys stay in the order of (machine, place). Where one move does not bring every item to its end, that costs a word an
  /// item; without it equal keys are as balanced as different ones, and lie in any order.
  bool stable = true;
  std::uint64_t kept_after = 0;  ///< most words that it keeps, or sends, beside the items once they are sorted, if more than `kept`
};

/// How many rounds a sort takes, and what it does in them: the fewest of these that the memory has room for.
///
/// Sample sort in L levels. At each level the machines of a group, all of them at first, send samples of their items, one item in D, to
/// the leaders of the group: all its machines where they can send so much, 2 rounds a level; else some, and these spread the splitters that
/// they find, ceil(log_{1 + F} (g / leaders)) rounds more. The group is cut by the splitters into smaller groups of consecutive machines,
/// and every item goes to its group, dealt out evenly there; the last level ends at groups of one.
///   Where a bucket for m out of g machines has to stay below X items: regular sampling, every D-th item, makes that certain for
///   X >= D (floor(ceil(g E / D) m / g) + 1) + g (D - 1), as in PSRS. Where that takes more samples than fit, one item is drawn from every
///   D, and Chernoff's bound says how large D may be so that no bucket on any machine overflows but with probability 2^-40 a level (a run
///   that is so unlucky is refused).
/// A network of merges (Batcher's, for any q), ceil(log2 q) (ceil(log2 q) + 1) / 2 rounds: pairs of machines exchange all their items, and
/// the lower one keeps the lower half, in the end E items a machine while there are any. It always fits at the least s.
///
/// Least s: kept + 2 + 2 E (w + 1), if not stable kept + 1 + 2 E w; for one machine kept + 1 + E w; and kept_after + 1 + E w.
/// Source: Tao, Lin, Xiao 2013 (TeraSort); Shi and Schaeffer 1992 (PSRS); Knuth, volume 3, 5.2.2, algorithm M.
class SortPlan {
 public:
  /// Consecutive machines.
  struct Group {
    std::uint64_t first = 0, size = 1;
    /// Where its part-th of `parts` begins, counted from `first`.
    std::uint64_t offset(std::uint64_t part, std::uint64_t parts) const {
      return static_cast<std::uint64_t>(static_cast<DoubleWord>(part) * size / parts);
    }
    Group part(std::uint64_t part, std::uint64_t parts) const {
      return {first + offset(part, parts), offset(part + 1, parts) - offset(part, parts)};
    }
  };
  struct Level {
    std::uint64_t parts = 1;    ///< groups that a group is cut into, if it has so many machines
    std::uint64_t most = 0;     ///< items of a machine, when the level begins
    std::uint64_t spacing = 1;  ///< D
    bool certain = true;        ///< regular sampling
    std::uint64_t leaders = 1;  ///< of a group: its first machines, all of them where they are so many
    std::uint64_t copies = 0;   ///< F: that a machine sends in a round of spreading splitters
    std::uint64_t spreads = 0;  ///< rounds of that
  };
  /// A pair of machines in a round of the network, as one of them sees it.
  struct Pair {
    bool meets = false, lower = false;
    std::uint64_t partner = 0;
  };

  /// Throws Error (over budget) if s is less than the least.
  SortPlan(const Model& model, const SortShape& shape);

  static Words least_memory(std::uint64_t machines, const SortShape& shape);

  std::uint64_t rounds() const;
  /// Most items of a machine, now and at the end (the latter but for what `certain` says).
  std::uint64_t most_items() const { return shape_.items; }
  std::uint64_t most_items_after() const { return most_after_; }
  /// Whether no draw can make it fail.
  bool certain() const;

  /// Sample sort if there are levels; else the network, of no rounds for one machine.
  const std::vector<Level>& levels() const { return levels_; }
  /// Whether every item carries a word that says where it comes from, for ties.
  bool tagged() const { return shape_.stable && (levels_.empty() ? !merges_.empty() : levels_.size() > 1); }
  /// The group of a machine when the level-th level begins.
  Group group(std::uint64_t level, std::uint64_t machine) const;
  /// The places, ascending, of those of the machine-th machine of a group that are samples, if it has so many.
  std::vector<std::uint64_t> samples(std::uint64_t level, std::uint64_t machine) const;
  Pair pair(std::uint64_t round, std::uint64_t machine) const;
  PublicHash hash() const { return hash_; }

 private:
  struct Merge {
    std::uint64_t bit, wanted, distance;
  };
  std::vector<Level> fitting(std::uint64_t count, std::uint64_t& most_after) const;
  bool fit(Level& level, std::uint64_t group, bool tagged, std::uint64_t room, std::uint64_t most_after) const;

  std::uint64_t machines_;
  Words memory_;
  SortShape shape_;
  PublicHash hash_;
  std::uint64_t most_after_ = 0;
  std::vector<Level> levels_;
  std::vector<Merge> merges_;
};

}  // namespace mpc
