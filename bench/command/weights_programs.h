#pragma once

#include "mpc/ranks.h"

#include "bench/command/weights_subject.h"

/// Programs that were written in weights by hand (transformer_bridge/programs), as subjects.
namespace roundtrip {

WeightsSubject components_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);
WeightsSubject hops_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);
WeightsSubject induction_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);

}  // namespace roundtrip
