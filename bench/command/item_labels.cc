#include "bench/command/item_labels.h"

#include <algorithm>
#include <optional>

#include "protocols/graph/spread.h"
#include "protocols/graph/text_sink.h"

namespace roundtrip {

using protocols::VertexLabel;

bool same_item_labels(const std::vector<VertexLabel>& labels, const std::vector<std::uint64_t>& expected, std::uint64_t first) {
  if (labels.size() != expected.size()) return false;
  std::vector<bool> named(expected.size(), false);
  return std::ranges::all_of(labels, [&](const VertexLabel& item) {
    const auto i = item.vertex - first;  // wraps below `first`
    if (i >= expected.size() || named[i]) return false;
    named[i] = true;
    return item.label == expected[i];
  });
}

void write_item_labels(const std::string& path, const std::vector<VertexLabel>& labels,
                       const std::function<std::string(std::uint64_t)>& name, mpc::Ranks& ranks) {
  std::optional<protocols::TextSink> sink;
  mpc::together(ranks, [&] {
    if (ranks.rank() == 0) sink.emplace(path);
  });
  // Piece by piece, so that rank 0 need not hold all.
  constexpr std::uint64_t piece = std::uint64_t{1} << 18;
  const std::uint64_t mine = labels.size();
  const auto all = ranks.gather({&mine, 1});
  for (std::size_t r = 0; r < all.size(); ++r) {
    for (std::uint64_t first = 0; first < all[r]; first += piece) {
      const bool my_turn = r == static_cast<std::size_t>(ranks.rank());
      const auto begin = labels.begin() + static_cast<std::ptrdiff_t>(my_turn ? first : 0);
      std::vector<VertexLabel> part(begin, begin + static_cast<std::ptrdiff_t>(my_turn ? std::min(piece, mine - first) : 0));
      std::vector<std::size_t> counts(all.size());
      counts.front() = part.size();
      part = protocols::exchange_items(std::move(part), std::move(counts), ranks);
      mpc::together(ranks, [&] {
        if (!sink) return;
        std::string lines;
        for (const auto& [item, label] : part) lines += std::to_string(item) + ' ' + name(label) + '\n';
        sink->write(lines);
      });
    }
  }
  mpc::together(ranks, [&] {
    if (sink) sink->close();
  });
}

}  // namespace roundtrip
