#include "transformer_bridge/kernels/cuda/attention.h"

#include <algorithm>
#include <limits>
#include <string>

#include "mpc/error.h"

namespace bridge::cuda {

void check_attention_size(const AttentionShape& shape, std::size_t pairs) {
  constexpr std::size_t most = std::numeric_limits<int>::max() - 512, rows_of_a_block = 8;  // 512: a chunk may end after the last key
  const auto& s = shape;
  if (s.n <= most && s.t <= most - s.n && std::max({s.k, s.v, s.heads}) <= most / 2 && pairs <= most / (s.n / rows_of_a_block + 1)) return;
  throw mpc::InputError("cuda attention: " + std::to_string(pairs) + " pairs of " + std::to_string(s.n) + " rows and " +
                        std::to_string(s.t) + " keys, of widths " + std::to_string(s.k) + " and " + std::to_string(s.v) + " in " +
                        std::to_string(s.heads) + " heads; rows and keys together, and each of the others, must be below 2^31");
}

}  // namespace bridge::cuda
