#pragma once

#include "protocols/maps_input.h"

#include "bench/command/input_kind.h"

namespace roundtrip {

template <>
const InputKind& kind_of<protocols::MapsInput>();

}  // namespace roundtrip
