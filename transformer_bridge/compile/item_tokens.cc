#include "transformer_bridge/compile/item_tokens.h"

#include <algorithm>

#include "protocols/even_share.h"
#include "protocols/graph/spread.h"

namespace bridge {
namespace {

/// An input word on its way to the rank that holds its token.
struct TokenWord {
  std::uint64_t token, word;
};

}  // namespace

Dealing item_dealing(std::uint64_t items, std::uint64_t words_per_item, std::uint64_t machines) {
  const auto first_word = [=](std::uint64_t machine) { return words_per_item * protocols::first_item(machine, items, machines); };
  Dealing dealing;
  dealing.words = words_per_item * items;
  dealing.share = words_per_item * ((items + machines - 1) / machines);
  dealing.destination = [=](std::uint64_t token) {
    const auto machine = protocols::holder(token / words_per_item, items, machines);
    return Dealing::Destination{machine, token - first_word(machine)};
  };
  dealing.share_of = [=](std::uint64_t machine) { return first_word(machine + 1) - first_word(machine); };
  return dealing;
}

std::vector<mpc::Word> deal_words(TransformerCluster& cluster, std::uint64_t first, std::span<const mpc::Word> words, mpc::Ranks& ranks) {
  std::vector<std::vector<TokenWord>> to(static_cast<std::size_t>(ranks.size()));
  for (std::size_t i = 0; i < words.size(); ++i) to[cluster.host(first + i)].push_back({first + i, words[i]});
  std::vector<TokenWord> sent;
  std::vector<std::size_t> counts;
  for (const auto& some : to) {
    sent.insert(sent.end(), some.begin(), some.end());
    counts.push_back(some.size());
  }
  auto received = protocols::exchange_items(std::move(sent), std::move(counts), ranks);
  std::ranges::sort(received, {}, &TokenWord::token);
  std::vector<std::uint64_t> mine;
  for (const auto& [token, word] : received) mine.push_back(word);
  cluster.deal(mine);

  std::vector<mpc::Word> dealt;
  const auto here = cluster.machines_here();
  for (std::size_t local = 0; local < here.count; ++local) {
    const auto& its = cluster.dealt(local);
    dealt.insert(dealt.end(), its.begin(), its.end());
  }
  return dealt;
}

}  // namespace bridge
