#include "protocols/connectivity.h"

#include "bench/command/built_in.h"

roundtrip::Registered roundtrip::built_in::connectivity() { return described<protocols::ConnectivityProtocol>(); }
