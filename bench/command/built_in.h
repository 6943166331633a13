#pragma once

#include "bench/command/registry.h"

/// The protocols of this library. Each is compiled for both clusters in a source of its own.
namespace roundtrip::built_in {

Registered connectivity();
Registered cycles();
Registered khop();
Registered compose();

}  // namespace roundtrip::built_in
