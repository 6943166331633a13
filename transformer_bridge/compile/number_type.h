#pragma once

// What proofs and kernels both need to know of a type stands with the kernels.
#include "transformer_bridge/kernels/number_type.h"  // IWYU pragma: export
