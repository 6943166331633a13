#include <cmath>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/command/process.h"
#include "tests/command/schema.h"
#include "tests/command/tiny_models.h"

namespace tests {
namespace {

const Schema row_schema{{"name", "s"},        {"scheme", "s"},
                        {"dtype", "s"},       {"tokens", "u"},
                        {"width", "u"},       {"heads", "u"},
                        {"layers", "u"},      {"words", "u"},
                        {"tile", "u"},        {"machines", "u"},
                        {"rounds", "u"},      {"rounds_formula", "u"},
                        {"max_sent", "u"},    {"max_received", "u"},
                        {"total_words", "u"}, {"max_kept_plus_sent", "u"},
                        {"messages", "u"},    {"max_kept_plus_received", "u"},
                        {"error", "f"},       {"digest", "s"},
                        {"wall_s", "f"},      {"machines_formula", "u"},
                        {"constant", "f?"},   {"verdict", "s"}};

/// Without what depends on the ranks.
Json lasting(Json json) {
  json.erase("ranks");
  for (auto& row : json["rows"]) row.erase("wall_s");
  return json;
}

class Theorem2 : public Command {
 protected:
  Json checked(const std::string& arguments, int ranks) const {
    SCOPED_TRACE(arguments);
    const auto ended = roundtrip("check theorem2 " + arguments + " --json -", ranks);
    EXPECT_EQ(ended.code, 0) << ended.err;
    auto json = Json::parse(ended.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << ended.out;
    return json;
  }
};

TEST_F(Theorem2, HoldsInEveryRow) {
  const auto json = checked("--no-model", 2);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["ranks"], 2);
  std::set<std::string> schemes, dtypes;
  std::set<int> depths;
  for (const auto& row : json["rows"]) {
    SCOPED_TRACE(row.dump());
    expect_schema(row, row_schema);
    if (HasFatalFailure()) return;
    EXPECT_EQ(row["verdict"], "ok");
    EXPECT_LE(row["error"].get<double>(), row["dtype"] == "f64" ? 1e-12 : 1e-5);
    const auto scheme = row["scheme"].get<std::string>();
    schemes.insert(scheme + (row["tile"] == 1 ? "" : " tiled"));
    dtypes.insert(row["dtype"]);
    const auto N = row["tokens"].get<int>(), L = row["layers"].get<int>(), s = row["words"].get<int>(), P = row["machines"].get<int>();
    if (scheme == "local") {
      EXPECT_EQ(row["rounds"], 0);
      continue;
    }
    EXPECT_LE(row["max_kept_plus_sent"].get<int>(), s);
    EXPECT_LE(row["max_kept_plus_received"].get<int>(), s);
    if (scheme == "ring") {
      EXPECT_EQ(row["rounds"], (P - 1) * L + 2);
    } else if (scheme == "ulysses") {
      EXPECT_EQ(row["rounds"], 2 * L + 2);
    } else {
      // From the theorem's text: b = floor(s / (4 B mH)), D the least with b^D >= N / B, and the sizes of both trees added up.
      const auto B = row["tile"].get<int>(), b = s / (4 * B * row["width"].get<int>()), blocks = (N + B - 1) / B;
      int D = 1, nodes = 0;
      for (long reach = b; reach < blocks; reach *= b) {
        nodes += static_cast<int>(reach);
        ++D;
      }
      depths.insert(D);
      EXPECT_GE(b, 2);
      EXPECT_EQ(row["rounds"], 2 * D * L + 2);
      EXPECT_EQ(row["machines"], blocks + blocks * blocks + 2 * blocks * nodes);
      if (N > 1) {
        const auto delta = std::log(s) / std::log(N) - std::log(row["width"].get<double>()) / std::log(N);
        EXPECT_NEAR(row["constant"].get<double>(), row["rounds"].get<double>() * delta / L, 1e-9);
      }
    }
  }
  EXPECT_EQ(schemes, (std::set<std::string>{"local", "ring", "ulysses", "theorem2", "theorem2 tiled"}));
  EXPECT_EQ(dtypes, (std::set<std::string>{"f32", "f64"}));
  EXPECT_GE(depths.size(), 4);  // trees of one level, and of many
}

TEST_F(Theorem2, SaysTheSameOnEveryNumberOfRanks) {
  const auto alone = lasting(checked("--no-model --seed 3", 0));
  for (const int ranks : {2, 3, 4}) EXPECT_EQ(lasting(checked("--no-model --seed 3", ranks)), alone);
  EXPECT_NE(lasting(checked("--no-model --seed 4", 0)), alone);
}

TEST_F(Theorem2, RunsAModelOfOnesOwn) {
  TinyModel::write_bert(folder / "bert");
  write("some", "3 14 15 9 2 6 5 3 5 0 0\n");
  const auto json = checked("--model bert --tokens some --words 100", 2);
  std::size_t rows = 0;
  for (const auto& row : json["rows"]) {
    EXPECT_EQ(row["verdict"], "ok");
    if (row["name"] != "bert") continue;
    ++rows;
    EXPECT_EQ(row["tokens"], 11);
  }
  EXPECT_EQ(rows, 10);
  expect_refused(roundtrip("check theorem2 --model bert --tokens some --words 95 --json -"), 4, "the least s is 96");
  expect_refused(roundtrip("check theorem2 --model bert"), 2, "--tokens");
  expect_refused(roundtrip("check theorem3"), 2, "check: no subcommand 'theorem3'; expected one of: ");
}

TEST_F(Theorem2, PrintsATable) {
  const auto ended = roundtrip("check theorem2 --no-model", 2);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("N 64, m 16, H 4, L 2, causal"), std::string::npos);
  EXPECT_NE(ended.out.find("are not charged to s, as in the theorem"), std::string::npos);
  EXPECT_EQ(occurrences(ended.out, "WRONG"), 0U);
}

}  // namespace
}  // namespace tests
