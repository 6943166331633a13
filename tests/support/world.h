#pragma once

#include "mpc/ranks.h"

namespace tests {

/// The ranks that mpirun started; only in executables whose main is support/mpi_main.cc.
mpc::Ranks& world();

}  // namespace tests
