#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/command/process.h"
#include "tests/command/schema.h"

namespace tests {
namespace {

const Schema schema{{"schema", "u"}, {"git", "s"}, {"ranks", "u"}, {"preset", "s?"}, {"rows", "a"}, {"fits", "a?"}};
const Schema row_schema{{"protocol", "s"},
                        {"variant", "s"},
                        {"family", "s"},
                        {"size", "u"},
                        {"input", "s"},
                        {"n", "u?"},
                        {"m", "u?"},
                        {"k", "u?"},
                        {"diameter_at_least", "u?"},
                        {"input_words", "u?"},
                        {"words", "u?"},
                        {"machines", "u?"},
                        {"delta", "f?"},
                        {"c", "f?"},
                        {"slack", "f"},
                        {"seed", "u"},
                        {"rounds", "u?"},
                        {"rounds_declared", "u?"},
                        {"unconditional", "u?"},
                        {"conditional", "u?"},
                        {"ball_growing", "u?"},
                        {"rounds_over_unconditional", "f?"},
                        {"rounds_over_conditional", "f?"},
                        {"kept_plus_sent_over_s", "f?"},
                        {"kept_plus_received_over_s", "f?"},
                        {"total_words", "u?"},
                        {"retries", "u?"},
                        {"verdict", "s"},
                        {"exit", "u"},
                        {"failure", "s?"},
                        {"wall_s", "f?"}};

/// A CSV text, by column. Quoted fields hold commas, and no quotes.
std::vector<std::map<std::string, std::string>> table_of(const std::string& csv) {
  const auto fields = [](const std::string& line) {
    std::vector<std::string> all(1);
    bool quoted = false;
    for (const char letter : line) {
      if (letter == '"') {
        quoted = !quoted;
      } else if (letter == ',' && !quoted) {
        all.emplace_back();
      } else {
        all.back() += letter;
      }
    }
    return all;
  };
  const auto lines = lines_of(csv);
  std::vector<std::map<std::string, std::string>> rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto names = fields(lines[0]);
    const auto values = fields(lines[i]);
    EXPECT_EQ(names.size(), values.size()) << lines[i];
    rows.emplace_back();
    for (std::size_t j = 0; j < std::min(names.size(), values.size()); ++j) rows.back()[names[j]] = values[j];
  }
  return rows;
}

std::uint64_t floor_log2(std::uint64_t n) { return n < 2 ? 0 : 1 + floor_log2(n / 2); }
std::uint64_t ceil_log2(std::uint64_t n) { return n < 2 ? 0 : 1 + floor_log2(n - 1); }
/// T = max(1, ceil(log_f q)), f = max(2, floor(s/4)).
std::uint64_t tree_rounds(std::uint64_t q, std::uint64_t s) {
  std::uint64_t rounds = 1;
  const auto f = std::max<std::uint64_t>(2, s / 4);
  for (auto reach = f; reach < q; reach *= f) ++rounds;
  return rounds;
}

Json without_times(Json json) {
  json.erase("ranks");
  for (auto& row : json["rows"]) row.erase("wall_s");
  return json;
}

class Rounds : public Command {
 protected:
  Json checked(const std::string& json) const {
    auto parsed = Json::parse(json, nullptr, false);
    expect_schema(parsed, schema);
    if (testing::Test::HasFatalFailure()) return parsed;
    EXPECT_EQ(parsed["schema"], 1);
    for (const auto& row : parsed["rows"]) {
      SCOPED_TRACE(row.dump());
      expect_schema(row, row_schema);
      if (testing::Test::HasFatalFailure()) return parsed;
      const bool finished = !row["rounds"].is_null();
      EXPECT_EQ(row["failure"].is_null(), finished);
      for (const auto* field : {"kept_plus_sent_over_s", "total_words", "retries", "wall_s"}) EXPECT_EQ(row[field].is_null(), !finished);
    }
    return parsed;
  }
};

// Every variant that there is, on every family that fits it, within what it declares; and exactly that where the number is exact.
TEST_F(Rounds, EveryProtocolKeepsToItsFormula) {
  const auto ended = roundtrip(
      "rounds --protocols connectivity/local-contraction,connectivity/alt,connectivity/fastsv,connectivity/hash-min,cycles,khop,compose "
      "--sizes 2^6..2^8,100 --delta 0.5,0.7 --fit --json json --csv csv --svg svg",
      2);
  ASSERT_EQ(ended.code, 0) << ended.err << ended.out;
  EXPECT_EQ(ended.err, "");
  const auto json = checked(read("json"));
  EXPECT_EQ(json["ranks"], 2);
  std::set<std::string> seen, families;
  for (const auto& row : json["rows"]) {
    SCOPED_TRACE(row.dump());
    const auto number = [&](const char* field) { return row[field].get<std::uint64_t>(); };
    const auto rounds = number("rounds");
    EXPECT_EQ(row["verdict"], "verified");
    EXPECT_EQ(row["exit"], 0);
    EXPECT_LE(rounds, number("rounds_declared"));
    EXPECT_LE(row["kept_plus_sent_over_s"], 1);
    EXPECT_LE(row["kept_plus_received_over_s"], 1);
    EXPECT_GT(row["kept_plus_sent_over_s"], 0);
    const auto delta = row["delta"].get<double>();
    EXPECT_EQ(row["words"], std::ceil(8 * std::pow(number("input_words"), delta)));
    EXPECT_EQ(row["c"], 8);
    EXPECT_EQ(row["rounds_over_unconditional"].is_null(), row["unconditional"].is_null());
    if (!row["unconditional"].is_null()) {
      EXPECT_DOUBLE_EQ(row["rounds_over_unconditional"].get<double>(),
                       static_cast<double>(rounds) / static_cast<double>(std::max<std::uint64_t>(1, number("unconditional"))));
    }
    EXPECT_EQ(row["conditional"], ceil_log2(number(row["k"].is_null() ? "diameter_at_least" : "k")));
    EXPECT_EQ(row["rounds_over_conditional"].is_null(), row["conditional"] == 0);
    if (row["conditional"] != 0) {
      EXPECT_DOUBLE_EQ(row["rounds_over_conditional"].get<double>(), static_cast<double>(rounds) / row["conditional"].get<double>());
    }
    const auto protocol = row["protocol"].get<std::string>() + "/" + row["variant"].get<std::string>();
    seen.insert(protocol);
    families.insert(row["family"]);
    if (protocol == "cycles/doubling") {
      EXPECT_EQ(rounds, floor_log2(number("n")) + 1 + tree_rounds(number("machines"), number("words")));
    }
    if (row["protocol"] == "compose") {
      EXPECT_EQ(rounds, 2 * ceil_log2(number("k")));
    }
    if (row["family"] == "path") {
      EXPECT_EQ(row["diameter_at_least"], number("n") - 1);
    }
    if (row["protocol"] == "cycles") {
      EXPECT_TRUE(row["family"] == "cycle" || row["family"] == "two-cycles");
      EXPECT_EQ(row["n"], row["m"]);
    }
  }
  // Those for which a machine has to hold all vertices.
  const auto large = roundtrip(
      "rounds --protocols connectivity/hash-to-min,connectivity/forests --families path,tree --sizes 64,100 --words min --json -", 2);
  ASSERT_EQ(large.code, 0) << large.err;
  const auto large_rows = checked(large.out)["rows"];
  for (const auto& row : large_rows) {
    EXPECT_EQ(row["verdict"], "verified") << row;
    EXPECT_LE(row["rounds"], row["rounds_declared"]) << row;
    seen.insert(row["protocol"].get<std::string>() + "/" + row["variant"].get<std::string>());
  }
  // As many as `list` shows.
  const auto list = roundtrip("list").out;
  EXPECT_EQ(seen.size(), occurrences(list, "  --variant "));
  for (const auto* family : {"path", "grid", "tree", "er", "rmat", "cycle", "two-cycles", "star", "cliques", "sequence", "maps"})
    EXPECT_TRUE(families.contains(family)) << family;

  // Slopes: a series for each protocol, family and delta; sizes that are no powers of two take part.
  EXPECT_EQ(json["fits"].size() * 4, json["rows"].size());
  EXPECT_EQ(occurrences(ended.out, " verified\n"), json["rows"].size()) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "D: at least, by double sweep"), 1U);

  // The same rows as CSV.
  const auto table = table_of(read("csv"));
  ASSERT_EQ(table.size(), json["rows"].size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    for (const auto* field : {"rounds", "n", "machines", "total_words", "conditional", "seed"})
      EXPECT_EQ(table[i].at(field), json["rows"][i][field].is_null() ? "" : json["rows"][i][field].dump());
    EXPECT_EQ(table[i].at("variant"), json["rows"][i]["variant"]);
    EXPECT_EQ(table[i].at("verdict"), "verified");
  }

  // And a picture: a line for each series.
  const auto svg = read("svg");
  EXPECT_EQ(occurrences(svg, "<polyline class=\"measured\""), json["fits"].size());
  EXPECT_EQ(occurrences(svg, ", δ = 0.7</text>"), families.size());
}

