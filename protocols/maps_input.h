#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "mpc/hash.h"
#include "mpc/machine.h"

#include "protocols/even_share.h"

namespace protocols {

/// k maps f_1..f_k of the points 0..n-1 to themselves, every image drawn by the public hash.
struct Maps {
  std::uint64_t points = 0;  ///< n
  std::uint64_t maps = 0;    ///< k
  std::uint64_t seed = 1;

  /// Entry l n + x: f_{l + 1}(x).
  std::uint64_t entry(std::uint64_t index) const { return mpc::PublicHash(seed).below(points, index, stream); }

  std::uint64_t input_words() const { return points * maps; }  ///< N
  std::uint64_t ids() const { return points; }                 ///< n of the model

 private:
  static constexpr std::uint64_t stream = 22;
};

/// The entries of maps as they are dealt to the machines of a run, evenly and in order: map by map, point by point.
class MapsInput {
 public:
  using Shape = Maps;
  using Whole = Maps;  ///< an oracle draws the images again
  using Loaded = Maps;

  /// `share`: the entries of this rank's machines, in order.
  MapsInput(Maps maps, std::uint64_t machines, mpc::MachineBlock here, std::vector<std::uint64_t> share)
      : maps_(maps), machines_(machines), share_(maps.input_words(), machines, here, std::move(share)) {}

  std::uint64_t points() const { return maps_.points; }
  std::uint64_t maps() const { return maps_.maps; }

  /// The entries dealt to a machine of this rank, and the index of the first among all.
  std::span<const std::uint64_t> entries_of(mpc::MachineId machine) const { return share_.of(machine); }
  std::uint64_t first_entry(mpc::MachineId machine) const { return share_.first(machine); }

  /// Who has an entry, and at which place.
  mpc::MachineId owner(std::uint64_t index) const { return mpc::MachineId{holder(index, maps_.input_words(), machines_)}; }
  std::uint64_t slot(std::uint64_t index) const { return index - first_entry(owner(index)); }

 private:
  Maps maps_;
  std::uint64_t machines_;
  EvenShare<std::uint64_t> share_;
};

}  // namespace protocols
