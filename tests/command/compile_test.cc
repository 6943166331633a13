#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/command/npy.h"
#include "tests/command/process.h"
#include "tests/command/schema.h"

namespace tests {
namespace {

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
                    {"ranks", "u"},
                    {"seed", "u"},
                    {"routing", "s"},
                    {"kernel", "s"},
                    {"rounds", "u"},
                    {"rounds_declared", "u"},
                    {"layers", "u"},
                    {"tokens", "u"},
                    {"heads", "u"},
                    {"width", "u"},
                    {"width_formula", "u"},
                    {"width_theorem", "f"},
                    {"tokens_theorem", "f"},
                    {"key_width", "u"},
                    {"oracle", "b"},
                    {"answer", "o"},
                    {"retries", "u"},
                    {"verified", "b?"},
                    {"identical", "b?"},
                    {"difference", "s?"},
                    {"digest", "s"},
                    {"certificate", "o"},
                    {"wall_s", "f"},
                    {"load_s", "f"},
                    {"compute_s", "f"},
                    {"write_s", "f"},
                    {"gather_s", "f"},
                    {"read_s", "f"},
                    {"attention_s", "f"},
                    {"rss_bytes", "u"}};
const Schema certificate_schema{{"exact", "b"}, {"dtype", "s"}, {"margin", "f?"}, {"measured_margin", "f?"}, {"layers", "a"}};
const Schema layer_schema{{"layer", "u"},
                          {"label", "s"},
                          {"routing", "s"},
                          {"packet_words", "u"},
                          {"packets", "u"},
                          {"limbs", "u"},
                          {"limb_bits", "u"},
                          {"heads", "u"},
                          {"key_width", "u"},
                          {"slots", "u"},
                          {"width", "u"},
                          {"width_formula", "u"},
                          {"temperature", "f"},
                          {"margin", "f"},
                          {"measured_margin", "f?"},
                          {"smallest_tie", "f"},
                          {"measured_tie", "f"},
                          {"largest_integer", "u"},
                          {"largest_exact_integer", "u"}};
const Schema residual_schema{{"schema", "u"}, {"limbs", "u"}, {"packet_words", "u"}, {"reading", "a"}, {"layer", "u"},     {"label", "s"},
                             {"tokens", "u"}, {"width", "u"}, {"limb_bits", "u"},    {"columns", "a"}, {"variables", "a"}, {"memory", "a"}};

/// A run on messages and one as a transformer say the same about these.
const std::vector<std::string> common{"protocol", "variant", "graph",     "n",     "m",      "input_words",
                                      "machines", "words",   "word_bits", "seed",  "rounds", "rounds_declared",
                                      "answer",   "retries", "verified",  "digest"};

/// What does not depend on the clock or the number of ranks.
Json lasting(Json json) {
  for (const auto* key : {"ranks", "wall_s", "load_s", "compute_s", "write_s", "gather_s", "read_s", "attention_s", "rss_bytes"})
    json.erase(key);
  return json;
}

/// What is proved of a layer, recomputed from the sizes that it names.
void expect_layer(const Json& layer, const Json& run) {
  SCOPED_TRACE(layer.dump());
  const auto number = [&](const char* key) { return layer[key].get<std::uint64_t>(); };
  const bool f32 = run["certificate"]["dtype"] == "f32";
  const auto words = run["words"].get<std::uint64_t>();
  const auto fields = number("packet_words") * number("limbs");
  const bool superimposed = layer["routing"] == "superimposed";
  const bool input = layer["routing"] == "input";
  EXPECT_EQ(number("packets"), words / number("packet_words"));
  EXPECT_GE(number("limbs") * number("limb_bits"), run["word_bits"].get<std::uint64_t>());
  EXPECT_EQ(number("heads"), superimposed || input ? 1 : number("packets"));
  EXPECT_EQ(number("width_formula"), 1 + words * number("limbs") +
                                         number("heads") * number("slots") *
                                             (fields + (superimposed ? 4
                                                        : input      ? 0
                                                                     : 3)));
  EXPECT_LE(number("width"), number("width_formula"));
  EXPECT_GT(number("width"), words * number("limbs"));
  const auto margin = layer["margin"].get<double>();
  const auto temperature = layer["temperature"].get<double>();
  EXPECT_GE(margin, 2);
  EXPECT_GE(temperature * margin, f32 ? 104 : 745.2);
  EXPECT_EQ(temperature, std::exp2(std::round(std::log2(temperature))));
  if (!layer["measured_margin"].is_null()) {
    EXPECT_GE(layer["measured_margin"].get<double>(), margin);
  }
  EXPECT_EQ(number("largest_exact_integer"), f32 ? 2'795'270U : 1'500'699'642'575'973U);
  EXPECT_LE(number("largest_integer"), number("largest_exact_integer"));
  EXPECT_GE(number("largest_integer"), (std::uint64_t{1} << number("limb_bits")) - 1);
  const auto most_tied = input ? number("slots") : superimposed ? number("packets") + 1 : 2;
  EXPECT_DOUBLE_EQ(layer["smallest_tie"].get<double>(), 1 / static_cast<double>(most_tied));
  EXPECT_GE(layer["measured_tie"].get<double>(), layer["smallest_tie"].get<double>());
  EXPECT_LE(layer["measured_tie"].get<double>(), 1);
}

class Compile : public Command {
 protected:
  /// A compile that ends well; what it says is checked for itself.
  Json compiled(const std::string& arguments, int ranks = 0) const {
    SCOPED_TRACE("compile " + arguments);
    std::filesystem::remove(folder / "result");
    const auto ended = roundtrip("compile " + arguments + " --json result", ranks);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    const auto json = Json::parse(read("result"), nullptr, false);
    expect_schema(json, schema);
    if (testing::Test::HasFatalFailure()) return json;
    EXPECT_EQ(json["schema"], 1);
    EXPECT_EQ(json["ranks"], std::max(1, ranks));
    EXPECT_EQ(json["oracle"], true);
    EXPECT_EQ(json["layers"].get<std::uint64_t>(), json["rounds"].get<std::uint64_t>() + 1);
    EXPECT_EQ(json["tokens"], std::max(json["input_words"], json["machines"]));
    EXPECT_LE(json["rounds"], json["rounds_declared"]);
    EXPECT_LE(json["width"], json["width_formula"]);
    const auto s = json["words"].get<double>();
    const auto tokens = json["tokens"].get<double>();
    EXPECT_NEAR(json["width_theorem"].get<double>(), 96 * s * s * s * s * std::log(tokens),
                1e-9 * (1 + json["width_theorem"].get<double>()));
    const auto threshold = json["tokens_theorem"].get<double>();
    EXPECT_NEAR(96 * s * s * s * s * std::log(threshold), threshold, 1e-6 * threshold);

    const auto& certificate = json["certificate"];
    expect_schema(certificate, certificate_schema);
    if (testing::Test::HasFatalFailure()) return json;
    EXPECT_EQ(certificate["exact"], true);
    EXPECT_EQ(certificate["layers"].size(), json["layers"].get<std::size_t>());
    std::uint64_t width = 0, formula = 0, key_width = 0, heads = 0, next = 1;
    auto margin = std::numeric_limits<double>::infinity();
    auto seen = margin;
    for (const auto& layer : certificate["layers"]) {
      expect_schema(layer, layer_schema);
      if (testing::Test::HasFatalFailure()) return json;
      EXPECT_EQ(layer["layer"], next);
      EXPECT_EQ(layer["routing"], next == 1 ? Json("input") : json["routing"]);
      ++next;
      expect_layer(layer, json);
      width = std::max(width, layer["width"].get<std::uint64_t>());
      formula = std::max(formula, layer["width_formula"].get<std::uint64_t>());
      key_width = std::max(key_width, layer["key_width"].get<std::uint64_t>());
      heads = std::max(heads, layer["heads"].get<std::uint64_t>());
      margin = std::min(margin, layer["margin"].get<double>());
      if (!layer["measured_margin"].is_null()) seen = std::min(seen, layer["measured_margin"].get<double>());
    }
    EXPECT_EQ(json["width"], width);
    EXPECT_EQ(json["width_formula"], formula);
    EXPECT_EQ(json["key_width"], key_width);
    EXPECT_EQ(json["heads"], heads);
    if (json["routing"] == "superimposed") {
      EXPECT_EQ(json["heads"], 1);
    }
    EXPECT_EQ(certificate["margin"], margin);
    EXPECT_EQ(certificate["measured_margin"], std::isfinite(seen) ? Json(seen) : Json(nullptr));
    return json;
  }

  Json ran(const std::string& arguments) const {
    const auto ended = roundtrip("run " + arguments + " --json ran");
    EXPECT_EQ(ended.code, 0) << ended.err;
    return Json::parse(read("ran"), nullptr, false);
  }

  static void expect_same(const Json& compiled, const Json& ran) {
    for (const auto& key : common) {
      ASSERT_TRUE(ran.contains(key)) << key;
      EXPECT_EQ(compiled[key], ran[key]) << key;
    }
  }
};

const std::string two_cycles = "cycles --variant doubling --graph two-cycles:8 --ids as-given --machines 8 --words min";
const std::string path = "connectivity --graph path:3 --machines 3 --words min";

// ---- The result -------------------------------------------------------------------------------------------------------------------

TEST_F(Compile, JsonOfARun) {
  const auto json = compiled(two_cycles + " --seed 3", 2);
  EXPECT_EQ(json["protocol"], "cycles");
  EXPECT_EQ(json["variant"], "doubling");
  EXPECT_EQ(json["graph"], "two-cycles:8");
  EXPECT_EQ(json["n"], 8);
  EXPECT_EQ(json["m"], 8);
  EXPECT_EQ(json["input_words"], 16);
  EXPECT_EQ(json["machines"], 8);
  EXPECT_EQ(json["words"], 14);  // 9 ceil(n/q) + 5
  EXPECT_EQ(json["word_bits"], 8);
  EXPECT_EQ(json["seed"], 3);
  EXPECT_EQ(json["routing"], "superimposed");
  EXPECT_EQ(json["kernel"], "routed");
  EXPECT_EQ(json["layers"], json["rounds"].get<int>() + 1);
  EXPECT_EQ(json["tokens"], 16);
  EXPECT_EQ(json["answer"], (Json{{"cycles", 2}}));
  EXPECT_EQ(json["retries"], 0);
  EXPECT_EQ(json["verified"], true);
  EXPECT_EQ(json["certificate"]["dtype"], "f32");
  std::vector<std::string> labels;
  for (const auto& layer : json["certificate"]["layers"]) labels.push_back(layer["label"]);
  ASSERT_GE(labels.size(), 6U);
  labels.resize(6);  // the all-reduce may take more rounds
  EXPECT_EQ(labels, (std::vector<std::string>{"input", "edges to owners", "double", "double", "double", "all-reduce"}));
  const auto& layers = json["certificate"]["layers"];
  EXPECT_EQ(layers[0]["slots"], 3);  // two words a machine, and the start token
  EXPECT_EQ(layers[0]["measured_tie"].get<double>(), 1 / 3.0);
  EXPECT_EQ(layers[1]["packets"], 14);
  EXPECT_EQ(layers[2]["packet_words"], 2);
  EXPECT_EQ(layers[2]["packets"], 7);
  EXPECT_EQ(layers[2]["smallest_tie"].get<double>(), 1 / 8.0);
  EXPECT_EQ(layers[2]["measured_tie"].get<double>(), 1 / 3.0);  // both sides, and the start token
}

TEST_F(Compile, IsTheRunOnMessagesForAnyNumberOfRanks) {
  struct Case {
    std::string arguments;
    std::vector<int> ranks;
  };
  const std::vector<Case> cases{
      {"cycles --graph two-cycles:12 --machines 5 --words min --variant doubling", {1, 2, 3}},
      {"cycles --graph cliques:4,3 --machines 12 --words min --seed 2", {0, 3}},
      {"connectivity --graph er:20,6 --machines 12 --words min --seed 4", {1, 2, 3}},   // isolated vertices
      {"connectivity --graph star:4 --machines 2 --words min --variant alt", {0, 3}},   // more ranks than machines
      {"connectivity --graph path:5 --machines 1 --words min --ids as-given", {0, 2}},  // one machine
      {"connectivity --graph er:5,0 --machines 2", {0, 3}},                             // no edges
      {"connectivity --graph path:3 --vertices 3 --machines 20 --words 20", {0, 3}},    // more machines than words
      {"connectivity --graph cliques:32,2 --machines 8 --words min", {0}},              // contracted before it fits one machine
#ifndef __SANITIZE_ADDRESS__
      {"connectivity --graph star:81 --machines 16 --words min --variant alt", {0}},  // the same with a hub; 88 million slots
#endif
  };
  for (const auto& [arguments, ranks] : cases) {
    SCOPED_TRACE(arguments);
    const auto run = ran(arguments + " --labels labels");
    const auto labels = read("labels");
    EXPECT_EQ(lines_of(labels).size(), run["n"].get<std::size_t>());
    Json first;
    for (const auto count : ranks) {
      SCOPED_TRACE(count);
      std::filesystem::remove(folder / "labels");
      const auto json = compiled(arguments + " --labels labels", count);
      expect_same(json, run);
      EXPECT_EQ(json["verified"], true);
      EXPECT_EQ(read("labels"), labels);
      if (first.is_null()) first = lasting(json);
      EXPECT_EQ(lasting(json), first);
    }
  }
}

TEST_F(Compile, ARetryIsALongerTransformer) {
  const auto json = compiled("cycles --graph cliques:4,3 --machines 12 --words min");
  EXPECT_EQ(json["retries"], 1);
  EXPECT_EQ(json["answer"], (Json{{"cycles", 4}}));
  std::map<std::string, int> layers;
  for (const auto& layer : json["certificate"]["layers"]) ++layers[layer["label"]];
  EXPECT_EQ(layers["gather"], 2);
  EXPECT_GE(layers["all-reduce"], 1);
}

TEST_F(Compile, KernelsAndNumberTypesAgree) {
  const auto run = ran(two_cycles);
  const auto routed = compiled(two_cycles);
  expect_same(routed, run);
  auto dense = compiled(two_cycles + " --kernel dense", 2);
  EXPECT_EQ(dense["kernel"], "dense");
  dense["kernel"] = "routed";
  EXPECT_EQ(lasting(dense), lasting(routed));

  const auto f64 = compiled(two_cycles + " --dtype f64");
  expect_same(f64, run);
  EXPECT_EQ(f64["certificate"]["dtype"], "f64");
  EXPECT_GT(f64["certificate"]["layers"][0]["temperature"], routed["certificate"]["layers"][0]["temperature"]);
  auto dense64 = compiled(two_cycles + " --dtype f64 --kernel dense");
  dense64["kernel"] = "routed";
  EXPECT_EQ(lasting(dense64), lasting(f64));
  expect_same(compiled(two_cycles + " --dtype f32 --kernel routed --routing superimposed"), run);
}

TEST_F(Compile, LimbsAndTemperatureMakeNoDifferenceToTheAnswer) {
  const auto run = ran(path);
  const auto one = compiled(path + " --limb-bits 1");
  expect_same(one, run);
  EXPECT_EQ(one["certificate"]["layers"][1]["limbs"], one["word_bits"]);
  EXPECT_EQ(one["certificate"]["layers"][1]["limb_bits"], 1);
  const auto three = compiled(path + " --limb-bits 3", 2);
  expect_same(three, run);
  EXPECT_EQ(three["certificate"]["layers"][1]["limbs"], 2);  // of 4 bits
  EXPECT_EQ(three["certificate"]["layers"][1]["limb_bits"], 2);
  expect_same(compiled(path + " --limb-bits 64"), run);  // words have only 4 bits
  const auto warm = compiled(path + " --temperature 4096");
  expect_same(warm, run);
  for (const auto& layer : warm["certificate"]["layers"]) EXPECT_EQ(layer["temperature"], 4096);
  expect_same(compiled(path + " --temperature 64"), run);  // 64 * 2 >= 104
}

TEST_F(Compile, SlotsCarryRoundsWithoutMeetings) {
  for (const std::string arguments :
       {"connectivity --graph path:2 --machines 4 --words min", "connectivity --graph path:5 --machines 1 --words min"}) {
    SCOPED_TRACE(arguments);
    const auto run = ran(arguments + " --labels labels");
    const auto labels = read("labels");
    Json first;
    for (const int ranks : {0, 3}) {
      const auto json = compiled(arguments + " --routing slots --labels labels", ranks);
      expect_same(json, run);
      EXPECT_EQ(json["routing"], "slots");
      EXPECT_EQ(json["heads"], json["words"]);
      EXPECT_EQ(read("labels"), labels);
      if (first.is_null()) first = lasting(json);
      EXPECT_EQ(lasting(json), first);
    }
    const auto wide = compiled(arguments);
    EXPECT_LT(100 * first["width_formula"].get<std::uint64_t>(), wide["width_formula"].get<std::uint64_t>());
    EXPECT_EQ(wide["digest"], first["digest"]);
  }
}

TEST_F(Compile, NoVerifySaysSo) {
  EXPECT_TRUE(compiled(path + " --no-verify")["verified"].is_null());
  const auto ended = roundtrip("compile " + path + " --no-verify");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(occurrences(ended.out, "not checked (--no-verify)"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "by a serial oracle"), 0U);
}

TEST_F(Compile, TheReportHasTheCertificate) {
  const auto json = compiled(two_cycles, 2);
  const auto ended = roundtrip("compile " + two_cycles, 2);
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "");
  for (const std::string text :
       {"cycles (doubling) on two-cycles:8, as a transformer", "n = 8 vertices (0 isolated), m = 8 edges",
        "N = 16 input words, s = 14 words", "q = 8 machines; 2 ranks, seed 1", " = R + 1, R = ", "H = 1, routing superimposed",
        "exact      in float32, by proof", "kernel routed", "cycles: 2", "verified   yes, by a serial oracle"}) {
    EXPECT_EQ(occurrences(ended.out, text), 1U) << text << "\n" << ended.out;
  }
  EXPECT_EQ(occurrences(ended.out, "digest " + json["digest"].get<std::string>()), 1U);
  // The table: one line for every kind of layer; the numbers of layers add up.
  const auto lines = lines_of(ended.out);
  const auto table = std::ranges::find_if(lines, [](const auto& line) { return line.starts_with("layers by round"); });
  ASSERT_NE(table, lines.end()) << ended.out;
  std::map<std::string, std::vector<std::string>> rows;
  for (auto line = table + 1; line != lines.end() && !line->starts_with("packet: "); ++line) {
    std::istringstream rest(line->substr(22));
    auto& row = rows[line->substr(0, line->find("  "))];
    for (std::string word; rest >> word;) row.push_back(word);
    EXPECT_EQ(row.size(), 13U) << *line;  // the bar is one
  }
  ASSERT_EQ(rows.size(), 4U) << ended.out;
  std::map<std::string, std::uint64_t> layers;
  for (const auto& layer : json["certificate"]["layers"]) ++layers[layer["label"]];
  for (const auto& [label, count] : layers) {
    ASSERT_EQ(rows.count(label), 1U) << label;
    EXPECT_EQ(rows[label][0], std::to_string(count)) << label;
  }
  EXPECT_EQ(rows["double"][1], "2");
  EXPECT_EQ(rows["double"][2], "7");
  EXPECT_EQ(rows["edges to owners"][4], "38,613");
}

TEST_F(Compile, ADashLeavesStandardOutputToTheFile) {
  const auto expected = lasting(compiled(path));
  for (const int ranks : {0, 3}) {
    const auto json = roundtrip("compile " + path + " --json -", ranks);
    EXPECT_EQ(json.code, 0);
    EXPECT_EQ(json.err, "");
    const auto parsed = Json::parse(json.out, nullptr, false);  // nothing before it and nothing after it
    ASSERT_TRUE(parsed.is_object()) << json.out;
    EXPECT_EQ(lasting(parsed), expected);
    const auto labels = roundtrip("compile " + path + " --labels - --json json", ranks);
    EXPECT_EQ(labels.code, 0);
    EXPECT_EQ(labels.out, "0 0\n1 0\n2 0\n");
    EXPECT_TRUE(exists("json"));
  }
}

TEST_F(Compile, DryRunRunsNothing) {
  const std::string files = " --json json --labels labels --dump-attention a --dump-residual r";
  const auto json = compiled(two_cycles);
  const auto ended = roundtrip("compile " + two_cycles + " --dry-run" + files, 3);
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const std::string text : {"dry run", "N = 16 input words, s = 14 words of 8 bits, q = 8 machines", "layers     L = at most ",
                                 "tokens     16 ", "packet words", "96 s^4 ln N"})
    EXPECT_EQ(occurrences(ended.out, text), 1U) << text << "\n" << ended.out;
  for (const auto* file : {"json", "labels", "a", "r"}) EXPECT_FALSE(exists(file)) << file;
  // B, heads, key width, slots and width of packets of 1 to 4 words, as in the run.
  std::map<std::string, std::vector<std::string>> rows;
  for (auto line : lines_of(ended.out)) {
    std::erase(line, ',');
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first.size() == 1 && first >= "1" && first <= "4") {
      for (std::string word; words >> word;) rows[first].push_back(word);
    }
  }
  ASSERT_EQ(rows.size(), 4U) << ended.out;
  int compared = 0;
  for (const auto& layer : json["certificate"]["layers"]) {
    if (layer["routing"] == "input") continue;
    const auto& row = rows.at(std::to_string(layer["packet_words"].get<int>()));
    ASSERT_EQ(row.size(), 6U);
    const std::vector<std::string> keys{"packets", "heads", "key_width", "slots", "width_formula"};
    for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(row[i], std::to_string(layer[keys[i]].get<std::uint64_t>())) << keys[i];
    ++compared;
  }
  EXPECT_GE(compared, 5);
  // What cannot run can be asked about.
  const auto large = roundtrip("compile connectivity --graph er:2000,3000 --dry-run");
  EXPECT_EQ(large.code, 4) << large.err;  // what the run would say
  EXPECT_EQ(occurrences(large.err, "too large for routing superimposed"), 1U) << large.err;
  EXPECT_EQ(occurrences(large.out, "    620 "), 1U) << large.out;
  EXPECT_EQ(occurrences(large.out, "147,764,513,201"), 1U) << large.out;
}