TEST_F(Rounds, DoublingGrowsByOneForEveryDoubling) {
  const std::string sweep =
      "rounds --protocols cycles/doubling --families two-cycles,cycle --sizes 2^7..2^13 --delta 0.5,0.3 --fit --json -";
  const auto ended = roundtrip(sweep);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto json = checked(ended.out);
  ASSERT_EQ(json["fits"].size(), 4U);
  for (const auto& fit : json["fits"]) {
    SCOPED_TRACE(fit.dump());
    EXPECT_NEAR(fit["slope"].get<double>(), 1, 0.05);
    EXPECT_NEAR(fit["r_squared"].get<double>(), 1, 1e-9);
    EXPECT_EQ(fit["points"], 7);
    EXPECT_EQ(fit["protocol"], "cycles");
    EXPECT_EQ(fit["variant"], "doubling");
    // floor(log2 n) + 1 + T and N = 2n.
    EXPECT_NEAR(fit["intercept"].get<double>(), fit["memory"] == "delta 0.5" ? 1 : 2, 1e-6);
  }
  EXPECT_EQ(json["fits"][0]["family"], "two-cycles");
  EXPECT_EQ(json["fits"][1]["memory"], "delta 0.3");
  // The number of ranks changes nothing but times.
  const auto on_three = roundtrip(sweep, 3);
  EXPECT_EQ(on_three.code, 0);
  EXPECT_EQ(without_times(checked(on_three.out)), without_times(json));
}

