#pragma once

#include <cstddef>

#include "mpc/word.h"

namespace mpc {

/// The machines of a rank: a block of consecutive ids.
struct MachineBlock {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// The machine that a step runs on; the key to that machine's memory, and to no other's.
class Machine {
 public:
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  MachineId id() const { return id_; }
  /// No step runs here again until a message comes.
  void sleep() const { asleep_ = true; }

 private:
  template <class>
  friend class BasicCluster;
  template <class>
  friend class PerMachine;

  Machine(MachineId id, std::size_t local) : id_(id), local_(local) {}

  MachineId id_;
  std::size_t local_;  // among the machines of its rank
  mutable bool asleep_ = false;
};

}  // namespace mpc
