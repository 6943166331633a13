#pragma once

#include "bench/command/registry.h"

namespace roundtrip {

/// The `roundtrip` command with the protocols that stand in the registry: those of this library, and those that the program has added.
/// Initialises and finalises MPI. Returns the exit code (mpc/error.h).
int main(int argc, char** argv);

}  // namespace roundtrip
