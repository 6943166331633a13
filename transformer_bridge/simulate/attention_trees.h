#pragma once

#include <cstdint>
#include <string>

/// Machines, rounds and words of Theorem 2 (Sanford, Hsu, Telgarsky 2024, Theorem 3.4 and C.1): a transformer as a protocol. Of N tokens,
/// in blocks of B (B = 1 is the theorem's own), there is
///   a token machine for each block, which keeps the block's residual rows and runs all that goes over rows;
///   a pair machine for each two blocks, which multiplies the queries of one with the keys and values of the other;
///   for each block a query tree and a key/value tree of fan-out b and depth D, whose root is the token machine and whose leaves are pair
///   machines. Queries, keys and values go down, and softmax partials (max, sum, value) come up the query tree.
namespace bridge {

/// The size of a transformer as the theorem sees it. All are from 1 to 2^32.
struct TransformerShape {
  std::uint64_t tokens = 1;      ///< N
  std::uint64_t width = 1;       ///< m, columns of the residual stream
  std::uint64_t head_width = 1;  ///< columns of a query, key or value of all heads side by side: H max(d_qk, d_v), "mH" in the theorem
  std::uint64_t heads = 1;       ///< H
  std::uint64_t layers = 1;      ///< L
};

/// What a machine does.
struct Role {
  enum class Kind { token, pair, query, key_value };
  Kind kind = Kind::token;
  std::uint64_t block = 0;  ///< of a pair: the block that asks
  std::uint64_t depth = 0;  ///< query and key_value: 1..D - 1
  std::uint64_t place = 0;  ///< query and key_value: 0..b^depth - 1; of a pair: the block that is looked at
  bool operator==(const Role&) const = default;
};

/// The sizes that follow from s, and which machine is which.
class AttentionTrees {
 public:
  /// With s words a machine and B tokens a block. Throws mpc::UsageError if a size or B is 0 or above 2^32, or if there are more machines
  /// than addresses; mpc::Error with Exit::over_budget, which names the least s, if s does not do: b >= 2 and
  /// B m + 3 b B mH <= s must hold.
  AttentionTrees(const TransformerShape& shape, std::uint64_t words, std::uint64_t block_tokens = 1);

  /// The smallest s that is not refused. A larger one may be, where m > 3 mH: with one child more, keys and queries take more of s.
  static std::uint64_t least_words(const TransformerShape& shape, std::uint64_t block_tokens = 1);

  const TransformerShape& shape() const { return shape_; }
  std::uint64_t words() const { return words_; }                ///< s
  std::uint64_t block_tokens() const { return block_tokens_; }  ///< B
  std::uint64_t blocks() const { return blocks_; }              ///< ceil(N / B)
  std::uint64_t fan_out() const { return fan_out_; }            ///< b = floor(s / (4 B mH))
  std::uint64_t depth() const { return depth_; }                ///< D: least D >= 1 with b^D >= blocks
  /// q = blocks + blocks^2 + 2 blocks (b^D - b) / (b - 1).
  std::uint64_t machines() const { return machines_; }
  /// R = 2 D L + 2: the rows come in, D rounds down and D up in each layer, the rows go out.
  std::uint64_t rounds() const { return 2 * depth_ * shape_.layers + 2; }

  /// Kept + sent of a token machine that has only the children that lead to a block: at most what the constructor asks of s, which is
  /// for b children.
  std::uint64_t token_load() const;
  /// Children of a node that lead to a block: at depth d its place is one of b^d, each over b^(D - d) blocks. The root is depth 0.
  std::uint64_t children(std::uint64_t depth, std::uint64_t place) const;

  /// Machines by role: the token machines, the pairs by (block, place), then the two trees by (block, depth, place).
  std::uint64_t machine(const Role& role) const;
  Role role(std::uint64_t machine) const;

 private:
  std::uint64_t nodes_above(std::uint64_t depth) const;  // of depth 1..depth - 1: b + b^2 + ... + b^(depth - 1)
  std::uint64_t leaves(std::uint64_t depth) const;       // blocks under a node: b^(D - depth)

  TransformerShape shape_;
  std::uint64_t words_, block_tokens_, blocks_, fan_out_, depth_ = 1, tree_nodes_ = 0, machines_ = 0;
};

}  // namespace bridge
