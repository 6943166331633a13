#include "transformer_bridge/compile/transformer_cluster.h"

#include "mpc/basic_cluster_members.h"

template class mpc::BasicCluster<bridge::AttentionMail>;

namespace bridge {

TransformerCluster::TransformerCluster(const mpc::Model& model, mpc::Transport& transport, const Dealing& dealing,
                                       const LockstepOptions& options)
    : BasicCluster(model, transport, model, dealing, options) {
  mail().attach(kept_memory(), awake_bits());
}

}  // namespace bridge
