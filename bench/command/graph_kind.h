#pragma once

#include "mpc/machine.h"
#include "mpc/model.h"
#include "mpc/ranks.h"

#include "protocols/graph/graph.h"
#include "protocols/graph_input.h"

namespace roundtrip {

/// Deals the graph's edges to the machines; takes them out of it. Collective.
protocols::GraphInput deal(protocols::Graph& graph, const mpc::Model& model, mpc::MachineBlock here, mpc::Ranks& ranks);

}  // namespace roundtrip
