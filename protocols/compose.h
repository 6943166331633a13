#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mpc/cluster.h"
#include "mpc/primitives/lookup.h"

#include "protocols/maps_input.h"
#include "protocols/protocol.h"

namespace protocols {

/// f_k o ... o f_1 for k maps of n points. Entry (l, x) holds f_{l+1}(x) and stays where it was dealt.
///
/// Level t = 0, 1, ...: map l, for every multiple l of 2^{t+1}, is composed with map l + 2^t if there is one: its entry (l, x) looks up
/// entry (l + 2^t, y) for its image y, and takes what stands there. A machine asks for each entry once, however many of its images that is.
/// In the end map 0 is the composition.
///
/// Rounds: 2 ceil(log2 k).  Words per machine and round, b = ceil(kn/q) entries: keeps b + 1; sends and receives at most b as who asks.
/// As who answers at most n + b: once from each machine for each entry. Images are drawn at random, so except with probability 1e-9 it is
/// no more than L = b + t, t = wz/3 + sqrt((wz/3)^2 + 2vbz), z = ln(1e9 q ceil(log2 k)): the points that m = 2^(ceil(log2 k) - 1) - 1 maps
/// take to one are at most mz, their mean square is m + 1, and w = max(1, min(q, ceil(n/b) + 1, mz)), v = min(w, 2m + 2).
/// Least s: b + 1 + min(n + b, L). A run that is that unlucky is refused as over budget.
/// Source: layered tables, adjacent pairs (folklore); loads by Bernstein's inequality.
template <class Cluster>
class Compose {
 public:
  using Word = typename Cluster::Word;

  Compose(Cluster& cluster, const MapsInput& input)
      : cluster_(cluster), input_(input), entries_(cluster.template make<std::vector<Word>>([&](const auto& me) {
          const auto mine = input.entries_of(me.id());
          return std::vector<Word>(mine.begin(), mine.end());
        })) {
    for (std::uint64_t stride = 1; stride < input.maps(); stride *= 2) compose(stride);
  }

  /// Calls visit(point, image) for the points that this machine holds the images of.
  template <class Machine, class Visit>
  void images(const Machine& me, Visit&& visit) const {
    auto index = input_.first_entry(me.id());
    for (const auto image : entries_[me]) {
      if (index >= input_.points()) return;
      visit(index++, image);
    }
  }

 private:
  /// Calls visit(slot, the entry that this one is composed with) for the entries of a machine that are composed with others.
  template <class Machine, class Visit>
  void for_each_composed(const Machine& me, std::uint64_t stride, Visit&& visit) const {
    const auto n = input_.points();
    const auto& mine = entries_[me];
    const auto first = input_.first_entry(me.id());
    for (std::size_t slot = 0; slot < mine.size(); ++slot) {
      const auto map = (first + slot) / n;
      if (map % (2 * stride) == 0 && map + stride < input_.maps()) visit(slot, (map + stride) * n + mine[slot]);
    }
  }

  void compose(std::uint64_t stride) {
    const auto phase = cluster_.scope("compose");
    std::vector<Word> keys;
    std::vector<std::size_t> slots;  // whose keys they are
    mpc::lookup_all(
        cluster_, input_,
        [&](const auto& me) -> const std::vector<Word>& {
          keys.clear();
          slots.clear();
          for_each_composed(me, stride, [&](std::size_t slot, Word key) {
            keys.push_back(key);
            slots.push_back(slot);
          });
          return keys;
        },
        [&](const auto& me, Word slot) { return entries_[me][slot]; },
        [&](const auto& me, std::size_t i, Word image) { entries_[me][slots[i]] = image; });
  }

  Cluster& cluster_;
  const MapsInput& input_;
  decltype(std::declval<Cluster&>().template make<std::vector<Word>>()) entries_;
};

/// The protocol, as the command knows it.
struct ComposeProtocol {
  using Input = MapsInput;

  static About about();
  static Bounds bounds(const mpc::Model& model, const Maps& maps, const Settings& settings, std::uint64_t retries);
  static Expected oracle(const Maps& maps, const Settings& settings);

  template <class Cluster>
  static Answer run(Cluster& cluster, const MapsInput& input, const Settings& settings) {
    Answer answer;
    if (input.maps() == 0) {  // every point stays where it is, and machine 0 knows
      const bool first = cluster.machines_here().first == 0 && cluster.machines_here().count != 0;
      for (std::uint64_t x = 0; first && settings.labels && x < input.points(); ++x) answer.labels.push_back({x, x});
      return answer;
    }
    const Compose<Cluster> composed(cluster, input);
    std::uint64_t of_zero = 0;
    cluster.inspect([&](const auto& me) {
      composed.images(me, [&](auto point, auto image) {
        if (settings.labels) answer.labels.push_back({point, image});
        if (point == 0) of_zero = image;
      });
    });
    answer.value = cluster.total(of_zero);
    return answer;
  }
};

}  // namespace protocols
