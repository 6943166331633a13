#include "protocols/graph/packed_edges.h"

#include <algorithm>

namespace protocols {

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

std::vector<Edge> PackedEdges::on_first_rank(mpc::Ranks& ranks) const {
  constexpr std::size_t piece = std::size_t{1} << 20;  // words; even
  std::vector<Edge> all;
  const auto edges = ranks.sum(size());
  if (ranks.rank() == 0) all.reserve(edges);
  const std::uint64_t mine = words_.size();
  const auto words = ranks.gather({&mine, 1});
  // Rank by rank, so that the order is kept.
  for (std::size_t r = 0; r < words.size(); ++r) {
    const bool my_turn = r == static_cast<std::size_t>(ranks.rank());
    for (std::size_t at = 0; at < words[r]; at += piece) {
      PackedEdges part;
      part.each_ = each_;
      const auto mine_now =
          my_turn ? std::span(words_).subspan(at, std::min<std::size_t>(piece, words_.size() - at)) : std::span<const std::uint64_t>();
      if (r == 0) {
        part.words_.assign(mine_now.begin(), mine_now.end());
      } else {
        std::vector<std::size_t> counts(words.size(), 0), received;
        counts[0] = mine_now.size();
        part.words_ = ranks.exchange(mine_now, counts, received);
      }
      if (ranks.rank() == 0) {
        for (std::size_t i = 0; i < part.size(); ++i) all.push_back(part[i]);
      }
    }
  }
  return all;
}

}  // namespace protocols
