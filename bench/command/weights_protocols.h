#pragma once

#include "mpc/ranks.h"

#include "bench/command/weights_subject.h"

/// Protocols that were traced (traced_problem.h), as subjects in weights.
namespace roundtrip {

WeightsSubject cycles_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);
WeightsSubject compose_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);
WeightsSubject broadcast_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);
WeightsSubject reduce_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);
WeightsSubject sort_in_weights(const WeightsRequest& request, mpc::Ranks& ranks);

}  // namespace roundtrip
