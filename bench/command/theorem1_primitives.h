#pragma once

#include <vector>

#include "bench/command/theorem1_cases.h"

namespace roundtrip {

/// The primitives of mpc/primitives, each with a program that checks what it finds, at its least s and at more.
std::vector<Theorem1Protocol> theorem1_primitives();

}  // namespace roundtrip
