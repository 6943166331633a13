#include "transformer_bridge/simulate/attention_trees.h"

#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "mpc/error.h"

#include "tests/transformer_bridge/refusal.h"

namespace bridge {
namespace {

using tests::refusal;
using Kind = Role::Kind;

TransformerShape shape(std::uint64_t tokens, std::uint64_t width, std::uint64_t head_width, std::uint64_t layers = 1) {
  return {tokens, width, head_width, 1, layers};
}

TEST(AttentionTrees, HaveTheSizesOfTheTheorem) {
  struct Row {
    std::uint64_t tokens, head_width, words, block, fan_out, depth, machines;
  };
  // The worked sizes of the theorem, and of its tiled form with the words that give fan-out 2.
  for (const auto& row : {
           Row{256, 8, 256, 1, 8, 3, 102'656}, Row{256, 16, 1024, 1, 16, 2, 73'984}, Row{1024, 16, 256, 1, 4, 5, 1'745'920},
           Row{1024, 16, 1024, 1, 16, 3, 1'606'656}, Row{4096, 16, 1024, 1, 16, 3, 19'009'536}, Row{128, 384, 16'384, 1, 10, 3, 44'672},
           Row{128, 384, 3'072, 1, 2, 7, 48'768}, Row{256, 8, 256, 4, 2, 6, 12'096}, Row{256, 16, 1024, 8, 2, 5, 2'976},
           Row{1024, 16, 1024, 8, 2, 7, 48'768}, Row{1, 384, 3'072, 1, 2, 1, 2},
           Row{7, 4, 100, 3, 2, 2, 3 + 9 + 2 * 3 * 2},  // blocks of 3, 3 and 1 token; s is above 4 b B mH
       }) {
    const AttentionTrees trees(shape(row.tokens, row.head_width, row.head_width, 6), row.words, row.block);
    EXPECT_EQ(trees.fan_out(), row.fan_out) << row.tokens << ' ' << row.words;
    EXPECT_EQ(trees.depth(), row.depth) << row.tokens << ' ' << row.words;
    EXPECT_EQ(trees.machines(), row.machines) << row.tokens << ' ' << row.words;
    EXPECT_EQ(trees.rounds(), 12 * row.depth + 2);
  }
}

TEST(AttentionTrees, RoundsOfTheRealModel) {
  const AttentionTrees trees(shape(128, 384, 384, 6), 16'384);
  EXPECT_EQ(trees.rounds(), 38);
  EXPECT_EQ(trees.token_load(), 384 + 3 * 2 * 384);  // two children of 100 blocks each reach all 128
}

/// Whether s passes, from the two conditions as they are written.
bool passes(const TransformerShape& shape, std::uint64_t words, std::uint64_t block) {
  const auto fan_out = words / (4 * block * shape.head_width);
  return fan_out >= 2 && block * shape.width + 3 * fan_out * block * shape.head_width <= words;
}

TEST(AttentionTrees, LeastWordsIsTheSmallestThatPasses) {
  for (std::uint64_t width = 1; width <= 40; ++width) {
    for (std::uint64_t head_width = 1; head_width <= 9; ++head_width) {
      for (const std::uint64_t block : {1U, 3U}) {
        const auto of = shape(5, width, head_width);
        std::uint64_t least = 1;
        while (!passes(of, least, block)) ++least;
        ASSERT_EQ(AttentionTrees::least_words(of, block), least) << width << ' ' << head_width << ' ' << block;
        for (std::uint64_t words = 0; words < least + 40; ++words) {
          const auto text = refusal([&] { AttentionTrees(of, words, block); });
          ASSERT_EQ(text == "not refused", passes(of, words, block)) << width << ' ' << head_width << ' ' << words << ' ' << text;
        }
      }
    }
  }
}

TEST(AttentionTrees, AWordTooLittleIsRefusedWithTheLeast) {
  EXPECT_EQ(AttentionTrees::least_words(shape(128, 384, 384)), 3'072);
  try {
    AttentionTrees(shape(128, 384, 384), 3'071);
    FAIL() << "not refused";
  } catch (const mpc::Error& error) {
    EXPECT_EQ(error.exit(), mpc::Exit::over_budget);
    EXPECT_STREQ(error.what(),
                 "theorem 2: s = 3071 words: expected b = floor(s / (4 B mH)) >= 2 and B m + 3 b B mH <= s, got b = 1, B = 1, mH = 384, "
                 "m = 384; the least s is 3072");
  }
}

TEST(AttentionTrees, SizesThatCannotBeAreRefused) {
  EXPECT_EQ(refusal([] { AttentionTrees(shape(0, 1, 1), 8); }), "usage: theorem 2: tokens: expected 1 to 4294967296, got 0");
  EXPECT_EQ(refusal([] { AttentionTrees(shape(1, 0, 1), 8); }), "usage: theorem 2: width: expected 1 to 4294967296, got 0");
  EXPECT_EQ(refusal([] { AttentionTrees(shape(1, 1, 0), 8); }), "usage: theorem 2: width of the heads: expected 1 to 4294967296, got 0");
  EXPECT_EQ(refusal([] { AttentionTrees(shape(1, 1, 1, 0), 8); }), "usage: theorem 2: layers: expected 1 to 4294967296, got 0");
  EXPECT_EQ(refusal([] { AttentionTrees({1, 1, 1, 0, 1}, 8); }), "usage: theorem 2: heads: expected 1 to 4294967296, got 0");
  EXPECT_EQ(refusal([] { AttentionTrees(shape(1, 1, 1), 8, 0); }), "usage: theorem 2: tokens in a block: expected 1 to 4294967296, got 0");
  EXPECT_EQ(refusal([] { AttentionTrees(shape(46'341, 1, 1), 8); }),
            "usage: theorem 2: 46341 blocks of 1 tokens with fan-out 2 need more than 2147483647 machines");
  EXPECT_EQ(refusal([] { AttentionTrees(shape(UINT64_MAX, 1, 1), 8); }),
            "usage: theorem 2: tokens: expected 1 to 4294967296, got 18446744073709551615");
  EXPECT_EQ(refusal([] { AttentionTrees(shape(1, std::uint64_t{1} << 32, std::uint64_t{1} << 32), UINT64_MAX, std::uint64_t{1} << 32); }),
            "usage: theorem 2: the least s does not fit into 64 bits");
}

/// Every machine has one role, and every role of the trees one machine, in the order of the numbers.
TEST(AttentionTrees, MachinesAndRolesAreOneToOne) {
  for (const auto& [tokens, words, block] : {std::tuple{1, 16, 1}, {2, 16, 1}, {9, 16, 1}, {10, 24, 1}, {30, 32, 2}, {17, 1000, 1}}) {
    const AttentionTrees trees(shape(static_cast<std::uint64_t>(tokens), 2, 2), static_cast<std::uint64_t>(words),
                               static_cast<std::uint64_t>(block));
    std::set<std::tuple<Kind, std::uint64_t, std::uint64_t, std::uint64_t>> roles;
    for (std::uint64_t machine = 0; machine < trees.machines(); ++machine) {
      const auto role = trees.role(machine);
      ASSERT_EQ(trees.machine(role), machine);
      ASSERT_LT(role.block, trees.blocks());
      if (role.kind == Kind::pair) {
        ASSERT_LT(role.place, trees.blocks());
      } else if (role.kind != Kind::token) {
        ASSERT_GE(role.depth, 1);
        ASSERT_LT(role.depth, trees.depth());
      }
      roles.insert({role.kind, role.block, role.depth, role.place});
    }
    EXPECT_EQ(roles.size(), trees.machines());
  }
}

/// From a root, the children that lead anywhere reach every block once.
TEST(AttentionTrees, ChildrenReachEveryBlockOnce) {
  for (const std::uint64_t tokens : {1U, 2U, 3U, 7U, 8U, 9U, 26U, 27U, 28U, 100U}) {
    for (const std::uint64_t words : {8U, 12U, 40U, 1000U}) {
      const AttentionTrees trees(shape(tokens, 1, 1), words);
      std::vector<std::uint64_t> places = {0};
      for (std::uint64_t depth = 0; depth < trees.depth(); ++depth) {
        std::vector<std::uint64_t> below;
        for (const auto place : places) {
          const auto count = trees.children(depth, place);
          EXPECT_GE(count, 1);
          EXPECT_LE(count, trees.fan_out());
          for (std::uint64_t child = 0; child < count; ++child) below.push_back(place * trees.fan_out() + child);
        }
        places = below;
      }
      ASSERT_EQ(places.size(), tokens) << words;
      for (std::uint64_t block = 0; block < tokens; ++block) EXPECT_EQ(places[block], block);
      EXPECT_LE(trees.token_load(), words);
    }
  }
  const AttentionTrees trees(shape(28, 1, 1), 12);  // b = 3, D = 4
  EXPECT_EQ(trees.children(1, 2), 0);               // blocks 54 and on are not there
}

}  // namespace
}  // namespace bridge
