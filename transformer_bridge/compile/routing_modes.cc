#include "transformer_bridge/compile/routing_modes.h"

#include <fmt/core.h>

#include "transformer_bridge/compile/slots.h"
#include "transformer_bridge/compile/superimposed.h"

namespace bridge {

const RoutingMode& routing_mode(const std::string& name) {
  if (name == superimposed().name()) return superimposed();
  if (name == slots().name()) return slots();
  throw mpc::UsageError(fmt::format("--routing is '{}'; expected superimposed or slots", name));
}

}  // namespace bridge
