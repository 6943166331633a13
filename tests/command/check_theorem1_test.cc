#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/command/process.h"
#include "tests/command/schema.h"

namespace tests {
namespace {

const Schema schema{{"schema", "u"}, {"git", "s"},    {"ranks", "u"}, {"seed", "u"},
                    {"dtype", "s"},  {"kernel", "s"}, {"rows", "a"},  {"fit", "o"}};
const Schema row_schema{{"protocol", "s"},       {"input", "s"},    {"routing", "s"},          {"machines", "u"},
                        {"words", "u"},          {"rounds", "u"},   {"layers", "u"},           {"tokens", "u"},
                        {"heads", "u"},          {"width", "u"},    {"width_formula", "u"},    {"width_theorem", "f"},
                        {"tokens_theorem", "f"}, {"margin", "f"},   {"measured_margin", "f?"}, {"exact", "b"},
                        {"identical", "b"},      {"verified", "b"}, {"difference", "s?"},      {"wall_s", "f"},
                        {"messages_s", "f"}};
const Schema refused_schema{{"protocol", "s"}, {"input", "s"}, {"routing", "s"}, {"machines", "u"}, {"words", "u"}, {"refused", "s"}};

Json lasting(Json json) {
  json.erase("ranks");
  for (auto& row : json["rows"]) {
    row.erase("wall_s");
    row.erase("messages_s");
  }
  return json;
}

class Theorem1 : public Command {
 protected:
  /// What the check says; rows that ran must be as the theorem wants them.
  Json checked(const std::string& arguments, int code = 0, int ranks = 0) const {
    SCOPED_TRACE(arguments);
    const auto ended = roundtrip("check theorem1 " + arguments + " --json -", ranks);
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_EQ(occurrences(ended.err, "roundtrip: "), 0U) << ended.err;  // mpirun has its say about other codes than 0
    if (code == 0) {
      EXPECT_EQ(ended.err, "");
    }
    const auto json = Json::parse(ended.out, nullptr, false);
    expect_schema(json, schema);
    if (testing::Test::HasFatalFailure()) return json;
    EXPECT_EQ(json["schema"], 1);
    EXPECT_EQ(json["ranks"], std::max(1, ranks));
    for (const auto& row : json["rows"]) {
      SCOPED_TRACE(row.dump());
      expect_schema(row, row.contains("refused") ? refused_schema : row_schema);
      if (testing::Test::HasFatalFailure()) return json;
      if (row.contains("refused")) continue;
      EXPECT_EQ(row["exact"], true);
      EXPECT_EQ(row["identical"], true);
      EXPECT_EQ(row["verified"], true);
      EXPECT_TRUE(row["difference"].is_null());
      EXPECT_EQ(row["layers"].get<std::uint64_t>(), row["rounds"].get<std::uint64_t>() + 1);
      if (row["routing"] == "superimposed") {
        EXPECT_EQ(row["heads"], 1);
      }
      EXPECT_LE(row["width"], row["width_formula"]);
      EXPECT_GE(row["tokens"], row["machines"]);
      EXPECT_GE(row["margin"], 2);
      if (!row["measured_margin"].is_null()) {
        EXPECT_GE(row["measured_margin"], row["margin"]);
      }
      const auto s = row["words"].get<double>();
      const auto theorem = row["width_theorem"].get<double>();
      EXPECT_NEAR(theorem, 96 * s * s * s * s * std::log(row["tokens"].get<double>()), 1e-9 * (1 + theorem));
    }
    return json;
  }
};

TEST_F(Theorem1, EveryProtocolIsIdenticalOnSmallNumbersOfMachines) {
  const auto json = checked("--machines 1,2,3,5,16", 0, 2);
  EXPECT_EQ(json["dtype"], "f32");
  EXPECT_EQ(json["kernel"], "routed");
  EXPECT_EQ(json["seed"], 1);
  std::map<std::string, std::map<std::uint64_t, std::vector<std::uint64_t>>> words;  // by protocol and machines
  for (const auto& row : json["rows"]) {
    EXPECT_FALSE(row.contains("refused")) << row;
    words[row["protocol"]][row["machines"]].push_back(row["words"]);
  }
  // Machines 1, 2, 3, 5, 16: the least s, and twice that.
  using Cases = std::map<std::uint64_t, std::vector<std::uint64_t>>;
  EXPECT_EQ(words["broadcast"], (Cases{{1, {3, 6}}, {2, {3, 6}}, {3, {3, 6}}, {5, {3, 6}}, {16, {3, 6}}}));
  EXPECT_EQ(words["all-reduce"], (Cases{{1, {5, 10}}, {2, {5, 10}}, {3, {5, 10}}, {5, {5, 10}}, {16, {5, 10}}}));
  EXPECT_EQ(words["lookup"], words["all-reduce"]);
  const std::map<std::string, std::uint64_t> least{{"gather", 9},  {"reduce", 6},        {"scan", 8},     {"segmented-scan", 8},
                                                   {"sort", 8},    {"rebalance", 6},     {"group-by", 5}, {"group-by-sorting", 13},
                                                   {"compose", 4}, {"push-doubling", 10}};
  for (const auto& [name, s] : least) {
    EXPECT_EQ(words[name], (Cases{{1, {s, 2 * s}}, {2, {s, 2 * s}}, {3, {s, 2 * s}}, {5, {s, 2 * s}}, {16, {s, 2 * s}}})) << name;
  }
  // 9 ceil(n/q) + 5, n = max(3, q).
  EXPECT_EQ(words["cycles/doubling"], (Cases{{1, {32, 64}}, {2, {23, 46}}, {3, {14, 28}}, {5, {14, 28}}, {16, {14, 28}}}));
  EXPECT_EQ(words["cycles/sample"], (Cases{{1, {32}}, {2, {23}}, {3, {14, 28}}, {5, {14, 28}}, {16, {14, 28}}}));
  // A star and a path of max(3, q) vertices, for as long as no machine sends more than 32 packets.
  const Cases contraction{{1, {19, 19}}, {2, {16, 16, 32, 32}}, {3, {13, 13, 26, 26}}, {5, {15, 15, 30, 30}}};
  EXPECT_EQ(words["connectivity/alt"], contraction);
  EXPECT_EQ(words["connectivity/local-contraction"], contraction);
  EXPECT_EQ(words["connectivity/fastsv"], (Cases{{1, {26, 26}}, {2, {19, 19}}, {3, {17, 17}}, {5, {29, 29}}}));
  EXPECT_EQ(words["connectivity/hash-min"], (Cases{{1, {21, 21}}, {2, {16, 16, 32, 32}}, {3, {16, 16, 32, 32}}, {5, {28, 28}}}));
  EXPECT_EQ(words["connectivity/forests"], (Cases{{1, {5, 5, 10, 10}}, {2, {6, 6, 12, 12}}, {3, {6, 6, 12, 12}}, {5, {10, 10, 20, 20}}}));
  // b + 3 + max(4b, 2L), b = 1: at most 2 occurrences of any symbol in these sequences, but 4 among 16. n + 3 for n = 4 points.
  EXPECT_EQ(words["khop/push"], (Cases{{1, {8, 16}}, {2, {8, 16}}, {3, {8, 16}}, {5, {8, 16}}, {16, {8, 16}}}));
  EXPECT_EQ(words["compose/lookup"][16], (std::vector<std::uint64_t>{7, 14}));
  EXPECT_EQ(words.size(), 22U);
  EXPECT_TRUE(json["fit"]["in_words"].is_number());
  EXPECT_TRUE(json["fit"]["in_tokens"].is_number());
  EXPECT_NEAR(json["fit"]["in_words"].get<double>(), 4, 0.5);

  for (const int ranks : {1, 3}) {
    SCOPED_TRACE(ranks);
    EXPECT_EQ(lasting(checked("--machines 1,2,3,5,16", 0, ranks)), lasting(json));
  }
}

TEST_F(Theorem1, EveryProtocolHasItsOwnMachines) {
  const auto json = checked("--protocols broadcast,cycles/sample --words 20 --seed 9", 0, 2);
  EXPECT_EQ(json["seed"], 9);
  std::map<std::string, std::vector<std::uint64_t>> machines;
  for (const auto& row : json["rows"]) {
    EXPECT_EQ(row["words"], 20);
    machines[row["protocol"]].push_back(row["machines"]);
  }
  EXPECT_EQ(machines["broadcast"], (std::vector<std::uint64_t>{1, 2, 3, 5, 16, 50, 64, 256, 1024}));
  EXPECT_EQ(machines["cycles/sample"], (std::vector<std::uint64_t>{3, 5, 16, 50, 64, 256}));
  EXPECT_EQ(machines.size(), 2U);
}

TEST_F(Theorem1, KernelsAndNumberTypesAgree) {
  const std::string some = "--protocols lookup,gather,cycles/doubling --machines 3,7 --words 18";
  const auto routed = checked(some);
  EXPECT_EQ(routed["rows"].size(), 6U);
  auto dense = checked(some + " --kernel dense", 0, 2);
  EXPECT_EQ(dense["kernel"], "dense");
  dense["kernel"] = "routed";
  EXPECT_EQ(lasting(dense), lasting(routed));
  auto f64 = checked(some + " --dtype f64", 0, 2);
  EXPECT_EQ(f64["dtype"], "f64");
  f64["dtype"] = "f32";
  EXPECT_EQ(lasting(f64), lasting(routed));
  EXPECT_EQ(checked(some + " --limb-bits 2")["rows"].size(), 6U);
}

TEST_F(Theorem1, SlotsCarryTrees) {
  const std::string trees = "--protocols broadcast,all-reduce --machines 1,2,3,5,16,50 --routing slots";
  const auto json = checked(trees, 0, 3);
  EXPECT_EQ(json["rows"].size(), 24U);
  for (const auto& row : json["rows"]) {
    SCOPED_TRACE(row.dump());
    EXPECT_EQ(row["routing"], "slots");
    EXPECT_EQ(row["heads"], row["rounds"] == 0 ? Json(1) : row["words"]);  // H = B
  }
  EXPECT_EQ(lasting(checked(trees)), lasting(json));
}

TEST_F(Theorem1, TheTableSaysTheSame) {
  const auto ended = roundtrip("check theorem1 --protocols broadcast,lookup --machines 3,5 --json json", 2);
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "");
  const auto json = Json::parse(read("json"), nullptr, false);
  expect_schema(json, schema);
  ASSERT_EQ(json["rows"].size(), 8U);
  const auto lines = lines_of(ended.out);
  ASSERT_EQ(lines.size(), 11U) << ended.out;  // a header, 8 rows, the fit, the verdict
  EXPECT_EQ(occurrences(lines[0], "verdict"), 1U);
  for (std::size_t i = 0; i < 8; ++i) {
    const auto& row = json["rows"][i];
    EXPECT_TRUE(lines[i + 1].starts_with(row["protocol"].get<std::string>() + " ")) << lines[i + 1];
    EXPECT_TRUE(lines[i + 1].ends_with("  identical")) << lines[i + 1];
  }
  EXPECT_TRUE(lines[9].starts_with("width grows like s^")) << lines[9];
  EXPECT_TRUE(lines[10].starts_with("8 of 8 cases: identical memory after every round, L = R + 1")) << lines[10];
}

// ---- Refused rows -----------------------------------------------------------------------------------------------------------------

TEST_F(Theorem1, TooFewWordsRefuseOneRow) {
  for (const int ranks : {0, 3}) {
    const auto json = checked("--protocols broadcast,lookup,cycles/doubling --machines 3 --words 4,14", 4, ranks);
    ASSERT_EQ(json["rows"].size(), 6U);
    std::map<std::pair<std::string, int>, Json> rows;
    for (const auto& row : json["rows"]) rows[{row["protocol"], row["words"]}] = row;
    ASSERT_EQ(rows.size(), 6U);
    EXPECT_EQ((rows[{"lookup", 4}]["refused"]), "lookup needs machines of at least 5 words; s is 4");
    EXPECT_EQ((occurrences(rows[{"cycles/doubling", 4}]["refused"], "needs machines of at least 14 words")), 1U)
        << rows[{"cycles/doubling", 4}];
    for (const auto& key : {std::pair{"broadcast", 4}, {"broadcast", 14}, {"lookup", 14}, {"cycles/doubling", 14}}) {
      EXPECT_EQ(rows[key]["identical"], true) << key.first << " " << key.second;
    }
  }
}

TEST_F(Theorem1, WhatDoesNotFitRefusesOneRow) {
  const auto json = checked("--protocols broadcast,gather --machines 3 --words 9,1000,40000", 4, 2);
  ASSERT_EQ(json["rows"].size(), 6U);
  for (const auto& row : json["rows"]) {
    if (row["words"] == 9) {
      EXPECT_EQ(row["identical"], true);
      continue;
    }
    const auto refused = row["refused"].get<std::string>();
    const auto b = "B = " + row["words"].dump() + " packets ";
    EXPECT_EQ(occurrences(refused, b), 1U) << refused;
    EXPECT_EQ(occurrences(refused, " slots"), 2U - (row["words"] == 40000 ? 1U : 0U)) << refused;  // those it needs and those there can be
    if (row["words"] == 1000) {
      EXPECT_EQ(occurrences(refused, " GiB of memory on 2 ranks"), 1U) << refused;
    }
  }
  // The text goes on, too.
  const auto ended = roundtrip("check theorem1 --protocols broadcast,gather --machines 3 --words 1000,9");
  EXPECT_EQ(ended.code, 4);
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(occurrences(ended.out, "B = 1000 packets of one word need "), 2U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "  identical\n"), 2U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "2 of 4 cases: "), 1U) << ended.out;
  const auto tight = checked("--protocols broadcast,gather --machines 3 --words 9 --most-gib 0.00001", 4);
  for (const auto& row : tight["rows"]) EXPECT_EQ(occurrences(row["refused"], "B = 9 packets of one word need 6,724 slots"), 1U) << row;
}

