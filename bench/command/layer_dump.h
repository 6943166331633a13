#pragma once

#include <cstdint>
#include <string>

#include "mpc/model.h"
#include "mpc/ranks.h"

#include "transformer_bridge/compile/lockstep.h"

namespace roundtrip {

/// Writes what the layers did, for --dump-attention and --dump-residual. A folder that is not wanted is empty.
///
/// attention/layer_LL_head_HH.npy: [tokens, tokens + 1] weights, row = the token that reads, last column = the start token, and
/// attention/layer_LL_messages.npy: [tokens, tokens] messages from row to column in the round. A weight of token j on token i != 0 if and
/// only if i sent to j; all weights of a row are equal. residual/layer_LL.npy: [tokens, columns] of the residual stream after the layer,
/// without the columns that are 0 in every row, and residual/layer_LL.json: what each of them is.
class LayerDump {
 public:
  LayerDump(std::string attention, std::string residual, const mpc::Model& model, const bridge::LockstepOptions& options,
            std::uint64_t input_words, mpc::Ranks& ranks);

  bool wanted() const { return !attention_.empty() || !residual_.empty(); }
  /// Collective.
  void write(const bridge::LayerRecord& record);

 private:
  void write_attention(const bridge::LayerRecord& record);
  void write_residual(const bridge::LayerRecord& record);

  std::string attention_, residual_;
  std::uint64_t tokens_;
  bridge::NumberType type_;
  bridge::ResidualColumns columns_;
  mpc::Ranks& ranks_;
};

}  // namespace roundtrip
