#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/command/compiled.h"

namespace tests {
namespace {

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
  EXPECT_FALSE(exists("labels"));  // refused before anything ran
  refused("--json /dev/full --labels labels", "/dev/full", 2);
  EXPECT_EQ(read("labels"), "0 0\n1 0\n2 0\n");  // written all the same
  refused("--labels /dev/full --json json", "/dev/full", 0);
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

}  // namespace
}  // namespace tests
