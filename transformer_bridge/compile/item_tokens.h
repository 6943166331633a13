#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mpc/ranks.h"

#include "transformer_bridge/compile/transformer_cluster.h"

namespace bridge {

/// `items` items of so many words each as input tokens, dealt evenly to the machines (protocols/even_share.h): N = items * words_per_item.
Dealing item_dealing(std::uint64_t items, std::uint64_t words_per_item, std::uint64_t machines);

/// Runs the first layer on the input words, of which `words` are this rank's, from token `first` on; returns the words that the machines of
/// this rank read, machine by machine. Collective.
std::vector<mpc::Word> deal_words(TransformerCluster& cluster, std::uint64_t first, std::span<const mpc::Word> words, mpc::Ranks& ranks);

}  // namespace bridge
