#define ROUNDTRIP_LANE_BYTES 64
#include "transformer_bridge/kernels/cpu/loops_here.h"

namespace bridge::cpu {

template <class Real>
const Loops<Real>& avx512_loops() {
  static constexpr auto loops = loops_here<Real>("avx512");
  return loops;
}

template const Loops<float>& avx512_loops();
template const Loops<double>& avx512_loops();

}  // namespace bridge::cpu
