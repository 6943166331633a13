#include "protocols/graph/packed_edges.h"

#include <algorithm>
#include <numeric>

namespace protocols {
namespace {

/// A number above all vertices, or the largest that there is.
std::uint64_t bound_of(std::span<const Edge> edges) {
  std::uint64_t largest = 0;
  for (const auto& [u, v] : edges) largest = std::max({largest, u, v});
  return largest == UINT64_MAX ? largest : largest + 1;
}

}  // namespace

PackedEdges::PackedEdges(const std::vector<Edge>& edges) : PackedEdges(edges, bound_of(edges)) {}

PackedEdges::PackedEdges(std::span<const Edge> edges, std::uint64_t vertices) : each_(vertices <= std::uint64_t{1} << 32 ? 1 : 2) {
  words_.reserve(each_ * edges.size());
  for (const auto& [u, v] : edges) {
    if (each_ == 1) {
      words_.push_back(u << 32 | v);
    } else {
      words_.push_back(u);
      words_.push_back(v);
    }
  }
}

PackedEdges PackedEdges::on_first_rank(mpc::Ranks& ranks) const {
  constexpr std::size_t piece = std::size_t{1} << 20;  // words
  PackedEdges all;
  all.each_ = each_;
  const std::uint64_t mine = words_.size();
  const auto words = ranks.gather({&mine, 1});
  if (ranks.rank() == 0) all.words_.reserve(std::accumulate(words.begin(), words.end(), std::size_t{0}));
  // Rank by rank, so that the order is kept.
  for (std::size_t r = 0; r < words.size(); ++r) {
    const bool my_turn = r == static_cast<std::size_t>(ranks.rank());
    for (std::size_t at = 0; at < words[r]; at += piece) {
      const auto part =
          my_turn ? std::span(words_).subspan(at, std::min<std::size_t>(piece, words_.size() - at)) : std::span<const std::uint64_t>();
      if (r != 0) {
        std::vector<std::size_t> counts(words.size(), 0), received;
        counts[0] = part.size();
        const auto arrived = ranks.exchange(part, counts, received);
        all.words_.insert(all.words_.end(), arrived.begin(), arrived.end());
      } else if (my_turn) {
        all.words_.insert(all.words_.end(), part.begin(), part.end());
      }
    }
  }
  return all;
}

}  // namespace protocols
