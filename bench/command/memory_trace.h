#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpc/basic_cluster.h"
#include "mpc/ranks.h"

namespace roundtrip {

/// What the machines of a rank held after every round of one execution, to be compared with another one.
class MemoryTrace {
 public:
  /// Records.
  template <class Mail>
  void record(mpc::BasicCluster<Mail>& cluster) {
    cluster.on_memory(
        [this](std::uint64_t round, mpc::MachineId machine, std::span<const mpc::Word> kept, std::span<const mpc::Word> letters) {
          entries_.push_back({round, machine.value, {kept.begin(), kept.end()}, {letters.begin(), letters.end()}});
        });
  }
  /// Compares: the same rounds, machines and words must come in the same order.
  template <class Mail>
  void compare(mpc::BasicCluster<Mail>& cluster) {
    cluster.on_memory([this](std::uint64_t round, mpc::MachineId machine, std::span<const mpc::Word> kept,
                             std::span<const mpc::Word> letters) { see(round, machine.value, kept, letters); });
  }

  /// The first difference of any rank, the same text on all; nothing: all is identical, and all of it has been seen. Collective.
  std::optional<std::string> difference(mpc::Ranks& ranks) const;

 private:
  struct Entry {
    std::uint64_t round, machine;
    std::vector<mpc::Word> kept, letters;
  };
  void see(std::uint64_t round, std::uint64_t machine, std::span<const mpc::Word> kept, std::span<const mpc::Word> letters);

  std::vector<Entry> entries_;
  std::size_t seen_ = 0;
  std::string difference_;
};

}  // namespace roundtrip
