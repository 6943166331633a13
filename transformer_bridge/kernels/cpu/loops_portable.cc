#define ROUNDTRIP_LANE_BYTES 16
#include "transformer_bridge/kernels/cpu/loops_here.h"

namespace bridge::cpu {

template <class Real>
const Loops<Real>& portable_loops() {
  static constexpr auto loops = loops_here<Real>("portable");
  return loops;
}

template const Loops<float>& portable_loops();
template const Loops<double>& portable_loops();

}  // namespace bridge::cpu
