#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "mpc/transport/in_process.h"
#include "mpc/transport/mpi.h"
#include "mpc/transport/mpi_grid.h"
#include "mpc/transport/scrambled.h"

#include "tests/support/world.h"

namespace tests {

/// Every way to carry messages. Small pieces are smaller than most blocks, so exchanges go point to point.
inline constexpr const char* all_transports[] = {"in_process", "scrambled", "mpi", "scrambled mpi", "mpi in pieces", "grid"};
inline constexpr std::size_t small_piece_words = 7;

/// A transport and the one that it rests on.
class Carrier {
 public:
  explicit Carrier(const std::string& name) {
    if (name == "in_process" || name == "scrambled") {
      carrier_ = std::make_unique<mpc::InProcess>();
    } else if (name == "mpi" || name == "scrambled mpi") {
      carrier_ = std::make_unique<mpc::MpiTransport>(world());
    } else if (name == "mpi in pieces") {
      carrier_ = std::make_unique<mpc::MpiTransport>(world(), small_piece_words);
    } else if (name == "grid") {
      carrier_ = std::make_unique<mpc::MpiGrid>(world());
    } else {
      throw std::logic_error("no transport is called " + name);
    }
    if (name.starts_with("scrambled")) scrambled_ = std::make_unique<mpc::Scrambled>(*carrier_, 17);
  }
  mpc::Transport& operator*() { return scrambled_ ? *scrambled_ : *carrier_; }

 private:
  std::unique_ptr<mpc::Transport> carrier_, scrambled_;
};

}  // namespace tests
