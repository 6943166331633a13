#include "mpc/primitives/all_reduce.h"

namespace mpc {

AllReducePlan::AllReducePlan(std::uint64_t machines, std::uint64_t rounds) : machines_(machines) {
  if (machines == 1) return;
  radix_ = ceil_root(machines, rounds);
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
