#include <numeric>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/command/process.h"
#include "tests/command/schema.h"

namespace tests {
namespace {

/// Schema 1 of a run.
const Schema schema{{"schema", "u"},
                    {"git", "s"},
                    {"protocol", "s"},
                    {"variant", "s"},
                    {"graph", "s"},
                    {"n", "u"},
                    {"m", "u"},
                    {"input_words", "u"},
                    {"machines", "u"},
                    {"words", "u"},
                    {"word_bits", "u"},
                    {"delta", "f?"},
                    {"c", "f?"},
                    {"slack", "f"},
                    {"ranks", "u"},
                    {"seed", "u"},
                    {"rounds", "u"},
                    {"rounds_declared", "u"},
                    {"max_kept", "u"},
                    {"max_sent", "u"},
                    {"max_received", "u"},
                    {"max_kept_plus_sent", "u"},
                    {"max_kept_plus_received", "u"},
                    {"total_words", "u"},
                    {"messages", "u"},
                    {"retries", "u"},
                    {"answer", "o"},
                    {"verified", "b?"},
                    {"digest", "s"},
                    {"resumed_after", "u?"},
                    {"wall_s", "f"},
                    {"checkpoint_s", "f"},
                    {"load_s", "f"},
                    {"compute_s", "f"},
                    {"pack_s", "f"},
                    {"exchange_s", "f"},
                    {"unpack_s", "f"},
                    {"idle_s", "f"},
                    {"rss_bytes", "u"}};

/// A test that reads JSON.
class Output : public Command {
 protected:
  Json json(const std::string& arguments, int ranks = 0) const {
    const auto ended = roundtrip(arguments + " --json -", ranks);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    auto json = Json::parse(ended.out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << ended.out;
    if (json.is_object()) expect_schema(json, schema);
    return json;
  }
};

TEST_F(Output, JsonOfARun) {
  const auto json = this->json("run connectivity --graph er:1000,1200 --seed 7", 2);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["protocol"], "connectivity");
  EXPECT_EQ(json["variant"], "local-contraction");
  EXPECT_EQ(json["graph"], "er:1000,1200");
  EXPECT_EQ(json["n"], 1000);
  EXPECT_EQ(json["m"], 1200);
  EXPECT_EQ(json["input_words"], 2400);
  EXPECT_EQ(json["words"], 392);     // ceil(8 sqrt 2400) = ceil(391.9)
  EXPECT_EQ(json["machines"], 49);   // ceil(8 * 2400 / 392) = ceil(48.98)
  EXPECT_EQ(json["word_bits"], 24);  // 2 ceil(log2 2400)
  EXPECT_EQ(json["delta"], .5);
  EXPECT_EQ(json["c"], 8);
  EXPECT_EQ(json["slack"], 8);
  EXPECT_EQ(json["ranks"], 2);
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["rounds_declared"], 2 * 9 + 4 + 1);  // 1.75 log2(9600 / 392) = 8.08
  EXPECT_EQ(json["verified"], true);
  EXPECT_EQ(json["answer"].size(), 1U);
  EXPECT_TRUE(json["answer"]["components"].is_number_unsigned());
  EXPECT_EQ(json["digest"].get<std::string>().size(), 16U);
  EXPECT_GT(json["rounds"], 0);
  EXPECT_LE(json["rounds"], json["rounds_declared"]);
  EXPECT_LE(json["max_kept_plus_sent"], json["words"]);
  EXPECT_LE(json["max_kept_plus_received"], json["words"]);
  EXPECT_GT(json["rss_bytes"], 1 << 20);
  EXPECT_GE(json["wall_s"], 0);
}

TEST_F(Output, JsonOfOtherRuns) {
  const auto cycles = json("run cycles --graph two-cycles:1000 --words 300 --no-verify");
  EXPECT_EQ(cycles["answer"], (Json{{"cycles", 2}}));
  EXPECT_EQ(cycles["variant"], "sample");
  EXPECT_EQ(cycles["words"], 300);
  EXPECT_TRUE(cycles["delta"].is_null());
  EXPECT_TRUE(cycles["verified"].is_null());

  const auto lonely = json("run connectivity --graph star:1", 2);
  EXPECT_EQ(lonely["answer"], (Json{{"components", 1}}));
  EXPECT_EQ(lonely["m"], 0);
  EXPECT_EQ(lonely["rounds"], 0);
  EXPECT_EQ(lonely["rounds_declared"], 0);
  EXPECT_EQ(lonely["verified"], true);

  const auto isolated = json("run connectivity --graph er:500,0 --ids as-given --variant alt");
  EXPECT_EQ(isolated["answer"], (Json{{"components", 500}}));
  EXPECT_EQ(isolated["n"], 500);

  write("g.el", "# Nodes: 10 Edges: 2\n1 2\n2 1\n2 2\n");
  const auto counted = json("run connectivity --graph g.el");
  EXPECT_EQ(counted["answer"], (Json{{"components", 9}}));
  EXPECT_EQ(counted["n"], 10);
  EXPECT_EQ(counted["m"], 1);
  EXPECT_EQ(counted["input_words"], 2);

  const auto retried = json("run cycles --graph cliques:300,3");
  EXPECT_EQ(retried["answer"], (Json{{"cycles", 300}}));
  EXPECT_EQ(retried["retries"], 1);
}

TEST_F(Output, CsvIsOneRowOfTheSameFields) {
  write("a,b\"c.el", "0 1\n");
  const auto ended = roundtrip("run connectivity --graph 'a,b\"c.el' --csv -");
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto lines = lines_of(ended.out);
  ASSERT_EQ(lines.size(), 2U);
  std::string header;
  for (const auto& [key, _] : schema) header += (header.empty() ? "" : ",") + (key == "answer" ? "components" : key);
  EXPECT_EQ(lines[0], header);
  EXPECT_EQ(occurrences(lines[1], ",connectivity,local-contraction,\"a,b\"\"c.el\",2,1,2,"), 1U) << lines[1];
  EXPECT_EQ(occurrences(lines[1], ","), schema.size() - 1 + 1);
}

TEST_F(Output, LedgerHasARowForEveryRound) {
  const auto ended = roundtrip("run connectivity --graph tree:3000 --ledger ledger --json json --csv csv --labels labels", 2);
  EXPECT_EQ(ended.code, 0) << ended.err;
  const auto json = Json::parse(read("json"));
  expect_schema(json, schema);
  const auto rows = lines_of(read("ledger"));
  ASSERT_EQ(rows.size(), json["rounds"].get<std::size_t>() + 1);
  const auto columns = occurrences(rows[0], ",");
  EXPECT_GE(columns, 10U);
  for (const auto& row : rows) EXPECT_EQ(occurrences(row, ","), columns) << row;
  EXPECT_NE(rows[1].find("contract/up"), std::string::npos) << rows[1];
  EXPECT_NE(rows.back().find("finish"), std::string::npos) << rows.back();
  // The columns add up to what the JSON says.
  std::vector<std::string> names;
  std::istringstream header(rows[0]);
  for (std::string name; std::getline(header, name, ',');) names.push_back(name);
  const auto column = [&](const std::string& name) {
    const auto at = std::ranges::find(names, name) - names.begin();
    std::vector<std::uint64_t> values;
    for (std::size_t i = 1; i < rows.size(); ++i) {
      std::istringstream row(rows[i]);
      std::string field;
      for (std::ptrdiff_t k = 0; k <= at; ++k) std::getline(row, field, ',');
      values.push_back(std::stoull(field));
    }
    return values;
  };
  ASSERT_NE(std::ranges::find(names, "messages"), names.end()) << rows[0];
  ASSERT_NE(std::ranges::find(names, "max_kept_plus_sent"), names.end()) << rows[0];
  const auto messages = column("messages");
  EXPECT_EQ(std::accumulate(messages.begin(), messages.end(), std::uint64_t{0}), json["messages"].get<std::uint64_t>());
  EXPECT_EQ(std::ranges::max(column("max_kept_plus_sent")), json["max_kept_plus_sent"].get<std::uint64_t>());
  EXPECT_EQ(lines_of(read("csv")).size(), 2U);
  EXPECT_EQ(lines_of(read("labels")).size(), 3000U);
}

TEST_F(Output, ADashLeavesStandardOutputToTheFile) {
  for (const auto* option : {"--json", "--csv", "--ledger", "--labels"}) {
    SCOPED_TRACE(option);
    for (const int ranks : {0, 3}) {
      const auto run = std::string("run connectivity --graph grid:9x9 --explain ") + option;
      const auto dash = roundtrip(run + " -", ranks);
      const auto file = roundtrip(run + " file", ranks);
      EXPECT_EQ(dash.code, 0) << dash.err;
      EXPECT_EQ(dash.err, "");
      EXPECT_EQ(file.code, 0);
      const auto expected = read("file");
      EXPECT_FALSE(expected.empty());
      EXPECT_EQ(lines_of(dash.out).size(), lines_of(expected).size());  // times differ
      EXPECT_EQ(lines_of(dash.out).front(), lines_of(expected).front());
      EXPECT_EQ(occurrences(dash.out, "rounds by primitive") + occurrences(dash.out, "connectivity ("), 0U);
      EXPECT_EQ(occurrences(file.out, "rounds by primitive"), 1U);
    }
  }
}

TEST_F(Output, TheReportSaysWhatRan) {
  const auto ended = roundtrip("run connectivity --graph grid:30x30", 2);
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "");
  for (const auto* text :
       {"connectivity (local-contraction) on grid:30x30", "n = 900 vertices (0 isolated), m = 1,740 edges", "N = 3,480 input words",
        "2 ranks, transport mpi", " measured | at most ", "unconditional", "conditional      ", "D >= 58 by double sweep", "ball growing",
        "kept + sent", "kept + received", "components: 1", "verified   yes", "delta 0.5 c 8 slack 8"}) {
    EXPECT_GE(occurrences(ended.out, text), 1U) << text << "\n" << ended.out;
  }
  EXPECT_EQ(occurrences(ended.out, "rounds by primitive"), 0U);
}

