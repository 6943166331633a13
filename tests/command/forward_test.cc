#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/command/npy.h"
#include "tests/command/process.h"
#include "tests/command/schema.h"
#include "tests/command/tiny_models.h"

namespace tests {
namespace {

const Schema schema{{"schema", "u"}, {"git", "s"},    {"model", "s"},  {"family", "s"},    {"parameters", "u"}, {"device", "s"},
                    {"dtype", "s"},  {"scheme", "s"}, {"ranks", "u"},  {"sequences", "u"}, {"tokens", "u"},     {"padding", "u"},
                    {"output", "a"}, {"digest", "s"}, {"wall_s", "f"}, {"load_s", "f"},    {"rss_bytes", "u"},  {"rows", "a"}};

class Forward : public Command {
 protected:
  Forward() {
    TinyModel::write_bert(folder / "bert");
    TinyModel::write_gpt2(folder / "gpt2");
    write("some", "3 14 15 9 2 6 5 3 5\n8 9 7\n29\n");
  }

  Json json_of(const std::string& arguments, int ranks = 0) const {
    SCOPED_TRACE(arguments);
    const auto ended = roundtrip("forward " + arguments + " --json -", ranks);
    EXPECT_EQ(ended.code, 0) << ended.err;
    auto json = Json::parse(ended.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << ended.out;
    return json;
  }
  Npy rows_of(const std::string& arguments, int ranks = 0) const {
    const auto ended = roundtrip("forward " + arguments + " --out rows.npy", ranks);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return read_npy(read("rows.npy"));
  }
};

double largest_difference(const Npy& x, const Npy& y) {
  EXPECT_EQ(x.rows, y.rows);
  EXPECT_EQ(x.columns, y.columns);
  double most = 0;
  for (std::size_t i = 0; i < x.cells.size() && i < y.cells.size(); ++i) {
    if (!std::isfinite(x.cells[i]) || !std::isfinite(y.cells[i])) return std::numeric_limits<double>::infinity();
    most = std::max(most, std::abs(x.cells[i] - y.cells[i]));
  }
  return most;
}

TEST_F(Forward, SchemesAgreeOnEveryNumberOfRanks) {
  for (const std::string model : {"bert", "gpt2"}) {
    const auto want = rows_of(model + " --tokens some --dtype f64 --device reference");
    EXPECT_EQ(want.type, "<f8");
    EXPECT_EQ(want.rows, 13);
    EXPECT_EQ(want.columns, 12);
    for (const std::string scheme : {"local", "ring", "ring --machines 5", "ulysses --machines 3", "theorem2 --words 200",
                                     "theorem2 --tile 2", "theorem2 --words min"}) {
      const auto arguments = model + " --tokens some --scheme " + scheme;
      SCOPED_TRACE(arguments);
      EXPECT_LE(largest_difference(rows_of(arguments + " --dtype f64"), want), 1e-12);
      const auto in_float = rows_of(arguments, 2);
      EXPECT_EQ(in_float.type, "<f4");
      EXPECT_LE(largest_difference(in_float, want), 1e-5);
      const auto digest = json_of(arguments)["digest"];
      for (const int ranks : {2, 3}) EXPECT_EQ(json_of(arguments, ranks)["digest"], digest);
      EXPECT_EQ(json_of(arguments + " --threads 2")["digest"], digest);
    }
  }
}

TEST_F(Forward, SaysWhatItDid) {
  const auto json = json_of("bert --tokens some --scheme theorem2 --words 200", 2);
  expect_schema(json, schema);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["ranks"], 2);
  EXPECT_EQ(json["family"], "BERT");
  EXPECT_EQ(json["sequences"], 3);
  EXPECT_EQ(json["tokens"], 13);
  EXPECT_EQ(json["padding"], 0);
  EXPECT_EQ(json["output"], Json({13, 12}));
  // mH = 12, so b = floor(200 / 48) = 4: D is 2, 1 and 1 for 9, 3 and 1 tokens.
  const std::vector<std::pair<int, int>> rounds_machines{{2 * 2 * 2 + 2, 9 + 81 + 18 * 4}, {2 * 2 + 2, 3 + 9}, {2 * 2 + 2, 1 + 1}};
  ASSERT_EQ(json["rows"].size(), 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& row = json["rows"][i];
    EXPECT_EQ(row["rounds"], rounds_machines[i].first);
    EXPECT_EQ(row["rounds_formula"], row["rounds"]);
    EXPECT_EQ(row["machines"], rounds_machines[i].second);
    EXPECT_EQ(row["words"], 200);
    EXPECT_LE(row["max_kept_plus_sent"], 200);
    EXPECT_LE(row["max_kept_plus_received"], 200);
    EXPECT_GT(row["total_words"], row["tokens"].get<int>() * row["tokens"].get<int>() * 3 * 12 * 2);
    EXPECT_TRUE(row["error"].is_null());
  }
  const auto text = roundtrip("forward bert --tokens some --scheme theorem2 --words 200");
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("b = 4, D = 2, mH = 12, q = 162 machines, R = 10 = 2 D L + 2"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("are not charged to s, as in the theorem"), std::string::npos);
  EXPECT_EQ(json_of("bert --tokens some")["scheme"], "local");
}

TEST_F(Forward, PaddingIsHiddenAndLeftOutOfPooling) {
  write("padded", "8 9 7 0 0 0\n29 0\n");
  write("bare", "8 9 7\n29\n");
  for (const std::string scheme : {"local", "ring", "ulysses --machines 3", "theorem2"}) {
    const auto padded = rows_of("bert --tokens padded --scheme " + scheme), bare = rows_of("bert --tokens bare --scheme " + scheme);
    ASSERT_EQ(padded.rows, 8);  // padding's rows are kept
    for (std::size_t c = 0; c < 12; ++c) {
      for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(padded.at(i, c), bare.at(i, c), 2e-6);
      EXPECT_NEAR(padded.at(6, c), bare.at(3, c), 2e-6);
    }
    const auto pooled = rows_of("bert --tokens padded --pool mean --scheme " + scheme);
    ASSERT_EQ(pooled.rows, 2);
    for (std::size_t s = 0; s < 2; ++s) {
      double squares = 0;
      for (std::size_t c = 0; c < 12; ++c) squares += pooled.at(s, c) * pooled.at(s, c);
      EXPECT_NEAR(squares, 1, 1e-6);
    }
    std::vector<double> mean(12);
    double squares = 0;
    for (std::size_t c = 0; c < 12; ++c) {
      mean[c] = (bare.at(0, c) + bare.at(1, c) + bare.at(2, c)) / 3;
      squares += mean[c] * mean[c];
    }
    for (std::size_t c = 0; c < 12; ++c) EXPECT_NEAR(pooled.at(0, c), mean[c] / std::sqrt(squares), 2e-6);
  }
  const auto json = json_of("bert --tokens padded --pool mean");
  EXPECT_EQ(json["padding"], 4);
  EXPECT_EQ(json["output"], Json({2, 12}));
  EXPECT_NEAR(json["similarity"][0][0].get<double>(), 1, 1e-6);
  EXPECT_EQ(json["similarity"][0][1], json["similarity"][1][0]);
}

TEST_F(Forward, OneWordTooLittleIsRefusedBeforeAnythingRuns) {
  // The longest sequence of 16 tokens on tiny BERT: 4 b mH with b = 2 is the least for every length; for ring 4 + 4 (12 + 12 + 18 + 24).
  expect_refused(roundtrip("forward bert --tokens some --scheme theorem2 --words 95 --out rows.npy"), 4, "the least s is 96");
  EXPECT_FALSE(exists("rows.npy"));
  EXPECT_EQ(roundtrip("forward bert --tokens some --scheme theorem2 --words 96").code, 0);
  const auto least = json_of("bert --tokens some --scheme ring")["rows"][0]["words"].get<int>();
  expect_refused(roundtrip("forward bert --tokens some --scheme ring --words " + std::to_string(least - 1)), 4,
                 "the least s is " + std::to_string(least));
  EXPECT_EQ(roundtrip("forward bert --tokens some --scheme ring --words " + std::to_string(least)).code, 0);
}

TEST_F(Forward, DryRunSaysSizesAndRunsNothing) {
  const auto ended = roundtrip("forward bert --tokens some --scheme theorem2 --words 200 --dry-run");
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.out.find("q = 162 machines"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("dry run"), std::string::npos);
}

TEST_F(Forward, RefusesWhatItCannotRun) {
  expect_refused(roundtrip("forward nowhere --tokens some"), 3, "nowhere/config.json: cannot be read: No such file or directory");
  expect_refused(roundtrip("forward bert --tokens none"), 3, "none: cannot be read: No such file or directory");
  expect_refused(roundtrip("forward bert --tokens ."), 3, ".: cannot be read: Is a directory");
  for (const auto& [text, reason] : std::vector<std::pair<std::string, std::string>>{
           {"1 2\n30\n", "bad:2: expected ids below the 30 of the vocabulary, got '30'"},
           {"1 x2\n", "bad:1: expected ids below the 30 of the vocabulary, got 'x2'"},
           {"1 -2\n", "bad:1: expected ids below the 30 of the vocabulary, got '-2'"},
           {"1\n\n2\n", "bad:2: expected a sequence of ids, got an empty line"},
           {"", "bad: expected a sequence of ids a line, got an empty file"},
           {"4 0\n0 0\n", "bad:2: expected ids besides the padding id 0"},
           {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
            "bad:1: expected at most 16 ids, which is the model's longest sequence, got more"},
       }) {
    write("bad", text);
    expect_refused(roundtrip("forward bert --tokens bad"), 3, reason);
  }
  write("gpt2/model.safetensors", read("gpt2/model.safetensors").substr(0, 2000));
  expect_refused(roundtrip("forward gpt2 --tokens some", 2), 3, "gpt2/model.safetensors");
  for (const auto& [arguments, reason] : std::vector<std::pair<std::string, std::string>>{
           {"--scheme ulysses --machines 4", "expected at most as many machines as a layer has heads, got 4 machines and 3 heads"},
           {"--scheme ring --machines 0", "--machines is 0; expected 1 to"},
           {"--scheme ring --tile 2", "the scheme ring takes no --tile, which is for theorem2"},
           {"--scheme local --words 100", "the scheme local takes no --words"},
           {"--scheme theorem2 --machines 2", "the scheme theorem2 takes no --machines"},
           {"--scheme theorem2 --tile 0", "--tile is 0; expected at least 1"},
           {"--scheme theorem2 --words 0", "--words is 0; expected at least 1, or min"},
           {"--threads 0", "--threads is 0; expected 1 to"},
           {"--out same --json same", "both --out and --json are 'same'"},
           {"--out -", "--out is '-'; expected a file"},
           {"--dtype f16", "--dtype"},
       }) {
    expect_refused(roundtrip("forward bert --tokens some " + arguments), 2, reason);
  }
  // Where there is a GPU it is used, and where there is none the reason is given.
  const auto on_gpu = roundtrip("forward bert --tokens some --device cuda", 2);
  const auto any = roundtrip("forward bert --tokens some");
  if (any.out.find("(no GPU") == std::string::npos) {
    EXPECT_EQ(on_gpu.code, 0) << on_gpu.err;
  } else {
    expect_refused(on_gpu, 2, "--device cuda: ");
  }
  expect_refused(roundtrip("forward bert --tokens some --out no/such/folder/rows.npy"), 6, "no/such/folder/rows.npy");
}

/// Weights so large that a row overflows: the layer and the token are named, on every rank, and none is left waiting.
TEST_F(Forward, OverflowIsAFaultThatNamesTheToken) {
  TinyModel::write_gpt2(folder / "large", 3e38);
  for (const std::string scheme : {"local", "ring", "ulysses --machines 3", "theorem2"}) {
    const auto ended = roundtrip("forward large --tokens some --scheme " + scheme, 2);
    expect_refused(ended, 6, "token 0: NaN");
    EXPECT_EQ(occurrences(ended.err, "some:1: "), 1U) << ended.err;
  }
}

/// An infinity that no sum makes a NaN of is not an answer either.
TEST_F(Forward, InfinityInTheOutputIsAFault) {
  TinyModel::write_gpt2(folder / "infinite", 1, std::numeric_limits<float>::infinity());
  for (const std::string scheme : {"local", "theorem2"}) {
    expect_refused(roundtrip("forward infinite --tokens some --scheme " + scheme, 2), 6, "some:1: token 0 of the output is not finite");
  }
  const auto ended = roundtrip("check theorem2 --model infinite --tokens some --words min");
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(occurrences(ended.out, "WRONG"), 10U) << ended.out;
}

/// No output may take the place of an input, or of the other one, whatever they are called.
TEST_F(Forward, OutputsAreNoInputs) {
  for (const auto& [arguments, reason] : std::vector<std::pair<std::string, std::string>>{
           {"--out some", "--out is 'some', which is an input"},
           {"--json ./some", "--json is './some', which is an input"},
           {"--out bert/../bert/config.json", "--out is 'bert/../bert/config.json', which is an input"},
           {"--json bert/model.safetensors", "--json is 'bert/model.safetensors', which is an input"},
           {"--out rows --json ./rows", "both --out and --json are './rows'; expected two files"},
       }) {
    const auto before = read("some") + read("bert/config.json");
    expect_refused(roundtrip("forward bert --tokens some " + arguments), 2, reason);
    EXPECT_EQ(read("some") + read("bert/config.json"), before);
  }
  expect_refused(roundtrip("forward bert --tokens some --dry-run --json -"), 2,
                 "--dry-run runs nothing, and writes no --out and no --json");
}

}  // namespace
}  // namespace tests