// ---- Refusals ---------------------------------------------------------------------------------------------------------------------

TEST_F(Compile, WhatIsNotExactIsRefused) {
  for (const int ranks : {0, 3}) {
    expect_refused(
        roundtrip("compile " + path + " --temperature 1", ranks), 5,
        "layer 1 (input) is not exact: float32 needs temperature * margin >= 104 for the other weights to vanish; here 1 * 2 = 2");
  }
  expect_refused(
      roundtrip("compile " + path + " --temperature 64 --dtype f64"), 5,
      "layer 1 (input) is not exact: float64 needs temperature * margin >= 745.2 for the other weights to vanish; here 64 * 2 = 128");
  expect_refused(roundtrip("compile " + path + " --temperature 100"), 5, "layer 1 (input) is not exact: float32 needs exact logits");
  // 1,025 machines make words of 22 bits, and 2^22 - 1 > 2,795,270; 1,024 make words of 20.
  const auto machines = [](int q) { return "compile connectivity --graph path:3 --words min --machines " + std::to_string(q); };
  expect_refused(roundtrip(machines(1025) + " --limb-bits 24"), 5,
                 "layer 1 (input) is not exact: float32 reads integers up to 2795270 from an average exactly; here they reach 4194303");
  EXPECT_EQ(roundtrip(machines(1024) + " --limb-bits 24").code, 0);
  EXPECT_EQ(roundtrip(machines(1025) + " --limb-bits 24 --dtype f64").code, 0);
}

