#pragma once

#include <any>

#include "mpc/model.h"

#include "bench/command/registry.h"
#include "bench/command/run_options.h"

namespace roundtrip {

/// The model that the options ask for on this input. N and n are those of the shape.
/// Throws UsageError for values out of range, and a budget Error (exit 4) naming the protocol's least s if s is below it.
mpc::Model choose_model(const ModelOptions& options, const Registered& protocol, const protocols::Settings& settings,
                        const std::any& shape);

/// The smallest s that is at least what the protocol declares at that s, where q follows from s unless the options fix it.
mpc::Model least_model(const ModelOptions& options, const Registered& protocol, const protocols::Settings& settings, const std::any& shape);

}  // namespace roundtrip
