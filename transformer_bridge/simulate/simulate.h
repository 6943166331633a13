#pragma once

#include <cstddef>
#include <vector>

#include "mpc/cluster.h"

#include "transformer_bridge/simulate/attention_trees.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/transformer.h"

/// A transformer's forward pass as a protocol: Theorem 2 (Sanford, Hsu, Telgarsky 2024, Theorem 3.4 and C.1), under enforced memory.
namespace bridge {

/// The size of a transformer for the theorem: head_width is the largest sum, over the heads of a layer, of max(k, v).
template <class Real>
TransformerShape shape_of(const Transformer<Real>& transformer);

/// Words of the output that the machines of a rank hold, which are consecutive.
template <class Real>
struct OutputPart {
  std::size_t first = 0;  ///< the first one's place in the output, row after row
  std::vector<Real> values{};
};

/// Runs the transformer on x [N, in()], which every rank has whole: its words are dealt evenly over the machines. The cluster's model has
/// trees.machines() machines of trees.words() words, and trees is of shape_of(transformer). Collective.
///
/// Rounds: trees.rounds(), 2 D L + 2. The input goes to the token machines (1); in each layer queries, keys and values go down the trees
/// (D) and softmax partials come up (D); the output is dealt evenly over the machines (1). All that machines know is in messages: a token
/// machine sends itself its rows.
/// Words of a token machine with B tokens: keeps B m, sends at most 3 b B mH, receives at most b B H (v + 2). A node of a query tree
/// receives at most B mH and sends b times that, or, on the way up, b B H (v + 2) and B H (v + 2); one of a key/value tree 2 B mH and b
/// times that. The program, weights and masks included, is not charged, as in the theorem.
///
/// Every number is computed by one machine in an order that the machine numbers give: the same bits for every number of ranks.
template <class Real>
OutputPart<Real> simulate(const Transformer<Real>& transformer, const AttentionTrees& trees, const Matrix<Real>& x, mpc::Cluster& cluster);

}  // namespace bridge