TEST_F(Theorem1, MeetingsRefuseARowOfSlots) {
  for (const int ranks : {0, 2}) {
    const auto json = checked("--protocols all-reduce,lookup,cycles/doubling --machines 5 --words 14 --routing slots", 5, ranks);
    ASSERT_EQ(json["rows"].size(), 3U);
    EXPECT_EQ(json["rows"][0]["identical"], true);
    EXPECT_EQ(occurrences(json["rows"][1]["refused"], "layer 2 (lookup): head 0: 2 senders for machine "), 1U) << json["rows"][1];
    EXPECT_EQ(occurrences(json["rows"][2]["refused"], "layer 2 (edges to owners): head 0: 2 senders for machine "), 1U) << json["rows"][2];
  }
}

TEST_F(Theorem1, WhatIsNotExactRefusesARow) {
  const auto json = checked("--protocols broadcast --machines 3 --temperature 1", 5);
  ASSERT_EQ(json["rows"].size(), 2U);
  for (const auto& row : json["rows"]) EXPECT_EQ(occurrences(row["refused"], "layer 1 (input) is not exact"), 1U) << row;
}

// Every token in a process of its own: nothing but keys and values can carry anything.
TEST_F(Theorem1, HoldsWithAProcessForEveryMachine) {
  const auto json = checked("--machines 5", 0, 5);
  EXPECT_GT(json["rows"].size(), 15U);
  for (const auto& row : json["rows"]) EXPECT_EQ(row["identical"], true) << row;
}

