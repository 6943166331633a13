#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bench/command/item_labels.h"

#include "tests/command/process.h"
#include "tests/command/schema.h"

namespace tests {
namespace {

TEST(ItemLabels, AreTheSameOnlyWithEveryItemOnce) {
  const std::vector<std::uint64_t> expected{7, 8, 7};
  EXPECT_TRUE(roundtrip::same_item_labels({{3, 7}, {1, 7}, {2, 8}}, expected, 1));
  EXPECT_FALSE(roundtrip::same_item_labels({{3, 7}, {1, 8}, {2, 8}}, expected, 1));
  EXPECT_FALSE(roundtrip::same_item_labels({{3, 7}, {1, 7}, {1, 7}}, expected, 1));
  EXPECT_FALSE(roundtrip::same_item_labels({{3, 7}, {1, 7}}, expected, 1));
  EXPECT_FALSE(roundtrip::same_item_labels({{0, 7}, {1, 7}, {2, 8}}, expected, 1));
  EXPECT_FALSE(roundtrip::same_item_labels({{4, 7}, {1, 7}, {2, 8}}, expected, 1));
}

/// Protocols on sequences and on maps, as processes.
class Sequences : public Command {
 protected:
  Json json(const std::string& arguments, int ranks = 0, int code = 0) const {
    const auto ended = roundtrip("run " + arguments + " --json -", ranks);
    EXPECT_EQ(ended.code, code) << ended.err;
    return Json::parse(ended.out, nullptr, false);
  }
};

TEST_F(Sequences, KhopNamesTheSymbolsOfTheFile) {
  write("text", "the cat saw the dog\nand\tthe dog saw the");
  // The last `the` is at 10; the one before at 7, so one hop leads to 8, a dog; the dog before is at 5, so the next one leads to 6.
  for (const int ranks : {0, 3}) {
    const auto one = json("khop --input text --k 1 --labels labels", ranks);
    EXPECT_EQ(one["answer"], (Json{{"value", "dog"}}));
    EXPECT_EQ(one["verified"], true);
    EXPECT_EQ(one["input"], "text");
    EXPECT_EQ(one["n"], 10);
    EXPECT_EQ(one["alphabet"], 5);
    EXPECT_EQ(one["k"], 1);
    EXPECT_EQ(one["input_words"], 10);
    EXPECT_EQ(one["rounds"], 3);
    EXPECT_EQ(one["rounds_declared"], 3);
    EXPECT_FALSE(one.contains("graph"));
    EXPECT_EQ(read("labels"), "1 -\n2 -\n3 -\n4 cat\n5 -\n6 -\n7 dog\n8 and\n9 the\n10 dog\n");
  }
  EXPECT_EQ(json("khop --input text --k 2")["answer"]["value"], "and");
  EXPECT_EQ(json("khop --input text --k 0")["answer"]["value"], "the");
  EXPECT_TRUE(json("khop --input text --k 3")["answer"]["value"].is_null());
  const auto ended = roundtrip("run khop --input text --k 3");
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const auto* line : {"khop (push) on text\n", "  n = 10 positions, 5 symbols, k = 3\n", "\nanswer     value: undefined\n"})
    EXPECT_EQ(occurrences(ended.out, line), 1U) << ended.out;
  write("empty", "\n");
  EXPECT_TRUE(json("khop --input empty --k 3 --labels labels")["answer"]["value"].is_null());
  EXPECT_EQ(read("labels"), "");
}

TEST_F(Sequences, CompileTheSameAsTheyRun) {
  for (const auto* arguments :
       {"khop --input sequence:12,4 --k 5 --machines 12 --words min", "compose --n 3 --k 5 --machines 15 --words min"}) {
    SCOPED_TRACE(arguments);
    const auto ran = json(arguments);
    const auto ended = roundtrip(std::string("compile ") + arguments + " --json -", 2);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const auto compiled = Json::parse(ended.out, nullptr, false);
    EXPECT_EQ(compiled["identical"], true);
    EXPECT_EQ(compiled["verified"], true);
    for (const auto* key : {"protocol", "n", "k", "input_words", "machines", "words", "rounds", "rounds_declared", "answer", "digest"})
      EXPECT_EQ(compiled[key], ran[key]) << key;
  }
}

TEST_F(Sequences, ComposeIsTheSameOnAnyNumberOfRanks) {
  auto one = json("compose --n 100 --k 13 --labels one");
  EXPECT_EQ(one["n"], 100);
  EXPECT_EQ(one["k"], 13);
  EXPECT_EQ(one["input_words"], 1300);
  EXPECT_EQ(one["rounds"], 8);
  EXPECT_EQ(one["verified"], true);
  const auto three = json("compose --n 100 --k 13 --labels three", 3);
  EXPECT_EQ(three["digest"], one["digest"]);
  EXPECT_EQ(three["answer"], one["answer"]);
  EXPECT_EQ(read("three"), read("one"));
  EXPECT_TRUE(read("one").starts_with("0 " + std::to_string(one["answer"]["value"].get<std::uint64_t>()) + "\n1 ")) << read("one");
  EXPECT_NE(json("compose --n 100 --k 13 --seed 2")["digest"], one["digest"]);
}

TEST_F(Sequences, OptionsBelongToKindsOfInput) {
  expect_refused(roundtrip("run khop --graph star:3 --k 1"), 2,
                 "khop takes no --graph, which is for connectivity, cycles; expected --input, --k");
  expect_refused(roundtrip("run connectivity --graph star:3 --k 1"), 2,
                 "connectivity takes no --k, which is for khop, compose; expected --graph, --format, --vertices, --ids");
  expect_refused(roundtrip("run khop --input sequence:5,2"), 2, "--k is required: khop runs on sequences");
  expect_refused(roundtrip("compile compose --k 2"), 2, "--n is required: compose runs on maps");
  expect_refused(roundtrip("run compose --n 0 --k 2", 2), 2, "--n is 0; expected 1 to 4294967296 points");
  expect_refused(roundtrip("run compose --n 4294967296 --k 2"), 2, "--k is 2; expected at most 1 maps of 4294967296 points");
  expect_refused(roundtrip("run khop --input none --k 2", 2), 3, "none: expected a file that can be read");
  expect_refused(roundtrip("run khop --input sequence:5,x --k 2"), 2, "'sequence:5,x': expected sequence:N,ALPHABET, two whole numbers");
}

}  // namespace
}  // namespace tests