TEST_F(Compile, SlotsRefuseMeetings) {
  for (const int ranks : {0, 2}) {
    expect_refused(roundtrip("compile cycles --graph cycle:5 --machines 5 --words min --routing slots", ranks), 5,
                   "layer 2 (edges to owners): head 0: 2 senders for machine ");
  }
  expect_refused(roundtrip("compile connectivity --graph star:4 --machines 4 --words min --routing slots"), 5,
                 "layer 2 (finish): head 0: 3 senders for machine 0; routing slots can tell at most 1 apart: use superimposed");
}

TEST_F(Compile, WhatDoesNotFitIsRefused) {
  const auto large = roundtrip("compile connectivity --graph er:2000,3000 --dump-attention a --json json");
  expect_refused(large, 4, "B = 620 packets of one word need 147,764,513,201 slots, 886,587,080,447 columns and up to ");
  EXPECT_EQ(occurrences(large.err, " GiB of memory on 1 rank; expected at most "), 1U) << large.err;
  EXPECT_FALSE(exists("a"));
  EXPECT_FALSE(exists("json"));
  const auto ranks = roundtrip("compile connectivity --graph er:2000,3000", 2);
  expect_refused(ranks, 4, " GiB of memory on 2 ranks; expected at most ");
  expect_refused(roundtrip("compile " + path + " --most-gib 0.00001"), 4, "B = 13 packets of one word need 29,238 slots, ");
  EXPECT_EQ(roundtrip("compile " + path + " --most-gib 1").code, 0);
  for (const auto* beyond : {"1e30", "inf"}) EXPECT_EQ(roundtrip("compile " + path + " --most-gib " + beyond).code, 0) << beyond;
  for (const auto* dry : {"", " --dry-run"}) {
    expect_refused(roundtrip(std::string("compile connectivity --graph path:3 --words 40000") + dry, *dry == 0 ? 0 : 2), 4,
                   "B = 40000 packets a machine (s = 40000 words, packets of 1) need more than 2^60 slots");
  }
  expect_refused(roundtrip("compile " + path + " --words 3"), 2, "--words");  // given twice
  expect_refused(roundtrip("compile connectivity --graph path:3 --machines 3 --words 3"), 4, "s is 3. --words min takes the least");
}

