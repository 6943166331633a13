#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <sched.h>

#include "bench/command/cores.h"

#include "tests/command/process.h"
#include "tests/command/schema.h"
#include "tests/support/threaded_ranks.h"

namespace tests {
namespace {

const Schema row_schema{
    {"scaling", "s"},    {"graph", "s"},       {"ranks", "u"},    {"transport", "s"},     {"more_ranks_than_cores", "b"},
    {"n", "u"},          {"input_words", "u"}, {"m", "u"},        {"words", "u"},         {"machines", "u"},
    {"rounds", "u"},     {"total_words", "u"}, {"wall_s", "f"},   {"median_wall_s", "f"}, {"compute_s", "f"},
    {"pack_s", "f"},     {"exchange_s", "f"},  {"unpack_s", "f"}, {"idle_s", "f"},        {"speedup", "f"},
    {"efficiency", "f"}, {"digest", "s"},      {"checked", "s"},
};

class Scale : public Command {
 protected:
  /// `roundtrip scale` on four ranks that share one core.
  Ended scale(const std::string& arguments) const {
    return bash(
        "core=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')\n"
        "taskset -c $core mpirun --oversubscribe -np 4 \"$roundtrip\" scale " +
        arguments);
  }
};

TEST_F(Scale, RowsAreTheSameRunOnMoreAndMoreRanks) {
  const auto ended = scale("cycles --graph two-cycles:2000 --weak cycle:500 --repeat 2 --json json --csv csv");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_EQ(occurrences(ended.out, "strong scaling, two-cycles:2000\n"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "weak scaling, cycle:500 a rank\n"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "fastest of 2 repetitions"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "* more ranks than cores (1)"), 1U) << ended.out;

  const auto run = Json::parse(roundtrip("run cycles --graph two-cycles:2000 --json -").out, nullptr, false);
  ASSERT_TRUE(run.is_object());
  const auto json = Json::parse(read("json"), nullptr, false);
  expect_schema(json, {{"schema", "u"},
                       {"git", "s"},
                       {"protocol", "s"},
                       {"variant", "s"},
                       {"ranks", "u"},
                       {"cores", "u"},
                       {"repeat", "u"},
                       {"seed", "u"},
                       {"good", "b"},
                       {"rows", "a"}});
  EXPECT_EQ(json["ranks"], 4);
  EXPECT_EQ(json["cores"], 1);
  EXPECT_EQ(json["good"], true);
  ASSERT_EQ(json["rows"].size(), 6U);
  std::set<std::string> weak_digests;
  for (std::size_t i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    const auto& row = json["rows"][i];
    const auto& first = json["rows"][i / 3 * 3];
    expect_schema(row, row_schema);
    const std::uint64_t ranks = std::uint64_t{1} << i % 3;
    EXPECT_EQ(row["ranks"], ranks);
    EXPECT_EQ(row["transport"], "mpi");
    EXPECT_EQ(row["more_ranks_than_cores"], ranks > 1);
    EXPECT_LE(row["wall_s"], row["median_wall_s"]);
    const double parts = row["compute_s"].get<double>() + row["pack_s"].get<double>() + row["exchange_s"].get<double>() +
                         row["unpack_s"].get<double>() + row["idle_s"].get<double>();
    EXPECT_GT(parts, 0);
    const double growth = row["scaling"] == "weak" ? static_cast<double>(ranks) : 1;
    const double speedup = growth * first["wall_s"].get<double>() / row["wall_s"].get<double>();
    EXPECT_NEAR(row["speedup"], speedup, 1e-6 * speedup);
    EXPECT_NEAR(row["efficiency"], speedup / static_cast<double>(ranks), 1e-6 * speedup);
    if (i < 3) {
      EXPECT_EQ(row["scaling"], "strong");
      for (const auto* field : {"n", "m", "input_words", "words", "machines", "rounds", "total_words", "digest"})
        EXPECT_EQ(row[field], run[field]) << field;
      EXPECT_EQ(row["checked"], i == 0 ? "verified" : "same run");
    } else {
      EXPECT_EQ(row["scaling"], "weak");
      EXPECT_EQ(row["graph"], "cycle:" + std::to_string(500 * ranks));
      EXPECT_EQ(row["n"], 500 * ranks);
      EXPECT_EQ(row["checked"], "verified");
      weak_digests.insert(row["digest"]);
    }
  }
  EXPECT_EQ(weak_digests.size(), 3U);
  const auto csv = lines_of(read("csv"));
  ASSERT_EQ(csv.size(), 7U);
  EXPECT_EQ(csv[0].substr(0, 36), "scaling,graph,n,m,input_words,ranks,");
  EXPECT_EQ(csv[1].substr(0, 38), "strong,two-cycles:2000,2000,2000,4000,");

  // Other ranks, by two hops.
  const auto grid = scale("cycles --graph two-cycles:2000 --ranks 3,4 --repeat 1 --transport grid --no-verify --json -");
  ASSERT_EQ(grid.code, 0) << grid.err;
  const auto rows = Json::parse(grid.out, nullptr, false)["rows"];
  ASSERT_EQ(rows.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rows[i]["ranks"], 3 + i);
    EXPECT_EQ(rows[i]["transport"], "grid");
    EXPECT_EQ(rows[i]["digest"], run["digest"]);
    EXPECT_EQ(rows[i]["checked"], i == 0 ? "not checked" : "same run");
  }
}

TEST_F(Scale, WhatIsWrongIsRefused) {
  struct Refusal {
    const char *arguments, *reason;
    int code;
  };
  for (const auto& [arguments, reason, code] : {
           Refusal{"", "expected an input (--graph and the like), for strong scaling, --weak, or both", 2},
           Refusal{"--weak cycle", "--weak is 'cycle'; expected FAMILY:SIZE", 2},
           Refusal{"--weak ring:5", "--weak: no family 'ring'", 2},
           Refusal{"--graph cycle:9 --ranks 1,2", "--ranks holds 2; there are 1", 2},
           Refusal{"--graph cycle:9 --repeat 0", "--repeat is 0", 2},
           Refusal{"--graph cycle:9 --json - --csv -", "standard output can hold one", 2},
           Refusal{"--graph cycle:9 --transport scrambled", "--transport", 2},
       }) {
    SCOPED_TRACE(arguments);
    expect_refused(roundtrip(std::string("scale cycles ") + arguments), code, reason);
  }
  // Known to the ranks that run it, and then to all.
  expect_refused(roundtrip("scale connectivity --graph star:100000 --words 3 --ranks 1", 2), 4, "needs machines of at least");
}

TEST_F(Scale, ARunThatIsNotTheSameOnEveryNumberOfRanksIsFound) {
  struct Case {
    const char *variant, *shows;
  };
  for (const auto& [variant, shows] : {Case{"leaks", "OTHER RUN"}, Case{"wrong", "WRONG"}, Case{"late", "EXCEEDED"}}) {
    const auto ended =
        misbehaving(std::string("scale misbehaving --graph path:10 --machines 6 --words 7 --repeat 2 --variant ") + variant, 2);
    EXPECT_EQ(ended.code, 1) << ended.err;
    EXPECT_GE(occurrences(ended.out, shows), 1U) << ended.out;
  }
  // What was measured before a refusal is shown.
  const auto ended = misbehaving("scale misbehaving --graph path:10 --machines 6 --words 7 --repeat 1 --variant refuses-two-ranks", 2);
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_EQ(occurrences(ended.err, "roundtrip: "), 1U) << ended.err;
  EXPECT_EQ(occurrences(ended.out, "verified"), 1U) << ended.out;
}

TEST(Cores, AreCountedOnceANode) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  const auto on_one_core = [&](mpc::Ranks& ranks) {
    int first = 0;
    while (!CPU_ISSET(first, &all)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    EXPECT_EQ(sched_setaffinity(0, sizeof one, &one), 0);  // of this thread, which is a rank
    return roundtrip::cores_of(ranks);
  };
  for (const int size : {1, 3}) {
    for (const auto& cores : ThreadedRanks::results(size, on_one_core)) {
      EXPECT_EQ(cores.all, 1);
      EXPECT_EQ(cores.shared, size > 1);
    }
  }
  const int count = CPU_COUNT(&all);
  for (const int size : {count, count + 1}) {
    for (const auto& cores : ThreadedRanks::results(size, [](mpc::Ranks& ranks) { return roundtrip::cores_of(ranks); })) {
      EXPECT_EQ(cores.all, count);
      EXPECT_EQ(cores.shared, size > count);
    }
  }
}

}  // namespace
}  // namespace tests
