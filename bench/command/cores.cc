#include "bench/command/cores.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sched.h>
#include <unistd.h>

namespace roundtrip {

Cores cores_of(mpc::Ranks& ranks) {
  constexpr std::size_t mask_words = sizeof(cpu_set_t) / sizeof(std::uint64_t);
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  cpu_set_t mask;
  CPU_ZERO(&mask);
  sched_getaffinity(0, sizeof mask, &mask);
  std::vector<std::uint64_t> mine(1 + mask_words);
  mine[0] = std::hash<std::string>()(host.data());
  std::memcpy(mine.data() + 1, &mask, sizeof mask);

  struct Node {
    int ranks = 0;
    std::array<std::uint64_t, mask_words> mask{};
  };
  std::map<std::uint64_t, Node> nodes;
  const auto all = ranks.gather(mine);
  for (std::size_t at = 0; at < all.size(); at += mine.size()) {
    auto& node = nodes[all[at]];
    ++node.ranks;
    for (std::size_t i = 0; i < mask_words; ++i) node.mask[i] |= all[at + 1 + i];
  }
  Cores cores;
  for (const auto& [name, node] : nodes) {
    int here = 0;
    for (const auto word : node.mask) here += std::popcount(word);
    cores.all += here;
    cores.shared = cores.shared || node.ranks > here;
  }
  return cores;
}

}  // namespace roundtrip
