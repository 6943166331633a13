#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mpc/ranks.h"
#include "mpc/transport.h"

namespace roundtrip {

/// A transport by its name on the command line, and what it stands on:
///   auto        mpi, or from mpc::MpiGrid::least_ranks ranks on grid, with exchanges direct where the model of its crossover says so
///   mpi         direct
///   grid        two hops, always
///   in_process  one rank without MPI
///   scrambled   direct, in random order of delivery, which `seed` chooses
/// Building it is collective. Throws UsageError for a name that does not fit the number of ranks.
class Carrier {
 public:
  Carrier(const std::string& name, std::uint64_t seed, mpc::Ranks& ranks);
  mpc::Transport& get() const { return scrambled_ ? *scrambled_ : *base_; }

  /// For the help text of --transport.
  static std::string meaning();

 private:
  std::unique_ptr<mpc::Transport> base_, scrambled_;
};

}  // namespace roundtrip
