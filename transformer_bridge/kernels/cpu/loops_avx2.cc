#define ROUNDTRIP_LANE_BYTES 32
#include "transformer_bridge/kernels/cpu/loops_here.h"

namespace bridge::cpu {

template <class Real>
const Loops<Real>& avx2_loops() {
  static constexpr auto loops = loops_here<Real>("avx2");
  return loops;
}

template const Loops<float>& avx2_loops();
template const Loops<double>& avx2_loops();

}  // namespace bridge::cpu
