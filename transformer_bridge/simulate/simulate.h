#pragma once

#include <cstddef>
#include <limits>

#include "mpc/cluster.h"

#include "transformer_bridge/simulate/attention_trees.h"
#include "transformer_bridge/simulate/token_words.h"
#include "transformer_bridge/transformer/matrix.h"
#include "transformer_bridge/transformer/program.h"

/// A transformer's forward pass as a protocol: Theorem 2 (Sanford, Hsu, Telgarsky 2024, Theorem 3.4 and C.1), under enforced memory.
namespace bridge {

/// The size of a transformer on so many tokens for the theorem: head_width is the largest sum, over the heads of a layer, of max(k, v).
template <class Real>
TransformerShape shape_of(const Transformer<Real>& transformer, std::size_t tokens);

/// How the machines of a rank compute: all that compute in a round in one call of the kernels, or one after the other. It is the same
/// protocol, to the bit.
enum class Evaluation { together, one_by_one };

struct SimulateOptions {
  std::size_t shown = std::numeric_limits<std::size_t>::max();  ///< tokens from here on are padding, hidden from all
  Evaluation evaluation = Evaluation::together;
};

/// Runs the program on x [N, in()], which every rank has whole: its words are dealt evenly over the machines. The cluster's model has
/// trees.machines() machines of trees.words() words, and trees is of shape_of(transformer, N). Collective.
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
OutputPart<Real> simulate(Program<Real>& program, const AttentionTrees& trees, const Matrix<Real>& x, mpc::Cluster& cluster,
                          const SimulateOptions& options = {});

}  // namespace bridge