struct Refusal {
  const char* name;
  const char* options;
  const char* reason;
  friend void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.options; }
};

class WrongCompile : public Command, public testing::WithParamInterface<Refusal> {};

TEST_P(WrongCompile, IsNamed) { expect_refused(roundtrip("compile " + path + " " + GetParam().options), 2, GetParam().reason); }

INSTANTIATE_TEST_SUITE_P(
    Every, WrongCompile,
    testing::Values(Refusal{"LimbBitsZero", "--limb-bits 0", "--limb-bits is 0; expected 1 to 64"},
                    Refusal{"LimbBitsMany", "--limb-bits 65", "--limb-bits is 65; expected 1 to 64"},
                    Refusal{"LimbBitsText", "--limb-bits x", "--limb-bits is 'x'; expected a whole number"},
                    Refusal{"TemperatureZero", "--temperature 0", "--temperature is 0; expected a number above 0 and below 1e30"},
                    Refusal{"TemperatureNan", "--temperature nan", "--temperature is nan; expected a number above 0 and below 1e30"},
                    Refusal{"TemperatureNegative", "--temperature -1", "--temperature is -1; expected a number above 0 and below 1e30"},
                    Refusal{"TemperatureInfinite", "--temperature inf", "--temperature is inf; expected a number above 0 and below 1e30"},
                    Refusal{"TemperatureText", "--temperature hot", "--temperature"},
                    Refusal{"MostGibZero", "--most-gib 0", "--most-gib is 0; expected a positive number"},
                    Refusal{"MostGibNegative", "--most-gib -1", "--most-gib is -1; expected a positive number"},
                    Refusal{"MostGibNan", "--most-gib nan", "--most-gib is nan; expected a positive number"},
                    Refusal{"Dtype", "--dtype f16", "--dtype"},   //
                    Refusal{"Kernel", "--kernel x", "--kernel"},  //
                    Refusal{"Routing", "--routing x", "--routing is 'x'; expected superimposed or slots"},
                    Refusal{"DryRun", "--dry-run --routing x", "--routing is 'x'; expected superimposed or slots"},  //
                    Refusal{"OneFile", "--json f --labels f", "both --json and --labels are 'f'; expected two files"},
                    Refusal{"TwoOutputs", "--json - --labels -", "standard output can hold one"},
                    Refusal{"Transport", "--transport mpi", "--transport"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(Compile, WrongUseIsSaidOnceByAllRanks) {
  expect_refused(roundtrip("compile " + path + " --limb-bits 0", 3), 2, "--limb-bits is 0; expected 1 to 64");
  expect_refused(roundtrip("compile cycles --graph path:3", 3), 3,
                 "cycles wants a union of cycles, where every vertex has degree 2; vertex ");
}

TEST_F(Compile, AFileThatCannotBeWrittenIsAFault) {
  const auto refused = [&](const std::string& options, const std::string& name, int ranks) {
    SCOPED_TRACE(options);
    const auto ended = roundtrip("compile " + path + " " + options, ranks);
    EXPECT_EQ(ended.code, 6);
    EXPECT_EQ(occurrences(ended.err, "roundtrip: "), 1U) << ended.err;
    EXPECT_GE(occurrences(ended.err, name), 1U) << ended.err;
  };
  write("file", "");
  refused("--json no/such/folder --labels labels", "no/such/folder", 2);
  EXPECT_EQ(read("labels"), "0 0\n1 0\n2 0\n");  // written all the same
  refused("--labels no/such/folder --json json", "no/such/folder", 0);
  EXPECT_TRUE(exists("json"));
  refused("--dump-attention file/a", "file/a", 2);
  refused("--dump-residual file", "file", 0);
  // A dump is not mixed with another one.
  for (const auto* option : {"--dump-attention", "--dump-residual"}) {
    std::filesystem::create_directories(folder / "old/some.npy");
    expect_refused(roundtrip("compile " + path + " " + option + " old", 2), 2,
                   "old: this folder is not empty; expected a new one for the dump");
  }
  EXPECT_EQ(roundtrip("compile " + path + " >/dev/full").code, 6);
  EXPECT_EQ(roundtrip("compile " + path + " --json - >/dev/full").code, 6);
}

// ---- Dumps ------------------------------------------------------------------------------------------------------------------------

class Dump : public Compile {
 protected:
  /// Runs a compile with both dumps, on one rank and on three, which must be alike.
  Json dumped(const std::string& arguments) const {
    std::filesystem::remove_all(folder / "a");
    std::filesystem::remove_all(folder / "r");
    const auto json = compiled(arguments + " --dump-attention a --dump-residual r");
    EXPECT_EQ(compiled(arguments + " --dump-attention deep/a --dump-residual deep/r", 3)["digest"], json["digest"]);
    for (const auto* kind : {"a", "r"}) {
      const auto one = files(kind);
      const auto three = files(std::string("deep/") + kind);
      EXPECT_EQ(one.size(), three.size());
      for (const auto& name : one) EXPECT_TRUE(read(kind + ("/" + name)) == read("deep/" + (kind + ("/" + name)))) << name;
    }
    std::filesystem::remove_all(folder / "deep");
    return json;
  }

  std::set<std::string> files(const std::string& name) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder / name)) names.insert(entry.path().filename());
    return names;
  }

  static std::string name(const char* kind, std::uint64_t layer) {
    return std::string(kind) + "/layer_" + (layer < 10 ? "0" : "") + std::to_string(layer);
  }
  Npy messages(std::uint64_t layer) const { return read_npy(read(name("a", layer) + "_messages.npy")); }
  Npy attention(std::uint64_t layer, std::uint64_t head) const {
    return read_npy(read(name("a", layer) + "_head_" + (head < 10 ? "0" : "") + std::to_string(head) + ".npy"));
  }
  Npy residual(std::uint64_t layer) const { return read_npy(read(name("r", layer) + ".npy")); }
  Json columns(std::uint64_t layer) const { return Json::parse(read(name("r", layer) + ".json"), nullptr, false); }

  /// Messages of every round, by the ledger of a run.
  std::vector<double> ledger(const std::string& arguments) const {
    const auto ended = roundtrip("run " + arguments + " --ledger -");
    EXPECT_EQ(ended.code, 0) << ended.err;
    std::vector<std::vector<std::string>> rows;
    for (const auto& line : lines_of(ended.out)) {
      std::istringstream stream(line);
      auto& row = rows.emplace_back();
      for (std::string field; std::getline(stream, field, ',');) row.push_back(field);
    }
    std::vector<double> counts;
    const auto column = static_cast<std::size_t>(std::ranges::find(rows.at(0), "messages") - rows.at(0).begin());
    for (std::size_t i = 1; i < rows.size(); ++i) counts.push_back(std::stod(rows[i].at(column)));
    return counts;
  }

  /// The words of a machine's variables after a layer.
  static std::map<std::uint64_t, std::vector<std::uint64_t>> memory(const Json& json, const Npy& matrix, std::uint64_t machine) {
    std::map<std::uint64_t, std::uint64_t> words;
    for (std::size_t c = 0; c < json["columns"].size(); ++c) {
      const auto& column = json["columns"][c];
      if (column["what"] != "memory") continue;
      const auto limb = matrix.at(machine, c);
      EXPECT_EQ(limb, std::floor(limb));
      EXPECT_GE(limb, 0);
      EXPECT_LT(limb, std::exp2(json["limb_bits"].get<double>()));
      words[column["word"]] |= static_cast<std::uint64_t>(limb) << (column["limb"].get<unsigned>() * json["limb_bits"].get<unsigned>());
    }
    std::map<std::uint64_t, std::vector<std::uint64_t>> variables;
    for (const auto& place : json["memory"]) {
      if (place["machine"] != machine) continue;
      auto& variable = variables[place["variable"]];
      EXPECT_TRUE(variable.empty());
      for (std::uint64_t k = 0; k < place["words"]; ++k) {
        const auto word = place["first_word"].get<std::uint64_t>() + k;
        variable.push_back(words.contains(word) ? words[word] : 0);  // a column that is 0 for all machines is left out
        words.erase(word);
      }
    }
    for (const auto& [word, value] : words) EXPECT_EQ(value, 0U) << "word " << word << " belongs to no variable";
    return variables;
  }

  void expect_attention(const Json& json, const std::vector<double>& rounds) const;
  void expect_residual(const Json& json) const;
};

