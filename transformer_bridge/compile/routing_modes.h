#pragma once

#include <string>

#include "transformer_bridge/compile/routing.h"

namespace bridge {

/// The mode of this name: superimposed or slots. Throws UsageError, which lists the names.
const RoutingMode& routing_mode(const std::string& name);

}  // namespace bridge
