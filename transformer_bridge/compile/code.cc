#include "transformer_bridge/compile/code.h"

#include <algorithm>
#include <optional>

#include "mpc/word.h"

namespace bridge {
namespace {

bool is_prime(std::uint64_t x) {
  if (x < 2) return false;
  for (std::uint64_t d = 2; d * d <= x; ++d) {
    if (x % d == 0) return false;
  }
  return true;
}

bool has_room(std::uint64_t field, unsigned symbols, std::uint64_t universe) {
  mpc::DoubleWord room = 1;
  for (unsigned i = 0; i < symbols; ++i) {
    room *= field;
    if (room >= universe) return true;
  }
  return false;
}

}  // namespace

Code Code::shortest(std::uint64_t universe, const std::function<std::uint64_t(std::uint64_t)>& weight) {
  std::optional<Code> best;
  for (unsigned symbols = 2; symbols <= most_symbols; ++symbols) {
    const auto w = weight(symbols);
    // The smallest field with room: by bisection, then the next prime.
    std::uint64_t low = std::max<std::uint64_t>(w, 2);
    if (best && low * w >= best->length()) break;  // weights only grow
    if (!has_room(low, symbols, universe)) {
      auto high = low;
      while (!has_room(high, symbols, universe)) high *= 2;
      while (low + 1 < high) {
        const auto middle = low + (high - low) / 2;
        (has_room(middle, symbols, universe) ? high : low) = middle;
      }
      low = high;
    }
    while (!is_prime(low)) ++low;
    const Code code(w, low, symbols);
    if (!best || code.length() < best->length()) best = code;
  }
  return *best;
}

}  // namespace bridge