TEST_F(Rounds, ThePresetIsTheConjecture) {
  const auto ended = roundtrip("rounds --preset sanford2024 --sizes 2^8..2^10 --words min,400 --seeds 1..2,9 --svg - --csv csv", 2);
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(ended.out.starts_with("<svg ")) << ended.out.substr(0, 200);
  EXPECT_TRUE(ended.out.ends_with("</svg>\n"));
  EXPECT_EQ(occurrences(ended.out, "Sanford, Hsu, Telgarsky 2024</text>"), 1U);
  EXPECT_EQ(occurrences(ended.out, "3 seeds: mean, and range as a bar"), 1U);
  EXPECT_EQ(occurrences(ended.out, "<polyline class=\"measured\""), (4U * 2 + 1) * 2);
  EXPECT_EQ(occurrences(ended.out, ", s = min</text>"), 3U);
  const auto table = table_of(read("csv"));
  ASSERT_EQ(table.size(), (4U * 2 + 1) * 2 * 3 * 3);
  EXPECT_EQ(table[1].at("seed"), "2");
  EXPECT_EQ(table[2].at("seed"), "9");
  for (const auto& row : table) {
    EXPECT_EQ(row.at("delta"), "");
    EXPECT_EQ(row.at("family") == "sequence", row.at("protocol") == "khop");
  }
  EXPECT_EQ(table[9].at("words"), "400");
}