/// A token attends to exactly those that sent to it, and to the start token, all alike.
void Dump::expect_attention(const Json& json, const std::vector<double>& rounds) const {
  const auto tokens = json["tokens"].get<std::size_t>();
  const auto machines = json["machines"].get<std::size_t>();
  const auto layers = json["layers"].get<std::uint64_t>();
  const bool slots = json["routing"] == "slots";
  ASSERT_EQ(rounds.size(), json["rounds"].get<std::size_t>());
  std::size_t expected_files = 0;
  for (std::uint64_t layer = 1; layer <= layers; ++layer) {
    SCOPED_TRACE(testing::Message() << "layer " << layer);
    const auto sent = messages(layer);
    EXPECT_EQ(sent.type, "<u8");
    ASSERT_EQ(sent.rows, tokens);
    ASSERT_EQ(sent.columns, tokens);
    double all = 0;
    for (std::size_t i = 0; i < tokens; ++i) {
      for (std::size_t j = 0; j < tokens; ++j) {
        all += sent.at(i, j);
        if (j >= machines || (layer > 1 && i >= machines)) {
          EXPECT_EQ(sent.at(i, j), 0) << i << " " << j;
        }
      }
    }
    EXPECT_EQ(all, layer == 1 ? json["input_words"].get<double>() : rounds[layer - 2]);

    const auto heads = json["certificate"]["layers"][layer - 1]["heads"].get<std::uint64_t>();
    expected_files += 1 + heads;
    std::map<std::pair<std::size_t, std::size_t>, double> seen;  // (sender, receiver): heads in which it is attended to
    for (std::uint64_t head = 0; head < heads; ++head) {
      const auto weights = attention(layer, head);
      EXPECT_EQ(weights.type, json["certificate"]["dtype"] == "f32" ? "<f4" : "<f8");
      ASSERT_EQ(weights.rows, tokens);
      ASSERT_EQ(weights.columns, tokens + 1);
      for (std::size_t j = 0; j < tokens; ++j) {
        std::size_t senders = 0;
        double sum = weights.at(j, tokens);
        for (std::size_t i = 0; i < tokens; ++i) {
          sum += weights.at(j, i);
          if (weights.at(j, i) == 0) continue;
          ++senders;
          ++seen[{i, j}];
        }
        const auto equal = 1 / static_cast<double>(senders + 1);
        const auto share = weights.type == "<f4" ? static_cast<double>(static_cast<float>(equal)) : equal;
        EXPECT_EQ(weights.at(j, tokens), share) << "token " << j;
        for (std::size_t i = 0; i < tokens; ++i) {
          if (weights.at(j, i) != 0) {
            EXPECT_EQ(weights.at(j, i), share) << i << " to " << j;
          }
        }
        EXPECT_NEAR(sum, 1, 1e-6);
        if (slots && layer > 1) {
          EXPECT_LE(senders, 1U) << "token " << j << ", head " << head;
        }
      }
    }
    for (std::size_t i = 0; i < tokens; ++i) {
      for (std::size_t j = 0; j < tokens; ++j) {
        const bool attended = seen.contains({i, j});
        EXPECT_EQ(attended, sent.at(i, j) != 0) << i << " to " << j;
        // With slots every packet, here a message, has a head of its own.
        if (slots && layer > 1 && attended) {
          EXPECT_EQ((seen[{i, j}]), sent.at(i, j)) << i << " to " << j;
        }
      }
    }
  }
  EXPECT_EQ(files("a").size(), expected_files);
}

