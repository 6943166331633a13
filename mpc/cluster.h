#pragma once

#include "mpc/basic_cluster.h"
#include "mpc/exchange.h"

namespace mpc {

/// The machines of a model on the ranks of a transport; real messages between them.
class Cluster : public BasicCluster<Exchange> {
 public:
  Cluster(const Model& model, Transport& transport);
};

extern template class BasicCluster<Exchange>;

}  // namespace mpc
