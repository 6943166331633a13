#include "protocols/connectivity/layout.h"

#include <algorithm>
#include <cmath>

namespace protocols {

mpc::Words layout_memory(const mpc::Model& model, const Shape& shape, std::uint64_t levels, std::uint64_t kept, std::uint64_t rider) {
  const auto asked = 2 * per_machine(shape.edges, model);
  const auto fan_in = mpc::CombiningTree::fan_in(model.machines, levels);
  if (levels == 1) {
    const std::uint64_t hot = 4 * shape.edges >= 3 * shape.vertices ? 3 : 1;
    return mpc::Words{kept + asked + 6 + std::max(rider, hot * fan_in)};
  }
  const auto passing = levels * asked;
  const auto deviation = static_cast<std::uint64_t>(std::ceil(3 * std::sqrt(static_cast<double>(passing))));
  return mpc::Words{kept + passing + deviation + 2 * fan_in + rider + 14};
}

}  // namespace protocols
