#include "mpc/primitives/all_reduce.h"

namespace mpc {
namespace {

bool reaches(std::uint64_t radix, std::uint64_t rounds, std::uint64_t machines) {
  DoubleWord power = 1;
  for (std::uint64_t j = 0; j < rounds && power < machines; ++j) power *= radix;
  return power >= machines;
}

}  // namespace

std::uint64_t smallest_radix(std::uint64_t machines, std::uint64_t rounds) {
  std::uint64_t enough = machines, less = 0;
  while (enough - less > 1) {
    const auto middle = less + (enough - less) / 2;
    (reaches(middle, rounds, machines) ? enough : less) = middle;
  }
  return enough;
}

AllReducePlan::AllReducePlan(std::uint64_t machines, std::uint64_t rounds) : machines_(machines) {
  if (machines == 1) return;
  radix_ = smallest_radix(machines, rounds);
  levels_.resize(rounds);
  bool needs_longer = false;
  auto length = machines;
  for (auto j = rounds; j-- > 0;) {
    auto& level = levels_[j];
    level.keep_longer = needs_longer;
    level.length = length / radix_;
    level.longer_parts = length % radix_;
    needs_longer = needs_longer || level.longer_parts != 0;
    length = level.length;
  }
}

}  // namespace mpc
