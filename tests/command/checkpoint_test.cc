#include <gtest/gtest.h>

#include "tests/command/process.h"

namespace tests {
namespace {

/// The lines of an output that a run and its continuation have in common.
std::string digest_in(const std::string& text) {
  const auto at = text.find("digest ");
  return at == std::string::npos ? "none" : text.substr(at, 23);
}

/// The ledger's columns before the times.
std::vector<std::string> rows_of(const std::string& csv) {
  auto rows = lines_of(csv);
  for (auto& row : rows) {
    auto end = row.size();
    for (int column = 0; column < 5; ++column) end = row.rfind(',', end - 1);
    row.resize(end);
  }
  return rows;
}

class Checkpointed : public Command {
 protected:
  /// Whether two runs wrote the same labels and the same ledger but for its times, and ended with the same digest.
  void expect_same(const Ended& ended, const Ended& undisturbed, const std::string& name, const std::string& undisturbed_name) const {
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(digest_in(ended.out), digest_in(undisturbed.out));
    EXPECT_EQ(occurrences(ended.out, "digest "), 1U);
    EXPECT_EQ(rows_of(read(name + ".csv")), rows_of(read(undisturbed_name + ".csv")));
    EXPECT_TRUE(read(name + ".labels") == read(undisturbed_name + ".labels"));
    EXPECT_FALSE(read(name + ".labels").empty());
  }
};

TEST_F(Checkpointed, ARunIsResumedOnOtherRanks) {
  const std::string problem = "run connectivity --graph grid:60x60 --words min ";
  const auto files = [](const std::string& name) { return " --ledger " + name + ".csv --labels " + name + ".labels "; };
  const auto undisturbed = roundtrip(problem + files("a"));
  ASSERT_EQ(undisturbed.code, 0) << undisturbed.err;
  EXPECT_EQ(occurrences(undisturbed.out, "checkpoint"), 0U);
  const auto written = roundtrip(problem + files("b") + "--checkpoint ck/deep --checkpoint-every 3", 3);
  expect_same(written, undisturbed, "b", "a");
  EXPECT_EQ(occurrences(written.out, "\ncheckpoint "), 1U) << written.out;
  EXPECT_EQ(occurrences(written.out, " written, the last after round "), 1U) << written.out;
  const auto resumed = roundtrip(problem + files("c") + "--resume ck/deep --checkpoint ck/deep --checkpoint-every 1 --json json", 2);
  expect_same(resumed, undisturbed, "c", "a");
  EXPECT_EQ(occurrences(resumed.out, "\ncheckpoint resumed after round "), 1U) << resumed.out;
  EXPECT_EQ(occurrences(read("json"), "\"resumed_after\": null"), 0U);
  EXPECT_EQ(occurrences(read("json"), "\"resumed_after\": "), 1U);
  // What it was resumed from, or the last two that it wrote itself; and the fresh start is refused.
  expect_refused(roundtrip(problem + "--checkpoint ck/deep", 2), 3, "ck/deep: holds checkpoints already, the last of round ");

  // Another run of any kind is refused, with what differs.
  const auto refused = [&](const std::string& arguments, const std::string& text) {
    SCOPED_TRACE(arguments);
    const auto ended = roundtrip("run connectivity --labels x --resume ck/deep " + arguments, 2);
    expect_refused(ended, 3, text);
    EXPECT_EQ(occurrences(ended.err, ": is of another run: "), 1U) << ended.err;
  };
  refused("--graph grid:60x60 --words min --variant alt", "another run: its variant is local-contraction, and here it is alt\n");
  refused("--graph grid:60x60 --words min --seed 2 --ids as-given", "; its seed is 1, and here it is 2\n");
  refused("--graph grid:60x61 --words min", "its m is 7080, and here it is 7199; ");
  refused("--graph grid:60x60 --words 3000", "another run: its machines is ");
  expect_refused(roundtrip(problem + "--resume ck/deep"), 3, "its labels is yes, and here it is no");
  expect_refused(roundtrip(problem + "--resume ck", 2), 3, "ck: holds no checkpoint, which would be a folder such as round-000010");
  expect_refused(roundtrip(problem + "--resume none", 2), 3, "none: there is no such folder to resume from");
}

/// Where the ids of the model are not as many as the input's vertices or positions, too.
TEST_F(Checkpointed, AnyInputIsResumed) {
  int number = 0;
  for (const std::string problem :
       {"run connectivity --graph er:300,200 --words min", "run connectivity --variant forests --graph er:300,200 --machines 9 --words min",
        "run khop --input sequence:100,7 --k 9 --words min", "run compose --n 60 --k 5 --words min"}) {
    SCOPED_TRACE(problem);
    const auto folder = " ck" + std::to_string(++number);
    const auto undisturbed = roundtrip(problem + " --ledger a.csv --labels a.labels --checkpoint" + folder + " --checkpoint-every 1", 1);
    ASSERT_EQ(undisturbed.code, 0) << undisturbed.err;
    // The last checkpoint but one, so that a round is left.
    ASSERT_EQ(bash("rm -r $(ls -d" + folder + "/round-* | tail -n 1)").code, 0);
    const auto resumed = roundtrip(problem + " --ledger b.csv --labels b.labels --resume" + folder, 2);
    expect_same(resumed, undisturbed, "b", "a");
    EXPECT_EQ(occurrences(resumed.out, "\ncheckpoint resumed after round "), 1U) << resumed.out;
  }
  expect_refused(roundtrip("run khop --input sequence:101,7 --k 9 --words min --labels x --resume ck3"), 3,
                 "its n is 100, and here it is 101; ");
}

// A real interruption: one of three ranks is killed as soon as the second checkpoint is there.
TEST_F(Checkpointed, ARankIsKilledAndTheRunIsResumedOnTwo) {
  const std::string problem = "run cycles --variant doubling --graph two-cycles:400000 --no-verify";
  const auto undisturbed = roundtrip(problem + " --ledger a.csv --labels a.labels", 2);
  ASSERT_EQ(undisturbed.code, 0) << undisturbed.err;
  for (const std::string victim : {"0", "2"}) {
    SCOPED_TRACE(victim);
    const auto killed = bash("victim=" + victim + "; problem='" + problem + "'" + R"bash(
      mpirun --oversubscribe -np 3 "$roundtrip" $problem --ledger k.csv --labels k.labels --checkpoint ck$victim --checkpoint-every 2 &
      job=$!
      until [[ -e ck$victim/round-000004 ]] || ! kill -0 $job; do sleep 0.01; done
      for child in $(pgrep -P $job); do
        if tr '\0' '\n' <"/proc/$child/environ" | grep -q "^OMPI_COMM_WORLD_RANK=$victim\$"; then kill -9 "$child"; fi
      done
      start=$(date +%s%N)
      code=0
      wait $job || code=$?
      echo "ended $((($(date +%s%N) - start) / 1000000))"
      exit $code)bash");
    EXPECT_NE(killed.code, 0) << "the run came to its end before a rank was killed";
    EXPECT_EQ(occurrences(killed.out, "digest"), 0U);
    ASSERT_TRUE(killed.out.starts_with("ended ")) << killed.out;
    EXPECT_LT(std::stoull(killed.out.substr(6)), 10'000U);
    const auto resumed = roundtrip(problem + " --ledger b.csv --labels b.labels --resume ck" + victim, 2);
    expect_same(resumed, undisturbed, "b", "a");
    EXPECT_EQ(occurrences(resumed.out, "resumed after round "), 1U);
  }
}

TEST_F(Checkpointed, AViolationLeavesTheCheckpointBeforeIt) {
  const std::string run = "run misbehaving --graph path:10 --machines 6 --words 7 ";
  const auto ended = misbehaving(run + "--variant keeps --checkpoint ck --checkpoint-every 1", 4);
  EXPECT_EQ(ended.code, 4) << ended.err;
  const auto again = misbehaving(run + "--variant keeps --resume ck --ledger ledger", 2);
  EXPECT_EQ(again.code, 4);
  EXPECT_EQ(lines_of(again.err).at(0), lines_of(ended.err).at(0));
  EXPECT_EQ(lines_of(read("ledger")).size(), 2U);
  // A rank that dies leaves it, too.
  EXPECT_NE(misbehaving(run + "--variant dies --checkpoint dead --checkpoint-every 1", 4).code, 0);
  EXPECT_TRUE(exists("dead/round-000001/manifest"));
  expect_refused(misbehaving(run + "--variant nothing --resume dead", 2), 3, "its variant is dies, and here it is nothing");
}

TEST_F(Checkpointed, ADamagedOneIsRefusedAndTheOneBeforeItIsNamed) {
  const std::string problem = "run connectivity --graph grid:40x40 --words min ";
  const auto undisturbed = roundtrip(problem);
  ASSERT_EQ(roundtrip(problem + "--checkpoint ck --checkpoint-every 1", 2).code, 0);
  ASSERT_EQ(bash("ls -d ck/* | wc -l").out, "2\n");
  const auto last = bash("cd ck && ls | tail -n 1 | tr -d '\\n'").out;
  const auto before = bash("cd ck && ls | head -n 1 | tr -d '\\n'").out;
  ASSERT_EQ(bash("truncate -s -8 ck/" + last + "/machines-0").code, 0);
  const auto refused = roundtrip(problem + "--resume ck", 3);
  expect_refused(refused, 3, "ck/" + last + "/machines-0: has ");
  EXPECT_EQ(occurrences(refused.err, "; an older checkpoint is whole: --resume ck/" + before + "\n"), 1U) << refused.err;
  const auto resumed = roundtrip(problem + "--resume ck/" + before, 3);
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(digest_in(resumed.out), digest_in(undisturbed.out));
}

// No room: the run ends, and the checkpoint before is still there.
TEST_F(Checkpointed, ACheckpointThatCannotBeWrittenIsAFault) {
  const std::string problem = "run connectivity --graph grid:60x60 --words min ";
  write("file", "");
  expect_refused(roundtrip(problem + "--checkpoint file/ck", 2), 6, "cannot create file/ck: ");
  ASSERT_EQ(roundtrip(problem + "--checkpoint ck --checkpoint-every 2").code, 0);
  const auto names = bash("ls ck").out;
  const auto first = names.substr(0, names.find('\n'));
  const auto full =
      bash("trap '' XFSZ; ulimit -f 2; \"$roundtrip\" " + problem + "--resume ck/" + first + " --checkpoint ck --checkpoint-every 1");
  expect_refused(full, 6, "cannot write ck/.writing-round-");
  EXPECT_EQ(bash("ls -A ck").out, names);
  EXPECT_EQ(roundtrip(problem + "--resume ck", 2).code, 0);
}

TEST_F(Checkpointed, WrongUse) {
  expect_refused(roundtrip("run connectivity --graph star:10 --checkpoint a --checkpoint-every 0"), 2,
                 "--checkpoint-every is 0; expected at least 1");
  expect_refused(roundtrip("run connectivity --graph star:10 --checkpoint-every 3"), 2, "--checkpoint-every requires --checkpoint");
  expect_refused(roundtrip("run connectivity --graph star:10 --checkpoint a --checkpoint-every two"), 2,
                 "--checkpoint-every is 'two'; expected a whole number");
  EXPECT_EQ(roundtrip("run connectivity --graph star:10 --checkpoint a --dry-run").code, 0);
  EXPECT_FALSE(exists("a"));
}

}  // namespace
}  // namespace tests
