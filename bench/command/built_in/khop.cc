#include "protocols/khop.h"

#include "bench/command/built_in.h"
#include "bench/command/sequence_kind.h"

roundtrip::Registered roundtrip::built_in::khop() { return described<protocols::KhopProtocol>(); }
