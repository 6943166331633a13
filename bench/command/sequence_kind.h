#pragma once

#include "protocols/sequence_input.h"

#include "bench/command/input_kind.h"

namespace roundtrip {

template <>
const InputKind& kind_of<protocols::SequenceInput>();

}  // namespace roundtrip