/// Every column is named and used, memory and messages are read back from the columns.
void Dump::expect_residual(const Json& json) const {
  const auto tokens = json["tokens"].get<std::size_t>();
  const auto machines = json["machines"].get<std::uint64_t>();
  const auto layers = json["layers"].get<std::uint64_t>();
  EXPECT_EQ(files("r").size(), 2 * layers);
  for (std::uint64_t layer = 1; layer <= layers; ++layer) {
    SCOPED_TRACE(testing::Message() << "layer " << layer);
    const auto names = columns(layer);
    expect_schema(names, residual_schema);
    if (testing::Test::HasFatalFailure()) return;
    const auto& proof = json["certificate"]["layers"][layer - 1];
    EXPECT_EQ(names["layer"], layer);
    EXPECT_EQ(names["label"], proof["label"]);
    EXPECT_EQ(names["tokens"], tokens);
    EXPECT_EQ(names["width"], proof["width_formula"]);
    EXPECT_EQ(names["limb_bits"], proof["limb_bits"]);
    const auto matrix = residual(layer);
    ASSERT_EQ(matrix.rows, tokens);
    ASSERT_EQ(matrix.columns, names["columns"].size());
    EXPECT_EQ(matrix.type, json["certificate"]["dtype"] == "f32" ? "<f4" : "<f8");

    std::uint64_t next = 0;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::map<std::string, std::size_t>> slots;  // (head, slot): its columns
    for (std::size_t c = 0; c < matrix.columns; ++c) {
      const auto& column = names["columns"][c];
      const auto at = column["residual_column"].get<std::uint64_t>();
      EXPECT_GE(at, next) << "columns ascend";
      next = at + 1;
      EXPECT_LT(at, proof["width"]);
      bool used = false;
      for (std::size_t token = 0; token < tokens; ++token) {
        const auto value = matrix.at(token, c);
        EXPECT_TRUE(std::isfinite(value));
        used = used || value != 0;
        if (column["what"] != "attention" && token >= machines) {
          EXPECT_EQ(value, 0) << "token " << token << " is no machine";
        }
      }
      EXPECT_TRUE(used) << column;
      if (column["what"] == "attention") {
        const auto field = column.contains("field") ? column["field"].get<std::string>()
                                                    : "word " + column["word"].dump() + " limb " + column["limb"].dump();
        EXPECT_TRUE((slots[{column["head"], column["slot"]}].emplace(field, c).second)) << column;
        EXPECT_LT(column["head"], proof["heads"]);
        EXPECT_LT(column["slot"], proof["slots"]);
      } else if (column["what"] == "memory") {
        EXPECT_EQ(at, 1 + column["word"].get<std::uint64_t>() * proof["limbs"].get<std::uint64_t>() + column["limb"].get<std::uint64_t>());
        EXPECT_LT(column["limb"], proof["limbs"]);
        EXPECT_LT(column["word"], json["words"]);
      } else {
        EXPECT_EQ(column["what"], "asleep");
        EXPECT_EQ(at, 0U);
      }
    }
    ASSERT_TRUE((slots.contains({0, 0})));
    EXPECT_EQ((slots[{0, 0}].size()), 1U);

    // Memory: every word has at most p bits and a variable; the words of a machine stand one after the other.
    for (std::uint64_t machine = 0; machine < machines; ++machine) {
      std::uint64_t first = 0;
      for (const auto& place : names["memory"]) {
        if (place["machine"] != machine) continue;
        EXPECT_EQ(place["first_word"], first);
        EXPECT_LT(place["variable"], names["variables"].size());
        EXPECT_GT(place["words"], 0);
        first += place["words"].get<std::uint64_t>();
      }
      EXPECT_LE(first, json["words"]);
      for (const auto& [variable, words] : memory(names, matrix, machine)) {
        for (const auto word : words) EXPECT_EQ(word >> json["word_bits"].get<unsigned>(), 0U) << variable;
      }
    }

    // What a machine reads is what was sent to it: a packet alone in a slot reads 1.
    if (proof["routing"] != "superimposed") continue;
    const auto sent = messages(layer);
    for (std::uint64_t machine = 0; machine < machines; ++machine) {
      const auto start = slots[{0, 0}].at("share of the start token");
      const auto ties = std::round(1 / matrix.at(machine, start));
      std::map<std::uint64_t, std::set<std::uint64_t>> indices;  // by source
      for (const auto& [slot, fields] : slots) {
        const auto value = [&](const std::string& field) {
          return fields.contains(field) ? std::round(matrix.at(machine, fields.at(field)) * ties) : 0;
        };
        if (slot.second == 0 || value("packets") != 1) continue;
        if (value("destination") != static_cast<double>(machine)) continue;
        const auto index = static_cast<std::uint64_t>(value("2 * index + begins a message"));
        EXPECT_EQ(index % 2, 1U);  // packets of these protocols are messages
        indices[static_cast<std::uint64_t>(value("source"))].insert(index / 2);
      }
      for (std::uint64_t source = 0; source < tokens; ++source) {
        EXPECT_EQ(static_cast<double>(indices[source].size()), sent.at(source, machine)) << source << " to " << machine;
      }
    }
  }
}