TEST_F(Rounds, HopsAndMapsAreSweptOverK) {
  const auto ended = roundtrip("rounds --protocols khop,compose --sizes 2^10,2^11 --k 1,5..10 --delta 0.6 --fit --json json", 2);
  ASSERT_EQ(ended.code, 0) << ended.err << ended.out;
  const auto json = checked(read("json"));
  ASSERT_EQ(json["rows"].size(), 12U);
  for (const auto& row : json["rows"]) {
    SCOPED_TRACE(row.dump());
    const auto k = row["k"].get<std::uint64_t>();
    EXPECT_LE(row["rounds"], row["rounds_declared"]);
    if (row["protocol"] == "compose") {
      EXPECT_EQ(row["rounds"], 2 * ceil_log2(k));
      EXPECT_EQ(row["input"], "maps:" + std::to_string(row["size"].get<std::uint64_t>() / k) + "," + std::to_string(k));
    }
  }
  ASSERT_EQ(json["fits"].size(), 6U);
  EXPECT_EQ(json["fits"][2]["k"], 10);
  EXPECT_EQ(json["fits"][5]["slope"], 0);
  EXPECT_EQ(occurrences(ended.out, " maps k=10 "), 3U) << ended.out;
}

// ---- Rows that fail ---------------------------------------------------------------------------------------------------------------

TEST_F(Rounds, ARowThatFailsSaysSoAndTheSweepGoesOn) {
  const auto sweep = [&](const std::string& variants, int code, int ranks) {
    std::string protocols;
    std::istringstream stream(variants);
    for (std::string variant; stream >> variant;) protocols += (protocols.empty() ? "misbehaving/" : ",misbehaving/") + variant;
    const auto ended = misbehaving(
        "rounds --protocols " + protocols + " --families path --sizes 10,20 --words 7 --slack 3 --json json --csv csv --svg svg", ranks);
    EXPECT_EQ(ended.code, code) << ended.err << ended.out;
    EXPECT_EQ(occurrences(ended.err, "roundtrip: "), 0U) << ended.err;
    return ended;
  };
  for (const int ranks : {0, 3}) {
    SCOPED_TRACE(ranks);
    const auto ended = sweep("nothing sends wrong late throws wrong-classes", 6, ranks);
    const auto json = checked(read("json"));
    ASSERT_EQ(json["rows"].size(), 12U);
    std::map<std::string, std::string> verdicts;
    std::map<std::string, int> exits;
    for (const auto& row : json["rows"]) verdicts[row["variant"]] = row["verdict"], exits[row["variant"]] = row["exit"];
    EXPECT_EQ(verdicts, (std::map<std::string, std::string>{{"nothing", "verified"},
                                                            {"sends", "over budget"},
                                                            {"wrong", "WRONG"},
                                                            {"late", "EXCEEDED"},
                                                            {"throws", "fault"},
                                                            {"wrong-classes", "WRONG"}}));
    EXPECT_EQ(exits,
              (std::map<std::string, int>{{"nothing", 0}, {"sends", 4}, {"wrong", 1}, {"late", 1}, {"throws", 6}, {"wrong-classes", 1}}));
    const auto& refused = json["rows"][2];
    EXPECT_EQ(refused["variant"], "sends");
    EXPECT_EQ(occurrences(refused["failure"], "machine 4, round 2 (sin, tests/command/misbehaving.cc:"), 1U) << refused;
    EXPECT_EQ(refused["words"], 7);
    EXPECT_EQ(json["rows"][6]["rounds"], 3);
    EXPECT_EQ(occurrences(ended.out, "sends 6 words and keeps 2, 8 in all; allowed are 7\n"), 2U) << ended.out;
    EXPECT_EQ(occurrences(ended.out, "\n2 of 12 runs: verified"), 1U) << ended.out;
    EXPECT_EQ(lines_of(read("csv")).size(), 13U);
    // What did not finish is not drawn, and that is said; the rest is.
    EXPECT_EQ(occurrences(read("svg"), "<polyline class=\"measured\""), 4U);
    EXPECT_EQ(occurrences(read("svg"), "4 of 12 runs did not finish and are not shown"), 1U);
  }
  // The worst has its say: a wrong answer is worse than a refusal.
  sweep("nothing sends wrong", 1, 0);
  sweep("sends nothing", 4, 2);
  sweep("nothing full", 0, 0);
}

