#include "bench/command/item_labels.h"

#include <algorithm>
#include <span>

#include "protocols/graph/pair_writer.h"

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
  protocols::PairWriter writer(path, "", ranks, [&](std::span<const std::uint64_t> words) {
    std::string lines;
    for (std::size_t i = 0; i < words.size(); i += 2) lines += std::to_string(words[i]) + ' ' + name(words[i + 1]) + '\n';
    return lines;
  });
  writer.write(std::span(labels));
  writer.close();
}

}  // namespace roundtrip
