#include "protocols/compose.h"

#include "bench/command/built_in.h"
#include "bench/command/maps_kind.h"

roundtrip::Registered roundtrip::built_in::compose() { return described<protocols::ComposeProtocol>(); }