TEST_F(Rounds, ABudgetBelowTheLeastIsARow) {
  const auto ended = roundtrip("rounds --protocols cycles/doubling --families cycle --sizes 2^8 --words 3,100 --csv - --fit", 2);
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_EQ(lines_of(ended.out).size(), 3U);
  EXPECT_EQ(occurrences(ended.out, "--words min takes the least"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, ",verified,0,,"), 1U) << ended.out;
}

// The sweep is killed: the rows that were there are there.
TEST_F(Rounds, RowsAreWrittenAsTheyCome) {
  const auto ended =
      misbehaving("rounds --protocols misbehaving/nothing,misbehaving/dies --families path --sizes 10 --words 7 --slack 3 --csv csv");
  EXPECT_NE(ended.code, 0);
  const auto lines = lines_of(read("csv"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(occurrences(lines[1], "misbehaving,nothing,path,10,"), 1U);
  EXPECT_EQ(occurrences(ended.out, " verified\n"), 1U) << ended.out;
}

TEST_F(Rounds, UnverifiedIsSaid) {
  const auto ended =
      misbehaving("rounds --protocols misbehaving/wrong --families path --sizes 10 --words 7 --slack 3 --no-verify --json json");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(occurrences(ended.out, " not checked\n"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "1 of 1 runs: not verified"), 1U) << ended.out;
  const auto row = checked(read("json"))["rows"][0];
  EXPECT_TRUE(row["diameter_at_least"].is_null());
  EXPECT_TRUE(row["conditional"].is_null());
  EXPECT_FALSE(row["unconditional"].is_null());
}

TEST_F(Rounds, WrongUseIsNamedBeforeAnythingRuns) {
  const auto refused = [&](const std::string& arguments, const std::string& reason, int ranks = 0, int code = 2) {
    SCOPED_TRACE(arguments);
    expect_refused(roundtrip("rounds " + arguments + " --csv csv", ranks), code, reason);
    EXPECT_FALSE(exists("csv"));
  };
  refused("--preset x", "no preset 'x'; expected one of: sanford2024", 2);
  refused("--protocols walks", "no protocol 'walks'; expected one of: connectivity, cycles");
  refused("--protocols cycles/x", "cycles has no variant 'x'; expected one of: sample, doubling");
  refused("--families moon", "--families: no 'moon'; expected some of: cycle, two-cycles, path");
  refused("--protocols cycles --families path", "none of the families fits cycles: cycles wants a union of cycles", 2);
  refused("--protocols cycles --families path,cycle", "none of the protocols takes the family path: cycles wants a union of cycles");
  refused("--protocols cycles --families maps", "none of the families fits cycles: cycles runs on graphs, and the family maps is of maps");
  refused("--protocols cycles --k 3", "--k is given, and none of the families has a k");
  refused("--sizes 2^", "--sizes holds '2^'; expected positive numbers such as 1024 or 2^10");
  refused("--families two-cycles --sizes 4,8", "two-cycles:4: expected two-cycles:N with 6 <= N");
  refused("--seeds x", "--seeds holds 'x'; expected positive numbers");
  refused("--delta 2", "delta is 2; expected 0 < delta <= 1");
  refused("--slack 0", "slack is 0; expected 0 < slack");
  refused("--words most", "--words is 'most'; expected a whole number");
  refused("--words 0", "--words is 0; expected at least 1, or min");
  refused("--words 100 --delta .5", "--words");
  refused("--json - --svg -", "both --json and --svg are '-'; standard output can hold one");
  refused("--json a --svg a", "both --json and --svg are 'a'; expected two files");
  refused("--protocols cycles --svg no/such/folder", "no/such/folder", 2, 6);
}

}  // namespace
}  // namespace tests
