#include "protocols/connectivity/layout.h"

namespace protocols {

std::uint64_t crowd(const mpc::Model& model, const Shape& shape, std::uint64_t levels) {
  const std::uint64_t vertices = 4 * shape.edges >= 3 * shape.vertices ? 3 : 1;
  const auto direct = vertices * mpc::CombiningTree::fan_in(model.machines, levels);
  if (levels == 1) return direct;
  return direct + 2 * per_machine(shape.edges, model);
}

}  // namespace protocols