TEST_F(Output, NoVerifySaysSo) {
  const auto ended = roundtrip("run connectivity --graph grid:30x30 --no-verify");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(occurrences(ended.out, "not checked (--no-verify)"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "D was not measured (--no-verify)"), 1U);
  EXPECT_EQ(occurrences(ended.out, "by a serial oracle"), 0U);
}

TEST_F(Output, ExplainAttributesEveryRound) {
  const auto ended = roundtrip("run cycles --graph cycle:2000 --explain");
  EXPECT_EQ(ended.code, 0);
  const auto lines = lines_of(ended.out);
  const auto table = std::ranges::find_if(lines, [](const auto& line) { return line.starts_with("rounds by primitive"); });
  ASSERT_NE(table, lines.end());
  std::uint64_t rounds = 0;
  std::set<std::string> labels;
  for (auto line = table + 1; line != lines.end(); ++line) {
    labels.insert(line->substr(0, line->find("  ")));
    rounds += std::stoul(line->substr(32, 7));
  }
  EXPECT_EQ(labels.count("edges to owners"), 1U);
  EXPECT_EQ(labels.count("gather"), 1U);
  EXPECT_EQ(occurrences(ended.out, "rounds     " + std::to_string(rounds) + " measured"), 1U) << ended.out;
}

