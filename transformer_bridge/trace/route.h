#pragma once

#include <vector>

#include "transformer_bridge/circuit/head_plan.h"
#include "transformer_bridge/trace/allocate.h"
#include "transformer_bridge/trace/schedule.h"
#include "transformer_bridge/trace/trace.h"

namespace bridge {

/// Logits of routed heads are integers; the largest is at least this much above every one that must vanish.
inline constexpr double routing_margin = 1;

/// The heads of a layer. A receiver's query is its id in +-1 bits, a sender's key the id of its destination: equal ids score a, the number
/// of bits, others at most a - 2. A row that sends nothing loses 2. The start token scores a - 1: a receiver to whom nobody sends reads
/// its zeros, and only then.
std::vector<HeadPlan> route(const Trace& trace, const ScheduledLayer& layer, const std::map<Atom, std::size_t>& received);

}  // namespace bridge
