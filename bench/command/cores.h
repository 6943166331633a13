#pragma once

#include "mpc/ranks.h"

namespace roundtrip {

/// The processors that these ranks may run on, over all nodes. Ranks of one node may run on the same ones; they count once.
struct Cores {
  int all = 0;
  bool shared = false;  ///< on some node there are more ranks than processors
};

/// By host names and affinity masks. Collective.
Cores cores_of(mpc::Ranks& ranks);

}  // namespace roundtrip
