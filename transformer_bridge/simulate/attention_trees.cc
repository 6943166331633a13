#include "transformer_bridge/simulate/attention_trees.h"

#include <algorithm>

#include <fmt/core.h>

#include "mpc/error.h"
#include "mpc/model.h"

namespace bridge {
namespace {

// Products of sizes that come from a user; three of them below 2^32, and a small number, do not overflow it.
__extension__ using Wide = unsigned __int128;
constexpr auto largest_size = std::uint64_t{1} << 32;

/// B mH: words of the queries of a block, or of its keys, or of its values.
Wide block_words(const TransformerShape& shape, std::uint64_t block_tokens) { return Wide{block_tokens} * shape.head_width; }

/// B m + 3 b B mH: the rows that a token machine keeps, and what it sends to b children of each tree: queries, and keys with values.
Wide token_words(const TransformerShape& shape, std::uint64_t block_tokens, Wide children) {
  return Wide{block_tokens} * shape.width + 3 * children * block_words(shape, block_tokens);
}

void expect_sizes(const TransformerShape& shape, std::uint64_t block_tokens) {
  const auto expect = [](const char* what, std::uint64_t value) {
    if (value == 0 || value > largest_size) {
      throw mpc::UsageError(fmt::format("theorem 2: {}: expected 1 to {}, got {}", what, largest_size, value));
    }
  };
  expect("tokens", shape.tokens);
  expect("width", shape.width);
  expect("width of the heads", shape.head_width);
  expect("heads", shape.heads);
  expect("layers", shape.layers);
  expect("tokens in a block", block_tokens);
}

}  // namespace

std::uint64_t AttentionTrees::least_words(const TransformerShape& shape, std::uint64_t block_tokens) {
  expect_sizes(shape, block_tokens);
  // s = 4 b B mH + r with 0 <= r < 4 B mH has fan-out b, and passes if B m <= b B mH + r: the first b for which there is such an r.
  const auto rows = Wide{block_tokens} * shape.width, unit = block_words(shape, block_tokens);
  const auto fan_out = std::max<Wide>(2, rows / unit > 3 ? rows / unit - 3 : 0);
  const auto least = 4 * fan_out * unit + (rows > fan_out * unit ? rows - fan_out * unit : 0);
  if (least > UINT64_MAX) throw mpc::UsageError("theorem 2: the least s does not fit into 64 bits");
  return static_cast<std::uint64_t>(least);
}

AttentionTrees::AttentionTrees(const TransformerShape& shape, std::uint64_t words, std::uint64_t block_tokens)
    : shape_(shape), words_(words), block_tokens_(block_tokens) {
  const auto least = least_words(shape, block_tokens);
  fan_out_ = static_cast<std::uint64_t>(words / (4 * block_words(shape, block_tokens)));
  if (fan_out_ < 2 || token_words(shape, block_tokens, fan_out_) > words) {
    throw mpc::Error(
        mpc::Exit::over_budget,
        fmt::format("theorem 2: s = {} words: expected b = floor(s / (4 B mH)) >= 2 and B m + 3 b B mH <= s, got b = {}, B = {}, mH = {}, "
                    "m = {}; the least s is {}",
                    words, fan_out_, block_tokens, shape.head_width, shape.width, least));
  }
  blocks_ = (shape.tokens + block_tokens - 1) / block_tokens;
  Wide reach = fan_out_, nodes = 0;
  while (reach < blocks_) {
    nodes += reach;
    reach *= fan_out_;
    ++depth_;
  }
  const auto machines = Wide{blocks_} + Wide{blocks_} * blocks_ + 2 * Wide{blocks_} * nodes;
  if (blocks_ > mpc::Model::most_machines || machines > mpc::Model::most_machines) {
    throw mpc::UsageError(fmt::format("theorem 2: {} blocks of {} tokens with fan-out {} need more than {} machines", blocks_, block_tokens,
                                      fan_out_, mpc::Model::most_machines));
  }
  tree_nodes_ = static_cast<std::uint64_t>(nodes);
  machines_ = static_cast<std::uint64_t>(machines);
}

std::uint64_t AttentionTrees::leaves(std::uint64_t depth) const {
  std::uint64_t count = 1;
  for (auto d = depth; d < depth_; ++d) count *= fan_out_;
  return count;
}

std::uint64_t AttentionTrees::nodes_above(std::uint64_t depth) const {
  std::uint64_t sum = 0, level = fan_out_;
  for (std::uint64_t d = 1; d < depth; ++d, level *= fan_out_) sum += level;
  return sum;
}

std::uint64_t AttentionTrees::children(std::uint64_t depth, std::uint64_t place) const {
  const auto under = leaves(depth), child = under / fan_out_;
  const auto first = place * under;
  if (first >= blocks_) return 0;
  return std::min(fan_out_, (blocks_ - first + child - 1) / child);
}

std::uint64_t AttentionTrees::token_load() const { return static_cast<std::uint64_t>(token_words(shape_, block_tokens_, children(0, 0))); }

std::uint64_t AttentionTrees::machine(const Role& role) const {
  if (role.kind == Role::Kind::token) return role.block;
  if (role.kind == Role::Kind::pair) return blocks_ + role.block * blocks_ + role.place;
  const auto trees = role.kind == Role::Kind::query ? role.block : blocks_ + role.block;
  return blocks_ + blocks_ * blocks_ + trees * tree_nodes_ + nodes_above(role.depth) + role.place;
}

Role AttentionTrees::role(std::uint64_t machine) const {
  if (machine < blocks_) return {Role::Kind::token, machine, 0, 0};
  machine -= blocks_;
  if (machine < blocks_ * blocks_) return {Role::Kind::pair, machine / blocks_, 0, machine % blocks_};
  machine -= blocks_ * blocks_;
  const auto tree = machine / tree_nodes_;
  auto place = machine % tree_nodes_;
  std::uint64_t depth = 1, level = fan_out_;
  for (; place >= level; level *= fan_out_, ++depth) place -= level;
  if (tree < blocks_) return {Role::Kind::query, tree, depth, place};
  return {Role::Kind::key_value, tree - blocks_, depth, place};
}

}  // namespace bridge
