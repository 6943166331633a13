#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "mpc/ranks.h"

/// Sequences that are spread over the ranks of a run: the ranks' parts concatenate in rank order.
namespace protocols {

/// Items are made of words, and travel as words.
template <class T>
inline constexpr std::size_t words_per = sizeof(T) / sizeof(std::uint64_t);

template <class T>
std::span<const std::uint64_t> words_of(std::span<const T> items) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(std::uint64_t) == 0 && alignof(T) == alignof(std::uint64_t));
  return {reinterpret_cast<const std::uint64_t*>(items.data()), items.size() * words_per<T>};
}

template <class T>
std::vector<T> items_of(std::vector<std::uint64_t> words) {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    return words;
  } else {
    const auto* begin = reinterpret_cast<const T*>(words.data());
    return {begin, begin + words.size() / words_per<T>};
  }
}

/// Empties a vector and frees its memory, which `items = {}` would keep.
template <class T>
void release(std::vector<T>& items) {
  std::vector<T>().swap(items);
}

/// Ranks::exchange for items: counts[r] consecutive items go to rank r, and `received` says how many came from each. Frees what was sent
/// before it unpacks what came. Collective.
template <class T>
std::vector<T> exchange_items(std::vector<T>&& send, std::vector<std::size_t> counts, std::vector<std::size_t>& received,
                              mpc::Ranks& ranks) {
  if (ranks.size() == 1) {
    received = std::move(counts);
    return std::move(send);
  }
  for (auto& count : counts) count *= words_per<T>;
  auto words = ranks.exchange(words_of(std::span<const T>(send)), counts, received);
  release(send);
  for (auto& count : received) count /= words_per<T>;
  return items_of<T>(std::move(words));
}

template <class T>
std::vector<T> exchange_items(std::vector<T>&& send, std::vector<std::size_t> counts, mpc::Ranks& ranks) {
  std::vector<std::size_t> received;
  return exchange_items(std::move(send), std::move(counts), received, ranks);
}

/// Where the parts of a spread sequence begin: size() + 1 indices, the last one is the length of the whole. Collective.
std::vector<std::uint64_t> part_starts(std::uint64_t my_items, mpc::Ranks& ranks);

/// The starts of an even spread: floor(r * items / parts).
std::vector<std::uint64_t> even_starts(std::uint64_t items, int parts);

/// How many items of a part that begins at index `first` belong to each part of another spread, by its starts.
std::vector<std::size_t> counts_by_start(std::uint64_t first, std::uint64_t items, std::span<const std::uint64_t> starts);

/// How many items of a sorted part belong to each of upper.size() + 1 ranges: range r ends before upper[r].
template <class T>
std::vector<std::size_t> counts_below(std::span<const T> sorted, std::span<const T> upper) {
  std::vector<std::size_t> counts;
  auto from = sorted.begin();
  for (const auto& bound : upper) {
    const auto to = std::lower_bound(from, sorted.end(), bound);
    counts.push_back(static_cast<std::size_t>(to - from));
    from = to;
  }
  counts.push_back(static_cast<std::size_t>(sorted.end() - from));
  return counts;
}

/// size() - 1 bounds that cut the items of all ranks into ranges of about equal size, from a regular sample of each rank's sorted
/// part. A range is too large by a factor of 1 + size() / 64 at most. Collective.
template <class T>
std::vector<T> splitters(std::span<const T> sorted, mpc::Ranks& ranks) {
  const auto parts = static_cast<std::uint64_t>(ranks.size());
  constexpr std::uint64_t samples_per_part = 64;
  const auto step = ranks.sum(sorted.size()) / (samples_per_part * parts) + 1;
  std::vector<T> mine;
  for (auto at = step / 2; at < sorted.size(); at += step) mine.push_back(sorted[at]);
  auto samples = items_of<T>(ranks.gather(words_of(std::span<const T>(mine))));
  std::ranges::sort(samples);
  std::vector<T> bounds;
  for (std::uint64_t r = 1; r < parts; ++r) bounds.push_back(samples.empty() ? T{} : samples[r * samples.size() / parts]);
  return bounds;
}

}  // namespace protocols
