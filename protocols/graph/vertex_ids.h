#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mpc/hash.h"
#include "mpc/ranks.h"

#include "protocols/graph/raw_edges.h"

namespace protocols {

/// How the vertices that have an edge are numbered for a protocol.
enum class Ids {
  random,    ///< by a public permutation that the seed chooses
  as_given,  ///< in the order of their original ids
};

/// The names of a graph's vertices. A vertex with an edge is active and has a compact id, its place among the active original ids, and a
/// protocol id, which is the compact id or its image under a public permutation; both are 0..active()-1.
/// The original ids are spread over the ranks by blocks of compact ids, so each rank answers for a range of original ids.
class VertexIds {
 public:
  VertexIds() = default;

  /// Numbers the vertices. `ends` are the original ids that this rank's edges touch, ascending and distinct, and are replaced by
  /// their protocol ids; `loops` are the vertices that this rank was told of by a loop. Collective.
  /// Throws mpc::InputError on every rank if there are more vertices than raw.count, or one outside the range.
  static VertexIds number(std::vector<std::uint64_t>& ends, std::vector<std::uint64_t> loops, const RawEdges& raw, Ids ids,
                          std::uint64_t seed, mpc::Ranks& ranks);

  std::uint64_t vertices() const { return vertices_; }
  std::uint64_t active() const { return active_; }
  Declared declared() const { return declared_; }
  /// The smallest original id of a declared range.
  std::uint64_t lowest() const { return lowest_; }
  /// Isolated vertices whose ids are not known.
  std::uint64_t unnamed() const { return unnamed_; }

  Ids numbering() const { return permutation_ ? Ids::random : Ids::as_given; }
  std::uint64_t compact(std::uint64_t protocol_id) const { return permutation_ ? permutation_->inverse(protocol_id) : protocol_id; }
  std::uint64_t protocol_id(std::uint64_t compact) const { return permutation_ ? (*permutation_)(compact) : compact; }

  /// The rank that answers for a compact id.
  std::size_t home(std::uint64_t compact) const { return compact / block_; }
  /// The compact id of block().front().
  std::uint64_t block_first() const { return block_first_; }
  /// The original ids of this rank's compact ids, ascending.
  std::span<const std::uint64_t> block() const { return originals_; }

  /// The original ids of any vertices, in the order asked. Collective.
  std::vector<std::uint64_t> originals(std::span<const std::uint64_t> protocol_ids, mpc::Ranks& ranks) const {
    return look_up(originals_, protocol_ids, ranks);
  }
  /// The places, from 0, of any vertices among all of them: in the order of their original ids, the unknown ones last. Collective.
  std::vector<std::uint64_t> places(std::span<const std::uint64_t> protocol_ids, mpc::Ranks& ranks) const;

  /// Calls visit(original id) for the isolated vertices of known id in this rank's range, ascending, until it returns false.
  template <class Visit>
  void isolated(Visit&& visit) const;

 private:
  std::vector<std::uint64_t> own(std::vector<std::uint64_t>& ends, mpc::Ranks& ranks);
  void spread(std::vector<std::uint64_t> owned, mpc::Ranks& ranks);
  void keep_lone(std::vector<std::uint64_t> loops, mpc::Ranks& ranks);
  void count(const RawEdges& raw, mpc::Ranks& ranks);
  /// The entries of a table that is spread as block() is.
  std::vector<std::uint64_t> look_up(std::span<const std::uint64_t> table, std::span<const std::uint64_t> protocol_ids,
                                     mpc::Ranks& ranks) const;

  std::uint64_t vertices_ = 0, active_ = 0, unnamed_ = 0, lowest_ = 0;
  Declared declared_ = Declared::seen;
  std::optional<mpc::PublicPermutation> permutation_;
  std::uint64_t block_ = 1, block_first_ = 0;
  std::vector<std::uint64_t> originals_;
  std::vector<std::uint64_t> lone_;                 // isolated ids of the range, unless they are implied by Declared::range
  std::uint64_t range_first_ = 0, range_last_ = 0;  // half open
};

template <class Visit>
void VertexIds::isolated(Visit&& visit) const {
  if (declared_ != Declared::range) {
    for (const auto id : lone_) {
      if (!visit(id)) return;
    }
    return;
  }
  auto id = range_first_;
  for (const auto original : originals_) {
    for (; id < original; ++id) {
      if (!visit(id)) return;
    }
    ++id;
  }
  for (; id < range_last_; ++id) {
    if (!visit(id)) return;
  }
}

}  // namespace protocols
