#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/command/process.h"
#include "tests/command/schema.h"

namespace tests {
namespace {

class Weights : public Command {
 protected:
  Ended compiled(const std::string& arguments, int ranks = 0) const { return roundtrip("compile " + arguments + " --weights", ranks); }

  Json result(const std::string& arguments, int ranks = 0, int code = 0) const {
    SCOPED_TRACE(arguments);
    const auto ended = compiled(arguments + " --json -", ranks);
    EXPECT_EQ(ended.code, code) << ended.err;
    auto json = Json::parse(ended.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << ended.out;
    return json;
  }
};

Json lasting(Json json) {
  json.erase("wall_s");
  json.erase("compile_s");
  json.erase("routed");
  return json;
}

TEST_F(Weights, EverySubjectIsVerified) {
  write("text", "a b a b c a b\n");
  for (const std::string arguments :
       {"cycles --graph two-cycles:17", "cycles --variant doubling --graph cycle:3 --dtype f64", "compose --n 5 --k 6",
        "compose --n 1 --k 1", "broadcast --machines 11", "reduce --variant min --machines 7", "reduce --variant max --machines 8",
        "sort --machines 9", "components --graph er:50,40", "components --graph star:1", "components --variant shortcut --graph path:20",
        "components --variant connected --graph path:20", "hops --input sequence:40,3 --k 5", "induction --input text"}) {
    const auto json = result(arguments);
    EXPECT_EQ(json["verified"], true) << arguments;
    EXPECT_EQ(json["oracle"], false);
    EXPECT_EQ(json["certificate"]["exact"], true);
    EXPECT_EQ(json["certificate"]["dtype"], arguments.find("f64") == std::string::npos ? "f32" : "f64");
    EXPECT_GE(json["certificate"]["margin"].get<double>(), json["certificate"]["vanishing"].get<double>());
    for (const auto* name : {"layers", "heads", "width", "tokens", "parameters", "nonzero"}) {
      EXPECT_TRUE(json[name].is_number_unsigned()) << name;
      EXPECT_GT(json[name], 0) << name;
    }
    EXPECT_LT(json["nonzero"], json["parameters"]);
    EXPECT_TRUE(json["wall_s"].is_number_float());
  }
}

TEST_F(Weights, LayersAreAsTheFormulasSay) {
  EXPECT_EQ(result("components --graph er:1024,1024")["layers"], 20);
  EXPECT_EQ(result("components --graph er:1024,1024")["width"], 2 + 4 * 10);
  EXPECT_EQ(result("components --graph path:1024 --blocks 3", 0, 1)["layers"], 6);
  const auto cycles = result("cycles --graph two-cycles:64");
  EXPECT_EQ(cycles["rounds"], 6);
  EXPECT_EQ(cycles["rounds_declared"], 6);
  EXPECT_EQ(cycles["layers"], 7);
  EXPECT_EQ(cycles["layers_compared"], 7);
  EXPECT_EQ(result("hops --input sequence:30,4 --k 1")["layers"], 2);
  EXPECT_EQ(result("hops --input sequence:30,4 --k 9")["layers"], 6);
  EXPECT_EQ(result("sort --machines 16")["rounds"], 10);
  EXPECT_EQ(result("compose --n 4 --k 9")["rounds"], 4);
}

TEST_F(Weights, KernelsAndRanksAgree) {
  for (const std::string arguments :
       {"cycles --graph two-cycles:33", "components --graph er:200,150", "hops --input sequence:60,3 --k 7"}) {
    const auto first = lasting(result(arguments));
    auto dense = lasting(result(arguments + " --kernel dense"));
    EXPECT_EQ(dense["kernel"], "dense");
    dense["kernel"] = "routed";
    EXPECT_EQ(dense, first);
    EXPECT_EQ(lasting(result(arguments, 2)), first);
    EXPECT_EQ(lasting(result(arguments + " --threads 3", 3)), first);
    ASSERT_EQ(compiled(arguments + " --output-npy routed.npy --json routed.json").code, 0);
    ASSERT_EQ(compiled(arguments + " --output-npy dense.npy --json dense.json --kernel dense").code, 0);
    ASSERT_EQ(compiled(arguments + " --output-npy reference.npy --json reference.json --kernel reference").code, 0);
    EXPECT_GT(read("routed.npy").size(), 1000);
    EXPECT_EQ(read("routed.npy"), read("dense.npy"));
    EXPECT_EQ(read("routed.npy"), read("reference.npy"));
  }
}

TEST_F(Weights, OneFileServesManyInputs) {
  ASSERT_EQ(compiled("components --graph er:64,80 --onnx a.onnx --safetensors a.safetensors").code, 0);
  ASSERT_EQ(compiled("components --graph path:64 --onnx b.onnx --safetensors b.safetensors").code, 0);
  EXPECT_EQ(read("a.onnx"), read("b.onnx"));
  EXPECT_EQ(read("a.safetensors"), read("b.safetensors"));
  ASSERT_EQ(compiled("components --graph path:33 --onnx e.onnx").code, 0);  // as many bits
  EXPECT_EQ(read("a.onnx"), read("e.onnx"));
  ASSERT_EQ(compiled("components --graph path:65 --onnx c.onnx").code, 0);
  EXPECT_NE(read("a.onnx"), read("c.onnx"));
  EXPECT_EQ(compiled("components --graph path:65 --blocks 6 --onnx d.onnx").code, 0);
  EXPECT_NE(read("c.onnx"), read("d.onnx"));
}

TEST_F(Weights, SaysHowManyBlocksAreNeeded) {
  const auto few = compiled("components --graph path:64 --blocks 2");
  EXPECT_EQ(few.code, 1);
  EXPECT_EQ(occurrences(few.out, "verified   NO: the labels are not settled"), 1U) << few.out;
  const auto at = few.err.find("--blocks ");
  ASSERT_NE(at, std::string::npos) << few.err;
  const auto needed = std::stoul(few.err.substr(at + 9));
  EXPECT_GT(needed, 2U);
  EXPECT_LE(needed, 6U);
  EXPECT_EQ(compiled("components --graph path:64 --blocks " + std::to_string(needed)).code, 0);
  EXPECT_EQ(compiled("components --graph path:64 --blocks " + std::to_string(needed - 1)).code, 1);
  // It is wrong whether or not an oracle was asked.
  EXPECT_EQ(compiled("components --graph path:64 --blocks 2 --no-verify").code, 1);
}

TEST_F(Weights, LabelsAreThoseOfTheOriginalIds) {
  write("graph", "10 30\n30 10\n7 7\n20 5\n5 99\n");
  ASSERT_EQ(compiled("components --graph graph --labels labels").code, 0);
  EXPECT_EQ(read("labels"), "5 5\n7 7\n10 10\n20 5\n30 10\n99 5\n");
  ASSERT_EQ(compiled("components --graph graph --ids random --labels random").code, 0);
  EXPECT_EQ(read("random"), read("labels"));
  write("cycles", "10 30\n30 10\n7 7\n20 5\n5 99\n99 20\n");
  ASSERT_EQ(compiled("cycles --graph cycles --labels labels").code, 0);
  EXPECT_EQ(read("labels"), "5 5\n7 7\n10 10\n20 5\n30 10\n99 5\n");
  write("text", "x y x z y x\n");
  ASSERT_EQ(compiled("hops --k 2 --input text --labels hops").code, 0);
  ASSERT_EQ(roundtrip("run khop --k 2 --input text --labels khop").code, 0);
  EXPECT_EQ(read("hops"), read("khop"));
}

TEST_F(Weights, Pictures) {
  const auto shown = compiled("cycles --graph cycle:3 --show");
  EXPECT_EQ(shown.code, 0);
  EXPECT_EQ(occurrences(shown.out, "\nlayer "), 2U) << shown.out;
  EXPECT_EQ(occurrences(shown.out, "head 0: item 0; rows ask, columns are looked at; margin 128 (proved 128, 104 needed)"), 1U);
  EXPECT_EQ(occurrences(shown.out, "  m0  █·· ·\n"), 2U) << shown.out;  // the item that is dealt to it, and the edge that begins there
  EXPECT_EQ(occurrences(shown.out, "  m1  ·█· ·\n") + occurrences(shown.out, "  m1  █·· ·\n") + occurrences(shown.out, "  m1  ··█ ·\n"),
            3U);  // of every head one
  EXPECT_EQ(occurrences(shown.out, "vertex.smallest 0  | on messages: vertex.next"), 3U) << shown.out;
  expect_refused(compiled("cycles --graph cycle:65 --show"), 2, "--show draws at most 64 tokens; this input has 65");
}

TEST_F(Weights, Refusals) {
  const auto refused = [&](const std::string& arguments, int code, const std::string& reason) {
    SCOPED_TRACE(arguments);
    expect_refused(compiled(arguments), code, reason);
  };
  refused("connectivity --graph path:5", 2, "'connectivity' is not there in weights; expected one of: cycles, compose");
  refused("cycles --graph path:5", 3, "vertex 0 is the second of no edge");
  refused("cycles --graph star:5", 3, "vertex 0 is the first of two edges");
  refused("cycles --graph cycle:5 --variant sample", 2, "cycles has no variant 'sample' in weights; expected doubling");
  refused("cycles --graph cycle:5 --words 8", 4, "expected at least 9");
  refused("cycles --graph cycle:5 --machines 4", 2, "cycles in weights takes no --machines");
  refused("cycles --graph cycle:5 --delta 0.5", 2, "cycles in weights takes no --delta");
  refused("cycles --graph cycle:5 --k 3", 2, "cycles in weights takes no --k");
  refused("cycles --graph cycle:5 --blocks 3", 2, "cycles in weights takes no --blocks");
  refused("cycles --graph cycle:5 --routing slots", 2, "--routing");
  refused("cycles --graph cycle:5 --dump-residual d", 2, "see --show");
  refused("cycles", 2, "expected --graph");
  refused("sort", 2, "expected --machines");
  refused("sort --machines 0", 2, "0 machines");
  refused("reduce --machines 4 --variant sum", 2, "reduce has no variant 'sum'; expected min or max");
  refused("compose --n 33 --k 2", 2, "expected at most 32 points");
  refused("compose --n 0 --k 2", 2, "--n is 0");
  refused("compose --n 3 --k 0", 2, "--k is 0");
  refused("components --graph path:4 --words 5", 2, "components in weights takes no --words");
  refused("components --graph nowhere", 3, "nowhere");
  refused("components --graph path:4 --blocks 0", 2, "--blocks is 0; expected 1 to 1024");
  refused("components --graph path:4 --blocks 1025", 2, "--blocks is 1025; expected 1 to 1024");
  refused("components --graph path:4 --most-gib 1", 2, "--most-gib");
  refused("components --graph path:4 --dry-run --onnx a", 2, "--dry-run writes no files");
  refused("cycles --graph cycle:20000 --dry-run", 5, "--dtype f64 goes further");
  refused("sort --machines 2147483647", 2, "2147483647 machines; in weights expected 1 to 1048576");
  refused("components --graph path:4 --variant fast", 2, "components has no variant 'fast'");
  refused("hops --input sequence:5,2", 2, "expected --k");
  refused("hops --input sequence:5,2 --k 0", 2, "expected --k, at least 1");
  refused("hops --k 2", 2, "expected --input");
  refused("components --graph path:4 --onnx a --safetensors a", 2, "expected two files");
  refused("components --graph path:4 --onnx -", 2, "--onnx is '-'; expected a file");
  refused("components --graph path:4 --onnx nowhere/a", 6, "nowhere/a");
  refused("components --graph path:4 --threads 0", 2, "--threads is 0");
  expect_refused(roundtrip("compile cycles --graph cycle:5 --onnx a"), 2, "--onnx needs --weights");
  expect_refused(roundtrip("compile components --graph path:5"), 2, "components is there in weights only: add --weights");
}

TEST_F(Weights, NoOutputTakesThePlaceOfAnInput) {
  write("graph", "10 20\n20 10\n");
  for (const auto* option : {"--onnx", "--safetensors", "--json", "--labels", "--input-npy", "--output-npy"}) {
    expect_refused(compiled(std::string("cycles --graph graph ") + option + " ./graph"), 2, "is './graph', which is an input");
  }
  expect_refused(bash("ln graph link && \"$roundtrip\" compile components --graph graph --weights --onnx link"), 2,
                 "--onnx is 'link', which is an input");
  expect_refused(bash("ln -s graph soft && \"$roundtrip\" run connectivity --graph graph --labels soft"), 2,
                 "--labels is 'soft', which is an input");
  EXPECT_EQ(read("graph"), "10 20\n20 10\n");
  expect_refused(compiled("components --graph path:4 --onnx a --json ./a"), 2, "both --json and --onnx are");
}

TEST_F(Weights, VerticesAreCalledAsTheFileDoes) {
  write("graph", "10 20\n20 30\n");
  expect_refused(compiled("cycles --graph graph"), 3, "graph: vertex 10 is the second of no edge");
}

TEST_F(Weights, DryRunsSayWhatWouldRun) {
  const auto dry = compiled("components --graph er:20,30 --dry-run");
  EXPECT_EQ(dry.code, 0);
  EXPECT_EQ(occurrences(dry.out, "tokens     80;"), 1U) << dry.out;
  EXPECT_EQ(occurrences(dry.out, "exact      in float32"), 1U) << dry.out;
  EXPECT_EQ(occurrences(dry.out, "answer"), 0U) << dry.out;
}

TEST_F(Weights, SaysWhereMemoryIsNotCompared) {
  const auto large = compiled("broadcast --machines 1025");
  EXPECT_EQ(large.code, 0);
  EXPECT_EQ(occurrences(large.out, "memory     not compared with the run on messages after every layer (more than 1024 tokens)"), 1U)
      << large.out;
}

TEST_F(Weights, MoreMemoryThanTheLeastIsTaken) {
  const auto json = result("cycles --graph cycle:5 --words 20");
  EXPECT_EQ(json["words"], 20);
  EXPECT_EQ(result("cycles --graph cycle:5 --words min")["words"], 9);
}

// ---- check roundtrip, check programs --------------------------------------------------------------------------------------------

class Checks : public Command {
 protected:
  Json checked(const std::string& arguments, int ranks = 0, int code = 0) const {
    SCOPED_TRACE(arguments);
    const auto ended = roundtrip("check " + arguments + " --json -", ranks);
    EXPECT_EQ(ended.code, code) << ended.err;
    auto json = Json::parse(ended.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << ended.out;
    return json;
  }
};

TEST_F(Checks, RoundtripOfEveryProtocol) {
  const auto json = checked("roundtrip", 2);
  EXPECT_EQ(json["ranks"], 2);
  std::vector<std::string> names;
  for (const auto& row : json["rows"]) {
    SCOPED_TRACE(row.dump());
    EXPECT_EQ(row["verdict"], "ok");
    EXPECT_EQ(row["layers"].get<int>(), row["rounds"].get<int>() + 1);
    EXPECT_EQ(row["rounds"], row["rounds_declared"]);
    const auto depth = row["depth"].get<int>();
    EXPECT_EQ(row["simulating_rounds"].get<int>(), 2 * depth * (row["rounds"].get<int>() + 1) + 2);
    EXPECT_GE(std::pow(2, depth), row["tokens"].get<double>());  // b = 2 at the least s
    names.push_back(row["protocol"]);
  }
  for (const auto* name : {"cycles/doubling", "compose/lookup", "broadcast/tree", "reduce/min", "reduce/max", "sort/bitonic"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  }
}

TEST_F(Checks, RoundtripOf64Vertices) {
  for (const int ranks : {1, 3}) {
    const auto json = checked("roundtrip --protocols cycles/doubling --machines 64", ranks);
    ASSERT_EQ(json["rows"].size(), 1);
    const auto& row = json["rows"][0];
    EXPECT_EQ(row["tokens"], 64);
    EXPECT_EQ(row["rounds"], 6);
    EXPECT_EQ(row["simulating_rounds"], 2 * 6 * 7 + 2);
  }
  const auto wide = checked("roundtrip --protocols cycles/doubling --machines 24 --words 2000 --tile 2 --dtype f64");
  EXPECT_EQ(wide["rows"][0]["verdict"], "ok");
  EXPECT_LT(wide["rows"][0]["depth"], 4);
}

TEST_F(Checks, RoundtripRefusals) {
  expect_refused(roundtrip("check roundtrip --protocols connectivity"), 2,
                 "--protocols: no 'connectivity'; expected some of: cycles/doubling");
  expect_refused(roundtrip("check roundtrip --words 3 --json -"), 4, "expected");
  expect_refused(roundtrip("check roundtrip --words none"), 2, "--words");
  expect_refused(roundtrip("check roundtrip --tile 0"), 2, "--tile is 0");
  expect_refused(roundtrip("check roundtrip --machines 0 --protocols sort/bitonic --json -"), 2, "--machines: 0; expected at least 1");
}

TEST_F(Checks, Programs) {
  const auto json = checked("programs --vertices 16 --graphs 3 --sequences 5 --positions 20 --most-hops 4", 2);
  std::size_t hops = 0;
  for (const auto& row : json["rows"]) {
    SCOPED_TRACE(row.dump());
    EXPECT_EQ(row["good"], true);
    EXPECT_EQ(row["exact"], true);
    EXPECT_GT(row["cases"], 0);
    hops += row["program"] == "hops" ? 1U : 0U;
  }
  EXPECT_EQ(hops, 4U);
  const auto dense = checked("programs --vertices 16 --graphs 3 --sequences 5 --positions 20 --most-hops 4 --kernel dense");
  EXPECT_EQ(dense["rows"], json["rows"]);
  expect_refused(roundtrip("check programs --programs cycles"), 2,
                 "--programs: no 'cycles'; expected some of: components, hops, induction");
  expect_refused(roundtrip("check programs --vertices 10"), 2, "--vertices: 10; expected powers of 4");
  expect_refused(roundtrip("check programs --graphs 0"), 2, "--graphs is 0");
}

}  // namespace
}  // namespace tests