TEST_F(Output, AFileThatCannotBeWrittenIsAFault) {
  for (const auto* option : {"--json", "--csv", "--ledger", "--labels"}) {
    SCOPED_TRACE(option);
    const auto ended = roundtrip(std::string("run connectivity --graph star:10 ") + option + " no/such/folder", 2);
    EXPECT_EQ(ended.code, 6);
    EXPECT_EQ(occurrences(ended.err, "roundtrip: "), 1U) << ended.err;
    EXPECT_EQ(occurrences(ended.err, "no/such/folder"), 1U) << ended.err;
    EXPECT_EQ(ended.out, "") << "it ran first";
  }
  EXPECT_EQ(roundtrip("graph star:10 --out no/such/folder", 2).code, 6);
  EXPECT_EQ(roundtrip("run connectivity --graph star:10 --json - >/dev/full").code, 6);
  EXPECT_EQ(roundtrip("run connectivity --graph star:10 >/dev/full").code, 6);
  // The others are written all the same.
  EXPECT_EQ(roundtrip("run connectivity --graph star:10 --ledger /dev/full --json json --labels labels").code, 6);
  EXPECT_TRUE(exists("json"));
  EXPECT_TRUE(exists("labels"));
  expect_refused(roundtrip("run connectivity --graph star:10 --json a --csv a", 2), 2, "both --json and --csv are 'a'; expected two files");
  // What is there stays until something better is.
  EXPECT_EQ(roundtrip("run connectivity --graph star:10 --words 3 --json json --csv csv").code, 4);
  EXPECT_NE(read("json"), "");
  EXPECT_FALSE(exists("csv"));
}

TEST_F(Output, RanksAndDeliveryDoNotMatterOnARealGraph) {
  const std::string graph = std::string(TEST_SOURCE_DIR) + "/bench/data/debian12-depends.el.gz";
  std::string digest, labels;
  for (const auto& [ranks, transport] :
       {std::pair{0, "in_process"}, {1, "mpi"}, {2, "mpi"}, {3, "mpi"}, {4, "mpi"}, {7, "grid"}, {0, "scrambled"}, {3, "scrambled"}}) {
    SCOPED_TRACE(testing::Message() << ranks << " ranks, " << transport);
    const auto json = this->json("run connectivity --graph '" + graph + "' --delta 0.5 --labels labels --transport " + transport, ranks);
    ASSERT_TRUE(json.is_object());
    EXPECT_EQ(json["answer"]["components"], 5933);
    EXPECT_EQ(json["n"], 63666);
    EXPECT_EQ(json["m"], 248270);
    EXPECT_EQ(json["verified"], true);
    EXPECT_LE(json["rounds"], 22);
    EXPECT_LE(json["rounds"], json["rounds_declared"]);
    EXPECT_LE(json["max_kept_plus_sent"], json["words"]);
    EXPECT_LE(json["max_kept_plus_received"], json["words"]);
    if (digest.empty()) {
      digest = json["digest"];
      labels = read("labels");
      EXPECT_EQ(lines_of(labels).size(), 63666U);
    }
    EXPECT_EQ(json["digest"], digest);
    EXPECT_EQ(read("labels"), labels);
  }
}

}  // namespace
}  // namespace tests
