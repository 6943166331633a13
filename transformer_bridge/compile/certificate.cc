#include "transformer_bridge/compile/certificate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/core.h>

namespace bridge {

std::optional<std::string> objection(const RoutingShape& shape) {
  const auto& task = shape.task;
  const auto number = facts(task.type);
  const auto u = number.unit_roundoff;
  const auto gap = shape.temperature * shape.margin;
  if (!(gap >= number.vanishing)) {
    return fmt::format("{} needs temperature * margin >= {} for the other weights to vanish; here {} * {} = {}", number.name,
                       number.vanishing, shape.temperature, shape.margin, gap);
  }
  int exponent = 0;
  const bool power_of_two = std::frexp(shape.temperature, &exponent) == 0.5;
  if (!power_of_two || static_cast<double>(shape.key_width) * u > 1) {
    return fmt::format("{} needs exact logits: a temperature that is a power of two and keys of at most {:.0f} columns; here {} and {}",
                       number.name, 1 / u, shape.temperature, shape.key_width);
  }
  if (!(2.001 * u * static_cast<double>(shape.most_tied) < 0.5)) {
    return fmt::format("{} can count at most {:.0f} equal shares; here there may be {}", number.name, 0.5 / (2.001 * u), shape.most_tied);
  }
  if (!((static_cast<double>(shape.most_collisions) + 2) * u < 0.25)) {
    return fmt::format("{} can tell one packet in a slot from several if at most {:.0f} can meet there; here {} can", number.name,
                       0.25 / u - 2, shape.most_collisions);
  }
  if (shape.largest_integer > largest_readable(task.type)) {
    return fmt::format("{} reads integers up to {} from an average exactly; here they reach {}", number.name, largest_readable(task.type),
                       shape.largest_integer);
  }
  return {};
}

void check_measured(const LayerCertificate& layer) {
  const auto where = fmt::format("layer {} ({})", layer.layer, layer.label);
  if (!(layer.measured_margin >= layer.shape.margin)) {
    throw Garbled(fmt::format("{}: two logits are {} apart, and at least {} by construction: a key or a query is not what it should be",
                              where, layer.measured_margin, layer.shape.margin));
  }
  if (layer.measured_width > layer.width) {
    throw Garbled(fmt::format("{}: column {} is in use; the layer has {}", where, layer.measured_width - 1, layer.width));
  }
}

namespace {

template <class Field>
std::uint64_t most(const std::vector<LayerCertificate>& layers, Field&& field) {
  std::uint64_t result = 0;
  for (const auto& layer : layers) result = std::max(result, std::uint64_t{field(layer)});
  return result;
}

template <class Field>
double least(const std::vector<LayerCertificate>& layers, Field&& field) {
  double result = std::numeric_limits<double>::infinity();
  for (const auto& layer : layers) result = std::min(result, double{field(layer)});
  return result;
}

}  // namespace

std::uint64_t Certificate::heads() const {
  return most(layers, [](const auto& layer) { return layer.shape.heads; });
}
std::uint64_t Certificate::width() const {
  return most(layers, [](const auto& layer) { return layer.width; });
}
std::uint64_t Certificate::measured_width() const {
  return most(layers, [](const auto& layer) { return layer.measured_width; });
}
std::uint64_t Certificate::key_width() const {
  return most(layers, [](const auto& layer) { return layer.shape.key_width; });
}
double Certificate::margin() const {
  return least(layers, [](const auto& layer) { return layer.shape.margin; });
}
double Certificate::measured_margin() const {
  return least(layers, [](const auto& layer) { return layer.measured_margin; });
}

}  // namespace bridge
