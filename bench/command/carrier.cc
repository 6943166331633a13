#include "bench/command/carrier.h"

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"
#include "mpc/transport/mpi_grid.h"
#include "mpc/transport/scrambled.h"

namespace roundtrip {

Carrier::Carrier(const std::string& name, std::uint64_t seed, mpc::Ranks& ranks) {
  if (name == "in_process" && ranks.size() > 1) {
    throw mpc::UsageError(
        fmt::format("--transport in_process runs on 1 rank; there are {}: expected auto, mpi, grid or scrambled", ranks.size()));
  }
  if (name == "grid") {
    base_ = std::make_unique<mpc::MpiGrid>(ranks);
  } else if (name == "auto" && ranks.size() >= mpc::MpiGrid::least_ranks) {
    base_ = std::make_unique<mpc::MpiGrid>(ranks, mpc::MpiGrid::crossover_words(static_cast<std::size_t>(ranks.size())));
  } else if (ranks.size() > 1 || name == "auto" || name == "mpi") {
    base_ = std::make_unique<mpc::MpiTransport>(ranks);
  } else {
    base_ = std::make_unique<mpc::InProcess>();
  }
  if (name == "scrambled") scrambled_ = std::make_unique<mpc::Scrambled>(*base_, seed);
}

std::string Carrier::meaning() {
  return fmt::format("auto (default: mpi, or grid from {} ranks on), mpi (direct), grid (two hops)", mpc::MpiGrid::least_ranks);
}

}  // namespace roundtrip
