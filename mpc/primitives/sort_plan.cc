#include "mpc/primitives/sort_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "mpc/error.h"

namespace mpc {
namespace {

constexpr std::uint64_t draw_stream = 31;
/// Natural logarithm of the probability that a kind of accident may have: 2^-41, two kinds.
const double most_likely = -41 * std::log(2.0);

/// Bounds the logarithm of the probability that a sum of independent 0/1 draws of mean `mean` is at most (below the mean), or at least
/// (above it), `value`.
double chernoff(double mean, double value) { return value == 0 ? -mean : -(mean - value + value * std::log(value / mean)); }

/// The largest x in [low, high] for which good(x), where good(low) and good turns from true to false at most once.
template <class Good>
std::uint64_t last_good(std::uint64_t low, std::uint64_t high, Good&& good) {
  while (low < high) {
    const auto middle = high - (high - low) / 2;
    if (good(middle)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

std::uint64_t rounds_of(const std::vector<SortPlan::Level>& levels) {
  std::uint64_t rounds = 0;
  for (const auto& level : levels) rounds += 2 + level.spreads;
  return rounds;
}

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

}  // namespace

Words SortPlan::least_memory(std::uint64_t machines, const SortShape& shape) {
  const auto sorted = std::max(shape.kept, shape.kept_after) + 1 + shape.items * shape.item_words;
  if (machines == 1) return Words{sorted};
  const auto merged = shape.stable ? 2 + 2 * shape.items * (shape.item_words + 1) : 1 + 2 * shape.items * shape.item_words;
  return Words{std::max(sorted, shape.kept + merged)};
}

SortPlan::SortPlan(const Model& model, const SortShape& shape)
    : machines_(model.machines), memory_(model.memory), shape_(shape), hash_(model.hash()(draw_stream)), most_after_(shape.items) {
  if (const auto least = least_memory(machines_, shape); memory_ < least) {
    throw Error(Exit::over_budget, "a sort of " + std::to_string(shape.items) + " items of " + std::to_string(shape.item_words) +
                                       " words on each of " + std::to_string(machines_) + " machines needs at least " +
                                       std::to_string(least.count) + " words a machine; s is " + std::to_string(memory_.count));
  }
  if (machines_ == 1 || shape.items == 0) return;
  const auto bits = ceil_log(2, machines_);
  auto fewest = bits * (bits + 1) / 2;
  for (std::uint64_t count = 1; 2 * count < fewest; ++count) {
    auto most_after = most_after_;
    const auto levels = fitting(count, most_after);
    if (levels.empty() || rounds_of(levels) >= fewest) continue;
    fewest = rounds_of(levels);
    levels_ = levels;
    most_after_ = most_after;
  }
  if (!levels_.empty()) return;
  const auto top = std::uint64_t{1} << (bits - 1);
  for (auto bit = top; bit > 0; bit /= 2) {
    merges_.push_back({bit, 0, bit});
    for (auto above = top; above > bit; above /= 2) merges_.push_back({bit, bit, above - bit});
  }
}

bool SortPlan::certain() const {
  return std::ranges::all_of(levels_, [](const Level& level) { return level.certain; });
}

std::uint64_t SortPlan::rounds() const { return levels_.empty() ? merges_.size() : rounds_of(levels_); }

std::vector<SortPlan::Level> SortPlan::fitting(std::uint64_t count, std::uint64_t& most_after) const {
  // Lengths of the item lists are words too.
  const bool tagged = shape_.stable && count > 1;
  const auto words = shape_.item_words + (tagged ? 1 : 0);
  const auto room = memory_.count - shape_.kept - (tagged ? 2 : 1);
  const auto last = std::min(room / words, (memory_.count - std::max(shape_.kept, shape_.kept_after) - 1) / shape_.item_words);
  if (last < shape_.items) return {};
  std::vector<Level> levels;
  auto group = machines_;
  for (std::uint64_t l = 0; l < count; ++l) {
    // Uneven buckets add up from level to level; each may add the same factor.
    const auto most_at = [&](std::uint64_t begun) {
      const auto growth = static_cast<double>(last) / static_cast<double>(shape_.items);
      return static_cast<std::uint64_t>(static_cast<double>(shape_.items) *
                                        std::pow(growth, static_cast<double>(begun) / static_cast<double>(count)));
    };
    Level level;
    level.most = l == 0 ? shape_.items : most_at(l);
    most_after = l + 1 == count ? last : most_at(l + 1);
    if (level.most * words >= room) return {};
    const auto cuts = [&](std::uint64_t parts) {
      level.parts = parts;
      return fit(level, group, tagged, room - level.most * words, most_after);
    };
    // As many parts as the samples can tell apart; the last level has to end at groups of one.
    const auto parts = l + 1 == count ? group : last_good(2, group, cuts);
    if (!cuts(parts)) return {};
    levels.push_back(level);
    group = ceil_div(group, level.parts);
    if (group == 1) break;
  }
  return levels;
}

bool SortPlan::fit(Level& level, std::uint64_t group, bool tagged, std::uint64_t room, std::uint64_t most_after) const {
  const auto sample_words = shape_.key_words + (tagged ? 1 : 0);
  const auto positions = group * level.most;  // items of a group, and places for more
  const auto samples = [&](std::uint64_t spacing) { return ceil_div(positions, spacing); };
  // Leaders for this spacing, and how they spread the splitters; false if there is no room.
  const auto lead = [&](Level& with, std::uint64_t spacing) {
    const auto sent = (ceil_div(level.most, spacing) + 1) * sample_words;  // by a machine, to each leader
    if (samples(spacing) * sample_words > room || sent > room) return false;
    with.spacing = spacing;
    with.leaders = std::min(group, room / sent);
    with.spreads = 0;
    if (with.leaders == group) return true;
    const auto splitters = 1 + (level.parts - 1) * (shape_.key_words + 1);
    if (2 * splitters > room) return false;
    with.copies = (room - splitters) / splitters;
    with.spreads = ceil_log(1 + with.copies, ceil_div(group, with.leaders));
    return true;
  };
  const auto accidents = std::log(static_cast<double>(machines_) * static_cast<double>(shape_.items));
  std::uint64_t certain_spacing = positions, drawn_spacing = positions;
  bool certain = true, drawn = true;
  // Groups of a level differ by one machine at most, and so do their parts.
  for (const auto size : {group, group - 1}) {
    const auto parts = std::min(level.parts, size);
    if (size < 2) continue;
    for (const auto machines : {size / parts, ceil_div(size, parts)}) {
      const auto inside = [&](std::uint64_t spacing) { return samples(spacing) * machines / size + 1; };  // samples in a bucket
      const auto evenly = [&](std::uint64_t items) {
        return items <= most_after * machines &&
               (items == 0 ||
                accidents + chernoff(static_cast<double>(items) / static_cast<double>(machines), static_cast<double>(most_after)) <=
                    most_likely);
      };
      const auto certain_items = machines == 1 ? most_after : most_after > size ? (most_after - size) * machines : 0;
      const auto likely_items = machines == 1 ? most_after : std::max(certain_items, last_good(0, most_after * machines, evenly));
      const auto regular = [&](std::uint64_t spacing) { return spacing * inside(spacing) + size * (spacing - 1) <= certain_items; };
      const auto lucky = [&](std::uint64_t spacing) {
        const auto mean = static_cast<double>(likely_items) / static_cast<double>(spacing);
        const auto value = static_cast<double>(inside(spacing));
        return value < mean && accidents + chernoff(mean, value) <= most_likely;
      };
      certain = certain && regular(1);
      drawn = drawn && lucky(1);
      if (certain) certain_spacing = std::min(certain_spacing, last_good(1, positions, regular));
      if (drawn) drawn_spacing = std::min(drawn_spacing, last_good(1, positions, lucky));
    }
  }
  auto likely = level;
  const bool drawn_fits = drawn && lead(likely, drawn_spacing);
  level.certain = certain && lead(level, certain_spacing) && !(drawn_fits && likely.spreads < level.spreads);
  if (!level.certain && drawn_fits) {
    level = likely;
    level.certain = false;
  }
  return level.certain || drawn_fits;
}

SortPlan::Group SortPlan::group(std::uint64_t level, std::uint64_t machine) const {
  Group group{0, machines_};
  for (std::uint64_t l = 0; l < level; ++l) {
    const auto parts = std::min(levels_[l].parts, group.size);
    group = group.part(static_cast<std::uint64_t>((static_cast<DoubleWord>(machine - group.first + 1) * parts - 1) / group.size), parts);
  }
  return group;
}

std::vector<std::uint64_t> SortPlan::samples(std::uint64_t level, std::uint64_t machine) const {
  const auto& its = levels_[level];
  const auto first = machine * its.most;
  std::vector<std::uint64_t> places;
  for (auto stratum = first / its.spacing; stratum * its.spacing < first + its.most; ++stratum) {
    const auto drawn = its.certain ? its.spacing - 1 : hash_.below(its.spacing, stratum, level);
    const auto place = stratum * its.spacing + drawn;
    if (place >= first && place < first + its.most) places.push_back(place - first);
  }
  return places;
}

SortPlan::Pair SortPlan::pair(std::uint64_t round, std::uint64_t machine) const {
  const auto& merge = merges_[round];
  const auto is_lower = [&](std::uint64_t lower) { return (lower & merge.bit) == merge.wanted && lower + merge.distance < machines_; };
  if (is_lower(machine)) return {true, true, machine + merge.distance};
  if (machine >= merge.distance && is_lower(machine - merge.distance)) return {true, false, machine - merge.distance};
  return {};
}

}  // namespace mpc
