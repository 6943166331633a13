#include <gtest/gtest.h>

#include "tests/command/process.h"

namespace tests {
namespace {

struct Refusal {
  const char* name;
  const char* arguments;
  const char* reason;
  friend void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.arguments; }
};

/// Wrong use: exit code 2, and what was expected.
class WrongUse : public Command, public testing::WithParamInterface<Refusal> {};

TEST_P(WrongUse, IsNamed) { expect_refused(roundtrip(GetParam().arguments), 2, GetParam().reason); }

INSTANTIATE_TEST_SUITE_P(
    Every, WrongUse,
    testing::Values(
        Refusal{"Nothing", "", "subcommand is required"},  //
        Refusal{"UnknownSubcommand", "foo",
                "no subcommand 'foo'; expected one of: run, list, compile, check, forward, rounds, scale, graph"},
        Refusal{"Subcommand", "walk", "walk"},  //
        Refusal{"Protocol", "run connections --graph star:10", "no protocol 'connections'; expected one of: connectivity, cycles"},
        Refusal{"NoProtocol", "run --graph star:10", "protocol is required"},
        Refusal{"Variant", "run connectivity --graph star:10 --variant x",
                "connectivity has no variant 'x'; expected one of: local-contraction, alt"},
        Refusal{"Option", "run connectivity --graph star:10 --speed", "--speed"},  //
        Refusal{"NoGraph", "run connectivity", "--graph is required"},
        Refusal{"DeltaZero", "run connectivity --graph star:10 --delta 0", "delta is 0; expected 0 < delta <= 1"},
        Refusal{"DeltaLarge", "run connectivity --graph star:10 --delta 1.5", "delta is 1.5; expected 0 < delta <= 1"},
        Refusal{"DeltaNegative", "run connectivity --graph star:10 --delta -1", "delta is -1; expected 0 < delta <= 1"},
        Refusal{"DeltaNan", "run connectivity --graph star:10 --delta nan", "expected 0 < delta <= 1"},
        Refusal{"DeltaText", "run connectivity --graph star:10 --delta half", "--delta"},
        Refusal{"WordsZero", "run connectivity --graph star:10 --words 0", "--words is 0; expected at least 1, or min"},
        Refusal{"WordsNegative", "run connectivity --graph star:10 --words -5", "--words is '-5'; expected a whole number"},
        Refusal{"WordsText", "run connectivity --graph star:10 --words most", "--words is 'most'; expected a whole number"},
        Refusal{"WordsFraction", "run connectivity --graph star:10 --words 100.5", "--words is '100.5'; expected a whole number"},
        Refusal{"WordsHuge", "run connectivity --graph star:10 --words 99999999999999999999", "expected a whole number below 2^64"},
        Refusal{"WordsAndDelta", "run connectivity --graph star:10 --words 100 --delta .5", "--words"},
        Refusal{"MachinesZero", "run connectivity --graph star:10 --machines 0", "0 machines; expected 1 to 2147483647"},
        Refusal{"MachinesNegative", "run connectivity --graph star:10 --machines -2", "--machines is '-2'; expected a whole number"},
        Refusal{"MachinesMany", "run connectivity --graph star:10 --machines 2147483648", "2147483648 machines; expected 1 to 2147483647"},
        Refusal{"C", "run connectivity --graph star:10 --c 0", "c is 0; expected 0 < c"},
        Refusal{"Slack", "run connectivity --graph star:10 --slack -1", "slack is -1; expected 0 < slack"},
        Refusal{"Gamma", "run connectivity --graph star:10 --gamma -1", "gamma is -1; expected 0 <= gamma"},
        Refusal{"Seed", "run connectivity --graph star:10 --seed -1", "--seed is '-1'; expected a whole number"},
        Refusal{"Ids", "run connectivity --graph star:10 --ids sorted", "--ids"},
        Refusal{"Transport", "run connectivity --graph star:10 --transport pigeon", "--transport"},
        Refusal{"Vertices", "run connectivity --graph star:10 --vertices 11", "star:10: has 10 vertices, not 11"},
        Refusal{"Kind", "run connectivity --graph moon:10", "moon:10: no such file, and no such kind of graph: expected one of cycle:N"},
        Refusal{"GeneratorText", "run connectivity --graph star:ten", "star:ten: expected star:N with 1 <= N"},
        Refusal{"GeneratorEmpty", "run connectivity --graph star:", "star:: expected star:N with 1 <= N"},
        Refusal{"GeneratorSmall", "run cycles --graph cycle:2", "cycle:2: expected cycle:N with 3 <= N"},
        Refusal{"GeneratorTwo", "run cycles --graph two-cycles:5", "two-cycles:5: expected two-cycles:N with 6 <= N"},
        Refusal{"GeneratorNegative", "run connectivity --graph star:-3", "star:-3: expected star:N"},
        Refusal{"GeneratorGrid", "run connectivity --graph grid:10", "grid:10: expected grid:RxC"},
        Refusal{"GeneratorGridHalf", "run connectivity --graph grid:10x", "grid:10x: expected grid:RxC"},
        Refusal{"GeneratorEr", "run connectivity --graph er:3,4", "er:3,4: expected er:N,M"},
        Refusal{"GeneratorErThree", "run connectivity --graph er:3,2,1", "er:3,2,1: expected er:N,M"},
        Refusal{"GeneratorRmat", "run connectivity --graph rmat:41,1", "rmat:41,1: expected rmat:SCALE,EDGEFACTOR"},
        Refusal{"GeneratorCliques", "run connectivity --graph cliques:0,3", "cliques:0,3: expected cliques:COUNT,SIZE"},
        Refusal{"TwoOutputs", "run connectivity --graph star:10 --json - --labels -", "standard output can hold one"},
        Refusal{"GraphNoOut", "graph star:10", "--out is required"},
        Refusal{"GraphKind", "graph moon:10 --out -", "moon:10: no such file, and no such kind of graph"},
        Refusal{"GraphSeed", "graph star:10 --out - --seed x", "--seed is 'x'; expected a whole number"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(Command, InProcessOnTwoRanksIsWrongUse) {
  expect_refused(roundtrip("run connectivity --graph star:10 --transport in_process", 2), 2,
                 "--transport in_process runs on 1 rank; there are 2");
}

TEST_F(Command, WrongUseIsSaidOnceByAllRanks) {
  expect_refused(roundtrip("run connections --graph star:10", 3), 2, "no protocol 'connections'");
  expect_refused(roundtrip("run connectivity --graph star:10 --delta 2", 3), 2, "delta is 2; expected 0 < delta <= 1");
  expect_refused(roundtrip("run connectivity --graph moon:10", 3), 2, "moon:10: no such file");
  expect_refused(roundtrip("run connectivity --graph star:10 --speed", 3), 2, "--speed");
}

TEST_F(Command, TooFewWordsNameTheLeastAndTheLeastIsEnough) {
  for (const auto* arguments :
       {"run connectivity --graph er:500,700", "run connectivity --graph star:1000 --variant alt", "run cycles --graph cycle:500",
        "run cycles --graph cycle:500 --variant doubling", "run connectivity --graph path:100 --machines 7"}) {
    SCOPED_TRACE(arguments);
    const auto refused = roundtrip(std::string(arguments) + " --words 3");
    expect_refused(refused, 4, "s is 3. --words min takes the least");
    const auto at = refused.err.find(" at least ");
    ASSERT_NE(at, std::string::npos);
    const auto least = std::stoul(refused.err.substr(at + 10));
    EXPECT_EQ(roundtrip(std::string(arguments) + " --words " + std::to_string(least)).code, 0);
    EXPECT_EQ(roundtrip(std::string(arguments) + " --words " + std::to_string(least - 1)).code, 4);
    const auto min = roundtrip(std::string(arguments) + " --words min --csv -");
    EXPECT_EQ(min.code, 0) << min.err;
    EXPECT_NE(min.out.find("," + std::to_string(least) + ","), std::string::npos) << min.out;
  }
  EXPECT_EQ(occurrences(roundtrip("run connectivity --graph star:1000 --words 3", 3).err, "--words min takes the least"), 1U);
}

TEST_F(Command, DryRunRunsNothing) {
  const auto ended = roundtrip("run connectivity --graph er:2000,3000 --dry-run --json json --csv csv --ledger ledger --labels labels");
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const auto* line : {"dry run", "N = 6,000 input words", "s = 620 words", "q = 78 machines", "R = at most ", "least s = "}) {
    EXPECT_EQ(occurrences(ended.out, line), 1U) << line << "\n" << ended.out;
  }
  for (const auto* file : {"json", "csv", "ledger", "labels"}) EXPECT_FALSE(exists(file)) << file;
  EXPECT_EQ(occurrences(roundtrip("run connectivity --graph star:10 --dry-run", 3).out, "dry run"), 1U);
}

TEST_F(Command, ListNamesWhatIsDeclared) {
  const auto ended = roundtrip("list", 2);
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(occurrences(ended.out, "\nconnectivity\n") + (ended.out.starts_with("connectivity\n") ? 1 : 0), 1U);
  for (const auto* protocol : {"cycles", "khop", "compose"}) EXPECT_EQ(occurrences(ended.out, std::string("\n") + protocol + "\n"), 1U);
  for (const auto* variant :
       {"local-contraction", "alt", "sample", "doubling", "push", "lookup", "fastsv", "hash-min", "hash-to-min", "forests"}) {
    EXPECT_EQ(occurrences(ended.out, std::string("--variant ") + variant), 1U) << variant;
  }
  EXPECT_EQ(occurrences(ended.out, "(default)"), 4U);
  for (const auto* field : {"  rounds   ", "  words    ", "  least s  ", "  source   "})
    EXPECT_EQ(occurrences(ended.out, field), 10U) << field;
  for (const auto* field : {"  problem  ", "  answer   ", "  input    "}) EXPECT_EQ(occurrences(ended.out, field), 4U) << field;
  EXPECT_EQ(occurrences(ended.out, "  input    --graph [--format] [--vertices] [--ids]\n"), 2U);
  EXPECT_EQ(occurrences(ended.out, "  input    --input --k\n"), 1U);
}

TEST_F(Command, VersionNamesWhatItIsBuiltOf) {
  const auto ended = roundtrip("--version", 2);
  EXPECT_EQ(ended.code, 0);
  for (const auto* line : {"roundtrip ", "git   ", "MPI   ", "BLAS  ", "kernels ", "CUDA  ", "device memory\n"})
    EXPECT_EQ(occurrences(ended.out, line), 1U) << ended.out;
}

TEST_F(Command, HelpNamesEveryOption) {
  const auto ended = roundtrip("run --help", 2);
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "");
  for (const auto* option : {"--graph",  "--input",    "--k",       "--n",         "--variant", "--delta",    "--words", "--c",
                             "--slack",  "--machines", "--gamma",   "--seed",      "--ids",     "--vertices", "--json",  "--csv",
                             "--ledger", "--labels",   "--explain", "--transport", "--dry-run", "--no-verify"}) {
    EXPECT_EQ(occurrences(ended.out, std::string("\n  ") + option + " "), 1U) << option;
  }
}

}  // namespace
}  // namespace tests
