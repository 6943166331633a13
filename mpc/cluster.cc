#include "mpc/cluster.h"

#include "mpc/basic_cluster_members.h"

namespace mpc {

template class BasicCluster<Exchange>;

Cluster::Cluster(const Model& model, Transport& transport) : BasicCluster(model, transport) {}

}  // namespace mpc