TEST_F(Dump, AttentionIsTheMessagesAndColumnsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{{two_cycles, ""},
                                                               {"connectivity --graph star:6 --machines 3 --words min", " --dtype f64"},
                                                               {"connectivity --graph path:5 --machines 1 --words min", " --limb-bits 3"},
                                                               {"cycles --graph cycle:5 --machines 12 --words min --variant doubling", ""},
                                                               {"connectivity --graph er:4,0 --machines 3", ""}};
  for (const auto& [problem, options] : cases) {
    SCOPED_TRACE(problem);
    const auto json = dumped(problem + options);
    expect_attention(json, ledger(problem));
    expect_residual(json);
  }
}

TEST_F(Dump, SlotsHaveAHeadForEveryPacket) {
  const std::string arguments = "connectivity --graph path:2 --machines 4 --words min";
  const auto json = dumped(arguments + " --routing slots");
  expect_attention(json, ledger(arguments));
  expect_residual(json);
}

TEST_F(Dump, TheDenseKernelDumpsTheSame) {
  dumped(two_cycles);
  compiled(two_cycles + " --kernel dense --dump-attention dense/a --dump-residual dense/r", 2);
  for (const std::string kind : {"a", "r"}) {
    const auto names = files(kind);
    EXPECT_EQ(names, files("dense/" + kind));
    for (const auto& name : names) EXPECT_TRUE(read(kind + "/" + name) == read("dense/" + kind + "/" + name)) << name;
  }
}

