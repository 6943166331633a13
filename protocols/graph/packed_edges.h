#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "mpc/ranks.h"

#include "protocols/graph/edge.h"

namespace protocols {

/// Edges that are kept for long, or of a whole graph: one word each where every vertex is below 2^32, else two.
class PackedEdges {
 public:
  PackedEdges() = default;
  PackedEdges(const std::vector<Edge>& edges);  // NOLINT: the same edges
  PackedEdges(std::initializer_list<Edge> edges) : PackedEdges(std::vector<Edge>(edges)) {}
  /// Vertices are below `vertices`.
  PackedEdges(std::span<const Edge> edges, std::uint64_t vertices);

  std::size_t size() const { return words_.size() / each_; }
  Edge operator[](std::size_t i) const {
    if (each_ == 2) return {words_[2 * i], words_[2 * i + 1]};
    return {words_[i] >> 32, words_[i] & 0xffffffffU};
  }

  /// The edges first..last-1, to walk over.
  class Range {
   public:
    class Iterator {
     public:
      Edge operator*() const { return (*edges_)[at_]; }
      Iterator& operator++() {
        ++at_;
        return *this;
      }
      friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

     private:
      friend class Range;
      Iterator(const PackedEdges* edges, std::size_t at) : edges_(edges), at_(at) {}
      const PackedEdges* edges_;
      std::size_t at_;
    };
    Iterator begin() const { return {edges_, first_}; }
    Iterator end() const { return {edges_, last_}; }
    std::size_t size() const { return last_ - first_; }

   private:
    friend class PackedEdges;
    Range(const PackedEdges& edges, std::size_t first, std::size_t last) : edges_(&edges), first_(first), last_(last) {}
    const PackedEdges* edges_;
    std::size_t first_, last_;
  };
  Range range(std::size_t first, std::size_t last) const { return {*this, first, last}; }
  Range::Iterator begin() const { return range(0, size()).begin(); }
  Range::Iterator end() const { return range(0, size()).end(); }

  /// The edges of all ranks on rank 0, in rank order, piece by piece; nothing on the others. All ranks have given the same number of
  /// vertices. Collective.
  PackedEdges on_first_rank(mpc::Ranks& ranks) const;

 private:
  std::size_t each_ = 1;
  std::vector<std::uint64_t> words_;
};

}  // namespace protocols
