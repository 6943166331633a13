#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/command/process.h"
#include "tests/command/schema.h"

namespace tests {

inline const Schema compile_schema{{"schema", "u"},
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
inline const Schema certificate_schema{{"exact", "b"}, {"dtype", "s"}, {"margin", "f?"}, {"measured_margin", "f?"}, {"layers", "a"}};
inline const Schema layer_schema{{"layer", "u"},
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
/// A run on messages and one as a transformer say the same about these.
inline const std::vector<std::string> common{"protocol", "variant", "graph",     "n",     "m",      "input_words",
                                             "machines", "words",   "word_bits", "seed",  "rounds", "rounds_declared",
                                             "answer",   "retries", "verified",  "digest"};

/// What does not depend on the clock or the number of ranks.
inline Json lasting(Json json) {
  for (const auto* key : {"ranks", "wall_s", "load_s", "compute_s", "write_s", "gather_s", "read_s", "attention_s", "rss_bytes"})
    json.erase(key);
  return json;
}

/// What is proved of a layer, recomputed from the sizes that it names.
inline void expect_layer(const Json& layer, const Json& run) {
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
    expect_schema(json, compile_schema);
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

inline const std::string two_cycles = "cycles --variant doubling --graph two-cycles:8 --ids as-given --machines 8 --words min";
inline const std::string path = "connectivity --graph path:3 --machines 3 --words min";

}  // namespace tests
