#pragma once

#include "mpc/basic_cluster.h"

#include "transformer_bridge/compile/attention_mail.h"

namespace bridge {

/// Runs an unchanged protocol in lockstep as a transformer (Theorem 3.1): a round is one row function, the step, and one layer of
/// attention, the routing. All rules of the model hold as in mpc::Cluster, and the ledger is the same.
///
/// Layers: L = R + 1. The first moves the input words to the machines that they are dealt to; then one a round. The answer stands
/// in the rows of the machines after the last layer and costs none: what the protocol computes after its last round is the last row
/// function. (The paper's rounds end with local computation, not with a message: its L = R + 1 counts a layer that spreads the answer over
/// tokens, and one round of messages less.)
class TransformerCluster : public mpc::BasicCluster<AttentionMail> {
 public:
  TransformerCluster(const mpc::Model& model, mpc::Transport& transport, const Dealing& dealing = {}, const LockstepOptions& options = {});

  /// The first layer: the words of this rank's input tokens (input_tokens()) go to the machines. Collective; to be called first.
  void deal(std::span<const mpc::Word> mine) { mail().lockstep().deal(mine); }
  std::vector<std::uint64_t> input_tokens() const { return mail().lockstep().input_tokens(); }
  /// The rank that holds a token's row.
  std::size_t host(std::uint64_t token) const { return mail().lockstep().host(token); }
  /// The words dealt to the local-th machine of this rank, as it read them.
  const std::vector<mpc::Word>& dealt(std::size_t local) const { return mail().lockstep().dealt(local); }

  Lockstep::Seconds layer_seconds() const { return mail().lockstep().seconds(); }
  const Certificate& certificate() const { return mail().lockstep().certificate(); }
};

}  // namespace bridge

extern template class mpc::BasicCluster<bridge::AttentionMail>;
