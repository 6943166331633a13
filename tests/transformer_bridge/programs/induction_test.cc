#include "transformer_bridge/programs/induction.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "protocols/oracle/hops.h"

#include "tests/transformer_bridge/programs/run_model.h"

namespace tests {
namespace {

using bridge::NumberType;
using Sequence = std::vector<std::uint64_t>;
constexpr std::uint64_t none = 1000;

TEST(Induction, PredictsWhatCameAfterTheLastOccurrence) {
  const auto model = bridge::induction(80, 5, NumberType::f32);
  EXPECT_EQ(model.name, "induction");
  EXPECT_EQ(model.transformer.layers().size(), 2);
  EXPECT_TRUE(bridge::certify(model, NumberType::f32).exact);
  Ready<float> ready(model);
  for (std::uint64_t round = 0; round < 50; ++round) {
    Sequence sequence;
    for (std::uint64_t i = 0; i < 80; ++i) sequence.push_back(mpc::mix(80 * round + i) % 5);
    const auto answers = bridge::hops_answers(80, 5, ready(bridge::hops_tokens<float>(80, 5, sequence)), none);
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      auto expected = none;
      for (std::size_t j = 0; j + 1 <= i; ++j) {
        if (sequence[j] == sequence[i]) expected = sequence[j + 1];
      }
      EXPECT_EQ(answers[i], expected);
    }
  }
}

// ---- One layer ----------------------------------------------------------------------------------------------------------------------
//
// One layer, one head, of the same form: the query is any function of the last position and its symbol, keys are any functions of position
// and symbol, and so for every symbol at the last position the logits are any order of the items (position, symbol); the head reads the
// first item of that order which is there, and the answer is any function of the item and of the last symbol. An order of all items: a
// head whose largest logit is tied averages values, and with numbers of unlimited precision one average could tell all tokens at once. What
// comes after the last position's own item, or the start token, does not matter: these are always there.

/// (position, symbol), numbered position * symbols + symbol; `own` is the last one.
struct Items {
  std::uint64_t positions, symbols;  // positions before the last
  std::uint64_t own() const { return positions * symbols; }
  bool holds(const Sequence& before, std::uint64_t item) const { return item == own() || before[item / symbols] == item % symbols; }
};

/// For one symbol at the last position: what stands before it, and the right answer.
struct Instance {
  Sequence before;
  std::uint64_t answer;
  std::vector<std::uint64_t> held;  // items
};
using Task = std::function<std::uint64_t(const Sequence& sequence)>;  // -> the answer at the last position

std::vector<Instance> instances_of(const Task& task, const Items& items, std::uint64_t last) {
  std::vector<Instance> all;
  Sequence before(items.positions, 0);
  for (;;) {
    auto sequence = before;
    sequence.push_back(last);
    auto& one = all.emplace_back(Instance{before, task(sequence), {}});
    for (std::uint64_t item = 0; item <= items.own(); ++item) {
      if (items.holds(before, item)) one.held.push_back(item);
    }
    std::size_t at = 0;
    while (at < before.size() && ++before[at] == items.symbols) before[at++] = 0;
    if (at == before.size()) return all;
  }
}

/// Whether a head that prefers items in this order answers all instances.
bool order_works(const std::vector<std::uint64_t>& order, const Items& items, const std::vector<Instance>& instances) {
  std::vector<std::optional<std::uint64_t>> answer(items.own() + 1);
  for (const auto& one : instances) {
    const auto read = *std::ranges::find_if(order, [&](std::uint64_t item) { return items.holds(one.before, item); });
    if (!answer[read]) answer[read] = one.answer;
    if (*answer[read] != one.answer) return false;
  }
  return true;
}

struct Search {
  bool found = false;
  std::uint64_t tried = 0;                // orders, or sets of items
  std::vector<std::uint64_t> order = {};  // that works
};

/// All orders of all items, one after the other: rank[item] is the item's place in it. Pointers, as it is much for an unoptimised build.
Search by_all_orders(const Items& items, const std::vector<Instance>& instances) {
  Search search;
  const auto count = items.own() + 1;
  std::vector<std::uint64_t> ranks(count), answers(count);
  auto *const rank = ranks.data(), *const answer = answers.data();  // answer: of what is read at this rank
  std::iota(ranks.begin(), ranks.end(), std::uint64_t{0});
  constexpr auto unknown = none + 1;
  const auto works = [&] {
    for (std::uint64_t r = 0; r < count; ++r) answer[r] = unknown;
    const auto* const end = instances.data() + instances.size();
    for (const auto* one = instances.data(); one != end; ++one) {
      const auto *item = one->held.data(), *const last = item + one->held.size();
      auto first = rank[*item];
      while (++item != last) {
        if (rank[*item] < first) first = rank[*item];
      }
      if (answer[first] == unknown) answer[first] = one->answer;
      if (answer[first] != one->answer) return false;
    }
    return true;
  };
  do {
    ++search.tried;
    if (works()) {
      search.found = true;
      search.order.resize(count);
      for (std::uint64_t item = 0; item < count; ++item) search.order[rank[item]] = item;
      return search;
    }
  } while (std::next_permutation(rank, rank + count));
  return search;
}

/// The same, without orders that begin alike with an item that reads two answers: the sets of items that can come first, each once.
Search by_sets(const Items& items, const std::vector<Instance>& instances) {
  Search search;
  std::set<std::set<std::uint64_t>> seen;
  std::vector<std::uint64_t> order;
  const std::function<bool()> go_on = [&]() -> bool {
    if (!seen.insert(std::set(order.begin(), order.end())).second) return false;
    ++search.tried;
    std::vector<const Instance*> left;
    for (const auto& one : instances) {
      if (std::ranges::none_of(order, [&](std::uint64_t item) { return items.holds(one.before, item); })) left.push_back(&one);
    }
    if (left.empty()) return true;
    for (std::uint64_t item = 0; item <= items.own(); ++item) {
      if (std::ranges::find(order, item) != order.end()) continue;
      std::set<std::uint64_t> answers;
      for (const auto* one : left) {
        if (items.holds(one->before, item)) answers.insert(one->answer);
      }
      if (answers.size() != 1) continue;
      order.push_back(item);
      if (go_on()) return true;
      order.pop_back();
    }
    return false;
  };
  search.found = go_on();
  search.order = order;
  if (search.found && std::ranges::find(search.order, items.own()) == search.order.end()) search.order.push_back(items.own());
  return search;
}

/// Whether for every symbol at the last position there is an order; of all symbols.
Search one_layer(const char* name, const Task& task, std::uint64_t length, std::uint64_t symbols, bool all_orders) {
  const Items items{length - 1, symbols};
  Search all{true};
  for (std::uint64_t last = 0; last < symbols; ++last) {
    const auto instances = instances_of(task, items, last);
    const auto search = all_orders ? by_all_orders(items, instances) : by_sets(items, instances);
    if (search.found) {
      EXPECT_TRUE(order_works(search.order, items, instances));
    }
    all.found = all.found && search.found;
    all.tried += search.tried;
  }
  fmt::print("one layer, {}, {} positions, {} symbols: {} {} tried, {}\n", name, length, symbols, all.tried,
             all_orders ? "orders" : "sets of items", all.found ? "found" : "none works");
  return all;
}

std::uint64_t one_hop(const Sequence& sequence) { return protocols::oracle::hops(sequence, 1, none).back(); }
std::uint64_t occurs_before(const Sequence& sequence) {
  return std::find(sequence.begin(), sequence.end() - 1, sequence.back()) != sequence.end() - 1 ? 1 : 0;
}
std::uint64_t symbol_before(const Sequence& sequence) { return sequence[sequence.size() - 2]; }
/// How far back the last symbol last occurred: a head can look for the symbol, it only cannot say what came after.
std::uint64_t distance_back(const Sequence& sequence) {
  for (std::size_t back = 1; back < sequence.size(); ++back) {
    if (sequence[sequence.size() - 1 - back] == sequence.back()) return back;
  }
  return none;
}

// Ten items, so 10! orders for each of the three last symbols, and none of them works.
TEST(OneLayer, NoOrderOfAllIsAnInductionHead) {
  const auto search = one_layer("induction head", one_hop, 4, 3, true);
  EXPECT_FALSE(search.found);
  EXPECT_EQ(search.tried, 3 * 3628800);
}

TEST(OneLayer, NorAtSizesThatAreTooManyToListAll) {
  for (const auto& [length, symbols] : {std::pair<std::uint64_t, std::uint64_t>{4, 3}, {4, 4}, {5, 3}, {5, 4}, {6, 3}, {7, 3}}) {
    EXPECT_FALSE(one_layer("induction head", one_hop, length, symbols, false).found) << length << ", " << symbols;
  }
}

TEST(OneLayer, TheSameSearchesFindWhatOneLayerCanDo) {
  // At these sizes the symbol that came after follows from what else is known.
  for (const auto& [length, symbols] : {std::pair<std::uint64_t, std::uint64_t>{2, 3}, {3, 2}, {3, 3}, {4, 2}}) {
    for (const bool all : {false, true}) EXPECT_TRUE(one_layer("induction head", one_hop, length, symbols, all).found) << length;
  }
  for (const auto& [length, symbols] : {std::pair<std::uint64_t, std::uint64_t>{4, 3}, {5, 3}, {6, 3}}) {
    for (const bool all : {false, true}) {
      if (all && length > 4) continue;
      EXPECT_TRUE(one_layer("occurs before", occurs_before, length, symbols, all).found);
      EXPECT_TRUE(one_layer("symbol before", symbol_before, length, symbols, all).found);
    }
    EXPECT_TRUE(one_layer("distance back", distance_back, length, symbols, false).found);
  }
}

TEST(OneLayer, BothSearchesAgreeOnRandomTasks) {
  std::uint64_t found = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Items items{3, 2};
    const Task task = [&](const Sequence& sequence) {
      std::uint64_t key = mpc::mix(seed);
      for (const auto symbol : sequence) key = mpc::mix(key + symbol);
      return key % 8 == 0 ? 1 : 0;
    };
    const auto instances = instances_of(task, items, 0);
    const auto all = by_all_orders(items, instances);
    EXPECT_EQ(by_sets(items, instances).found, all.found);
    found += all.found ? 1 : 0;
  }
  EXPECT_GT(found, 0);
  EXPECT_LT(found, 200);
}

TEST(OneLayer, TwoDoIt) {
  Ready<float> ready(bridge::induction(4, 3, NumberType::f32));
  for (std::uint64_t code = 0; code < 81; ++code) {
    const Sequence sequence{code % 3, code / 3 % 3, code / 9 % 3, code / 27};
    const auto y = ready(bridge::hops_tokens<float>(4, 3, sequence));
    EXPECT_EQ(bridge::hops_answers(4, 3, y, none).back(), one_hop(sequence));
  }
}

}  // namespace
}  // namespace tests