TEST_F(Theorem1, WrongUseIsNamed) {
  const auto refused = [&](const std::string& arguments, const std::string& reason, int ranks = 0) {
    SCOPED_TRACE(arguments);
    expect_refused(roundtrip("check " + arguments, ranks), 2, reason);
  };
  refused("", "subcommand is required");
  refused("theorem3", "check: no subcommand 'theorem3'; expected one of: ");
  refused("theorem1 --protocols broadcast,median",
          "--protocols: no 'median'; expected some of: broadcast, all-reduce, lookup, gather, reduce, scan, ", 3);
  refused("theorem1 --machines 0", "--machines holds a 0; expected numbers from 1");
  refused("theorem1 --machines 3,x", "--machines is 'x'; expected a whole number");
  refused("theorem1 --words 0", "--words holds a 0; expected numbers from 1");
  refused("theorem1 --seed x", "--seed is 'x'; expected a whole number");
  refused("theorem1 --routing x", "--routing is 'x'; expected superimposed or slots");
  refused("theorem1 --most-gib 0", "--most-gib is 0; expected a positive number");
  refused("theorem1 --protocols connectivity/alt --machines 100 --json json", "no protocol has a case for these numbers");
  EXPECT_FALSE(exists("json"));
  const auto ended = roundtrip("check theorem1 --protocols broadcast --machines 2 --json no/such/folder", 2);
  EXPECT_EQ(ended.code, 6);
  EXPECT_EQ(occurrences(ended.err, "no/such/folder"), 1U) << ended.err;
}

}  // namespace
}  // namespace tests
