#include "protocols/cycles.h"

#include "bench/command/built_in.h"

roundtrip::Registered roundtrip::built_in::cycles() { return described<protocols::CyclesProtocol>(); }
