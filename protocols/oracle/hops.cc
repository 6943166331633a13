#include "protocols/oracle/hops.h"

#include <unordered_map>

namespace protocols::oracle {

std::vector<std::uint64_t> hops(std::span<const std::uint64_t> symbols, std::uint64_t k, std::uint64_t undefined) {
  const auto n = symbols.size();
  // Places 1..n, and 0, where it stays.
  std::vector<std::size_t> hop(n + 1, 0), place(n + 1);
  std::unordered_map<std::uint64_t, std::size_t> last;
  for (std::size_t i = 1; i <= n; ++i) {
    if (const auto it = last.find(symbols[i - 1]); it != last.end()) hop[i] = it->second + 1;
    last[symbols[i - 1]] = i;
    place[i] = i;
  }
  for (; k != 0; k /= 2) {
    if (k % 2 == 1) {
      for (auto& here : place) here = hop[here];
    }
    auto twice = hop;
    for (auto& to : twice) to = hop[to];
    hop.swap(twice);
  }
  std::vector<std::uint64_t> found;
  for (std::size_t i = 1; i <= n; ++i) found.push_back(place[i] == 0 ? undefined : symbols[place[i] - 1]);
  return found;
}

}  // namespace protocols::oracle
