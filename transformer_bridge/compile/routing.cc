#include "transformer_bridge/compile/routing.h"

#include <cmath>

namespace bridge {

double RoutingShape::bytes() const {
  const auto real = task.type == NumberType::f32 ? 4.0 : 8.0;
  const auto packets = static_cast<double>(task.machines) * static_cast<double>(task.packets());
  const auto values = packets * static_cast<double>(packet_slots) * (4 + static_cast<double>(slot_columns) * real);
  const auto keys = static_cast<double>(task.machines) * static_cast<double>(heads) * static_cast<double>(key_width) * (4 + real);
  return values + keys;
}

double temperature_for(const RoutingTask& task, double margin) {
  if (task.temperature > 0) return task.temperature;
  return std::exp2(std::ceil(std::log2(facts(task.type).saturation / margin)));
}

}  // namespace bridge