/// Cycles 0-1-2-3 and 4-5-6-7, a vertex a machine. A variable of type CycleVertices: one side pair, no distances, one smallest id.
TEST_F(Dump, TheResidualStreamTellsHowCyclesAreFound) {
  const auto json = compiled(two_cycles + " --dump-attention a --dump-residual r", 2);
  // The first layer brings machine j the j-th edge.
  const std::vector<std::pair<double, double>> edges{{0, 1}, {0, 3}, {1, 2}, {2, 3}, {4, 5}, {4, 7}, {5, 6}, {6, 7}};
  const auto input = residual(1);
  const auto dealt = columns(1);
  EXPECT_TRUE(dealt["memory"].empty());
  std::map<std::uint64_t, std::size_t> column;  // by slot
  for (std::size_t c = 0; c < input.columns; ++c) column[dealt["columns"][c]["slot"]] = c;
  ASSERT_EQ(column.size(), 3U);
  for (std::size_t machine = 0; machine < 8; ++machine) {
    EXPECT_EQ(input.at(machine, column[0]), static_cast<double>(1 / 3.0F));
    EXPECT_EQ(std::round(input.at(machine, column[1]) * 3), edges[machine].first);
    EXPECT_EQ(std::round(input.at(machine, column[2]) * 3), edges[machine].second);
  }
  for (std::size_t token = 8; token < 16; ++token) EXPECT_EQ(input.at(token, column[0]), 1);

  std::map<std::uint64_t, std::uint64_t> vertex;  // of a machine
  for (std::uint64_t machine = 0; machine < 8; ++machine) {
    // Before anything was doubled the smallest id in the window is the vertex.
    const auto kept = memory(columns(3), residual(3), machine).at(0);
    ASSERT_EQ(kept.size(), 5U);
    vertex[machine] = kept[4];
  }
  std::set<std::uint64_t> owned;
  for (const auto& [machine, v] : vertex) owned.insert(v);
  EXPECT_EQ(owned, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  const auto along = [](std::uint64_t v, std::uint64_t steps) { return v / 4 * 4 + (v + steps) % 4; };
  for (std::uint64_t layer = 3; layer <= json["layers"]; ++layer) {
    SCOPED_TRACE(testing::Message() << "layer " << layer);
    const auto names = columns(layer);
    const auto matrix = residual(layer);
    EXPECT_EQ(names["variables"].at(0), "protocols::CycleVertices");
    const auto distance = std::uint64_t{1} << std::min<std::uint64_t>(layer - 3, 3);
    for (const auto& [machine, v] : vertex) {
      SCOPED_TRACE(testing::Message() << "machine " << machine << ", vertex " << v);
      const auto kept = memory(names, matrix, machine).at(0);
      ASSERT_EQ(kept.size(), 5U);
      EXPECT_EQ(kept[0], 1U);
      const auto sides = std::minmax({kept[1] >> 4, kept[1] & 15});
      const auto expected = std::minmax({along(v, distance), along(v, 4 * distance - distance)});
      EXPECT_EQ(sides.first, expected.first);
      EXPECT_EQ(sides.second, expected.second);
      EXPECT_EQ(kept[2], 0U);
      EXPECT_EQ(kept[3], 1U);
      auto smallest = v;
      for (std::uint64_t step = 1; step < distance; ++step) smallest = std::min({smallest, along(v, step), along(v, 4 * step - step)});
      EXPECT_EQ(kept[4], smallest);
    }
  }
}

TEST_F(Dump, ALargeMatrixIsRefusedBeforeTheRun) {
  expect_refused(roundtrip("compile connectivity --graph path:2 --words min --machines 16384 --dump-attention a", 2), 2,
                 "an attention matrix would have 16,384 x 16,385 cells; expected at most 2^28");
  EXPECT_FALSE(exists("a"));
}

}  // namespace
}  // namespace tests
