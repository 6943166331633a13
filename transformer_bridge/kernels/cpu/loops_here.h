#pragma once

#include "transformer_bridge/kernels/cpu/attention_loops.h"
#include "transformer_bridge/kernels/cpu/row_loops.h"

namespace bridge::cpu {
namespace {

template <class Real>
constexpr Loops<Real> loops_here(const char* name) {
  return {name,
          tile_vectors * lanes<Real>,
          linear_loop<Real>,
          packed_size<Real>,
          pack_keys<Real>,
          attention_scratch<Real>,
          attention_loop<Real>,
          activate_loop<Real>,
          add_loop<Real>,
          layer_norm_loop<Real>,
          first_nan_loop<Real>,
          merge_loop<Real>,
          finish_loop<Real>,
          exponentials_loop<Real>};
}

}  // namespace
}  // namespace bridge::cpu
