#include "protocols/compose.h"

#include <cmath>

namespace protocols {

About ComposeProtocol::about() {
  return {
      "compose",
      "f_k o ... o f_1 for k maps of n points, every image drawn by the public hash; the value is the image of point 0",
      "value",
      {{"lookup", "2 ceil(log2 k)",
        "keeps b + 1, asks for b, is asked for L <= n + b, b = ceil(kn/q); L = b + wz/3 + sqrt((wz/3)^2 + 4kbz) except with probability "
        "1e-9, z = ln(1e9 q log2 k), w <= min(ceil(n/b) + 1, kz)",
        "b + 1 + L", "adjacent maps are composed by lookups (folklore)"}}};
}

Bounds ComposeProtocol::bounds(const mpc::Model& model, const Maps& maps, const Settings&, std::uint64_t) {
  if (maps.maps == 0) return {0, mpc::Words{1}};
  const auto block = (maps.input_words() + model.machines - 1) / model.machines;
  if (maps.maps == 1) return {0, mpc::Words{block + 1}};
  const auto levels = mpc::ceil_log(2, maps.maps);
  const auto b = static_cast<double>(block);
  const auto z = std::log(1e9 * static_cast<double>(model.machines) * static_cast<double>(levels));
  const auto holders = static_cast<double>(std::min(model.machines, (maps.points + block - 1) / block + 1));
  const auto m = std::exp2(static_cast<double>(levels - 1)) - 1;
  const auto w = std::max(1.0, std::min(holders, m * z));
  const auto v = std::min(w, 2 * m + 2);
  const auto likely = static_cast<std::uint64_t>(std::ceil(b + w * z / 3 + std::sqrt(w * z / 3 * w * z / 3 + 2 * v * b * z)));
  return {2 * levels, mpc::Words{block + 1 + std::min(maps.points + block, likely)}};
}

Expected ComposeProtocol::oracle(const Maps& maps, const Settings&) {
  Expected expected;
  for (std::uint64_t x = 0; x < maps.points; ++x) {
    auto image = x;
    for (std::uint64_t map = 0; map < maps.maps; ++map) image = maps.entry(map * maps.points + image);
    expected.labels.push_back(image);
  }
  expected.value = expected.labels.front();
  return expected;
}

}  // namespace protocols
