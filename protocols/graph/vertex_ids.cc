#include "protocols/graph/vertex_ids.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include <fmt/core.h>

#include "protocols/graph/radix_sort.h"
#include "protocols/graph/spread.h"

namespace protocols {
namespace {

constexpr std::uint64_t id_stream = 0x696473;  // keeps the permutation apart from other uses of the seed

void sort_distinct(std::vector<std::uint64_t>& words) {
  if (!std::ranges::is_sorted(words)) {
    std::vector<std::uint64_t> scratch;
    radix_sort(words, scratch);
  }
  words.erase(std::unique(words.begin(), words.end()), words.end());
}

}  // namespace

VertexIds VertexIds::number(std::vector<std::uint64_t>& ends, std::vector<std::uint64_t> loops, const RawEdges& raw, Ids ids,
                            std::uint64_t seed, mpc::Ranks& ranks) {
  VertexIds result;
  result.declared_ = raw.declared;
  result.lowest_ = raw.lowest;
  if (raw.declared == Declared::range) {
    const auto highest = [](const auto& sorted) { return sorted.empty() ? 0 : sorted.back() + 1; };
    const auto needed = ranks.maximum(std::max(highest(ends), loops.empty() ? 0 : *std::ranges::max_element(loops) + 1));
    if (needed > raw.lowest + raw.count) {
      throw mpc::InputError(fmt::format("{}: expected vertex ids below {}, found {}", raw.source, raw.lowest + raw.count, needed - 1));
    }
  }
  auto owned = result.own(ends, ranks);
  if (ids == Ids::random) {
    result.permutation_.emplace(result.active_, mpc::PublicHash(seed)(id_stream));
    for (auto& end : ends) end = (*result.permutation_)(end);
  }
  result.spread(std::move(owned), ranks);
  if (raw.declared != Declared::range) result.keep_lone(std::move(loops), ranks);
  result.count(raw, ranks);
  return result;
}

/// Replaces the original ids by compact ids; returns the distinct original ids of this rank's range.
std::vector<std::uint64_t> VertexIds::own(std::vector<std::uint64_t>& ends, mpc::Ranks& ranks) {
  const std::span<const std::uint64_t> mine(ends);
  auto counts = counts_below<std::uint64_t>(mine, splitters(mine, ranks));
  std::vector<std::size_t> received;
  auto asked = exchange_items(std::move(ends), std::move(counts), received, ranks);
  auto owned = asked;
  sort_distinct(owned);
  const auto starts = part_starts(owned.size(), ranks);
  active_ = starts.back();

  // Every rank's request is ascending, so one walk over the owned ids answers it.
  const auto first = starts[static_cast<std::size_t>(ranks.rank())];
  auto next = asked.begin();
  for (const auto count : received) {
    auto at = owned.begin();
    for (const auto end = next + static_cast<std::ptrdiff_t>(count); next != end; ++next) {
      while (*at != *next) ++at;
      *next = first + static_cast<std::uint64_t>(at - owned.begin());
    }
  }
  ends = exchange_items(std::move(asked), std::move(received), ranks);
  return owned;
}

/// Moves the original ids to equal blocks, and fixes the range of original ids that each rank answers for.
void VertexIds::spread(std::vector<std::uint64_t> owned, mpc::Ranks& ranks) {
  const auto parts = static_cast<std::uint64_t>(ranks.size());
  const auto rank = static_cast<std::size_t>(ranks.rank());
  block_ = std::max<std::uint64_t>(1, (active_ + parts - 1) / parts);
  std::vector<std::uint64_t> starts;
  for (std::uint64_t r = 0; r <= parts; ++r) starts.push_back(std::min(r * block_, active_));
  block_first_ = starts[rank];
  const auto first = part_starts(owned.size(), ranks)[rank];
  const auto counts = counts_by_start(first, owned.size(), starts);
  originals_ = exchange_items(std::move(owned), counts, ranks);
}

/// Each rank keeps the vertices of its range that only a loop names.
void VertexIds::keep_lone(std::vector<std::uint64_t> loops, mpc::Ranks& ranks) {
  sort_distinct(loops);
  const auto lowest = originals_.empty() ? UINT64_MAX : originals_.front();
  auto bounds = ranks.gather({&lowest, 1});
  bounds.erase(bounds.begin());  // rank 0 answers for everything below, too
  auto counts = counts_below<std::uint64_t>(loops, bounds);
  loops = exchange_items(std::move(loops), std::move(counts), ranks);
  sort_distinct(loops);
  std::ranges::set_difference(loops, originals_, std::back_inserter(lone_));
}

void VertexIds::count(const RawEdges& raw, mpc::Ranks& ranks) {
  if (raw.declared == Declared::range) {
    vertices_ = raw.count;
    const auto lowest = originals_.empty() ? raw.lowest + raw.count : originals_.front();
    auto bounds = ranks.gather({&lowest, 1});
    bounds.front() = raw.lowest;
    bounds.push_back(raw.lowest + raw.count);
    range_first_ = bounds[static_cast<std::size_t>(ranks.rank())];
    range_last_ = bounds[static_cast<std::size_t>(ranks.rank()) + 1];
    return;
  }
  const auto named = active_ + ranks.sum(lone_.size());
  vertices_ = raw.declared == Declared::count ? raw.count : named;
  if (named > vertices_) {
    throw mpc::InputError(
        fmt::format("{}: expected at most {} vertices, as declared, found {} different ids", raw.source, raw.count, named));
  }
  unnamed_ = vertices_ - named;
}

std::vector<std::uint64_t> VertexIds::places(std::span<const std::uint64_t> protocol_ids, mpc::Ranks& ranks) const {
  if (declared_ == Declared::range) {
    auto places = originals(protocol_ids, ranks);
    for (auto& place : places) place -= lowest_;
    return places;
  }
  const auto lone_before = part_starts(lone_.size(), ranks)[static_cast<std::size_t>(ranks.rank())];
  std::vector<std::uint64_t> table;
  table.reserve(originals_.size());
  auto lone = lone_.begin();
  for (const auto original : originals_) {
    while (lone != lone_.end() && *lone < original) ++lone;
    table.push_back(block_first_ + table.size() + lone_before + static_cast<std::uint64_t>(lone - lone_.begin()));
  }
  return look_up(table, protocol_ids, ranks);
}

std::vector<std::uint64_t> VertexIds::look_up(std::span<const std::uint64_t> table, std::span<const std::uint64_t> protocol_ids,
                                              mpc::Ranks& ranks) const {
  std::vector<std::size_t> counts(static_cast<std::size_t>(ranks.size()));
  std::vector<std::uint64_t> places(protocol_ids.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = compact(protocol_ids[i]);
    ++counts[home(places[i])];
  }
  std::vector<std::size_t> next(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), next.begin(), std::size_t{0});
  std::vector<std::uint64_t> requests(places.size());
  for (auto& place : places) {
    auto& slot = next[home(place)];
    requests[slot] = place;
    place = slot++;
  }
  std::vector<std::size_t> received;
  auto asked = exchange_items(std::move(requests), std::move(counts), received, ranks);
  for (auto& word : asked) word = table[word - block_first_];
  const auto answers = exchange_items(std::move(asked), std::move(received), ranks);
  for (auto& place : places) place = answers[place];
  return places;
}

}  // namespace protocols
