#include <gtest/gtest.h>

#include "tests/command/process.h"

namespace tests {
namespace {

/// Registered protocols that break a rule on machine 4 of 6, with 7 words each, in round 2; on one rank and on four.
class Misbehaviour : public Command, public testing::WithParamInterface<int> {
 protected:
  Ended run(const std::string& variant, const std::string& more = "") const {
    return misbehaving("run misbehaving --graph path:10 --machines 6 --words 7 --ledger ledger --variant " + variant + " " + more,
                       GetParam());
  }
  /// Refused with this code and text, once; the ledger holds the one round that was completed.
  void expect_stopped(const Ended& ended, int code, const std::string& text) const {
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_EQ(occurrences(ended.err, "roundtrip: "), 1U) << ended.err;
    EXPECT_EQ(occurrences(ended.err, text), 1U) << "wanted: " << text << "\ngot: " << ended.err;
    EXPECT_EQ(ended.out, "");
    const auto rows = lines_of(read("ledger"));
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_NE(rows[1].find(",6,6,"), std::string::npos) << rows[1];  // 6 messages, 6 words
    EXPECT_LT(ended.seconds, 60);
  }
};

constexpr const char* where = "machine 4, round 2 (sin, tests/command/misbehaving.cc:";

TEST_P(Misbehaviour, NoneIsVerified) {
  for (const auto* variant : {"nothing", "full"}) {
    const auto ended = run(variant);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
    EXPECT_EQ(occurrences(ended.out, "answer     answer: 42\nverified   yes"), 1U) << ended.out;
    EXPECT_EQ(lines_of(read("ledger")).size(), 3U);
  }
}

// As a transformer the rules are the same, and so are the refusals.
TEST_P(Misbehaviour, IsRefusedAsATransformerToo) {
  struct Case {
    const char *variant, *text;
    int code;
  };
  for (const auto& [variant, text, code] :
       {Case{"sends", "sends 6 words and keeps 2, 8 in all; allowed are 7", 4}, Case{"keeps", "keeps 8 words; allowed are 7", 4},
        Case{"receives", "receives 6 words and keeps 2, 8 in all; allowed are 7", 4}, Case{"nowhere", "sends to machine 6", 4},
        Case{"throws", "the step threw: on purpose", 6}, Case{"disagrees", "all machines must hold the same value", 4}}) {
    for (const auto* more : {"", " --no-verify"}) {  // refused on messages first, or only by the transformer
      SCOPED_TRACE(std::string(variant) + more);
      expect_refused(
          misbehaving(std::string("compile misbehaving --graph path:10 --machines 6 --words 7 --variant ") + variant + more, GetParam()),
          code, text);
    }
  }
}

// A type that leaves a member out of its serialize() carries words that are in nobody's memory; a residual row does not have them.
TEST_P(Misbehaviour, WordsOutsideTheMemoryDoNotReachATransformer) {
  const auto arguments = std::string("misbehaving --graph path:10 --machines 6 --words 7 --variant forgets");
  EXPECT_EQ(misbehaving("run " + arguments, GetParam()).code, 0);
  const auto ended = misbehaving("compile " + arguments + " --json json", GetParam());
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(
      occurrences(ended.err,
                  "roundtrip: the transformer is not the run on messages: machine 0 after round 2, inbox: word 2 is 0, and on messages 6"),
      1U)
      << ended.err;
  EXPECT_EQ(occurrences(ended.out, "memory     DIFFERS from the run on messages: machine 0 after round 2"), 1U) << ended.out;
  EXPECT_EQ(occurrences(read("json"), "\"identical\": false"), 1U);
}

TEST_P(Misbehaviour, SendingOneWordTooMany) {
  const auto ended = run("sends");
  expect_stopped(ended, 4, where);
  EXPECT_EQ(occurrences(ended.err, "sends 6 words and keeps 2, 8 in all; allowed are 7"), 1U) << ended.err;
}

TEST_P(Misbehaviour, KeepingOneWordTooMany) {
  const auto ended = run("keeps");
  expect_stopped(ended, 4, where);
  EXPECT_EQ(occurrences(ended.err, "keeps 8 words; allowed are 7"), 1U) << ended.err;
}

TEST_P(Misbehaviour, ReceivingOneWordTooMany) {
  const auto ended = run("receives");
  expect_stopped(ended, 4, "machine 0, round 2 (sin, tests/command/misbehaving.cc:");
  EXPECT_EQ(occurrences(ended.err, "receives 6 words and keeps 2, 8 in all; allowed are 7"), 1U) << ended.err;
}

TEST_P(Misbehaviour, SendingToAMachineThatIsNotThere) {
  const auto ended = run("nowhere");
  expect_stopped(ended, 4, where);
  EXPECT_EQ(occurrences(ended.err, "sends to machine 6; there are machines 0 to 5"), 1U) << ended.err;
}

TEST_P(Misbehaviour, AValueThatIsTooWide) {
  const auto ended = run("wide");
  expect_stopped(ended, 4, where);
  EXPECT_EQ(occurrences(ended.err, "has a value of 11 bits; a word holds 10 bits"), 1U) << ended.err;  // 2 ceil(log2 18)
}

TEST_P(Misbehaviour, AStepThatThrows) { expect_stopped(run("throws"), 6, "the step threw: on purpose"); }

TEST_P(Misbehaviour, MachinesThatDoNotAgree) {
  const auto ended = run("disagrees");
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_EQ(occurrences(ended.err, "holds 1 where machine 0 holds 0; all machines must hold the same value"), 1U) << ended.err;
  EXPECT_EQ(lines_of(read("ledger")).size(), 3U);
}

TEST_P(Misbehaviour, AnOldInboxCannotBeRead) {
  const auto ended = run("stale");
  EXPECT_EQ(ended.code, 6) << ended.err;
  EXPECT_GE(occurrences(ended.err, "the inboxes of round 1 are read after round 2"), 1U) << ended.err;
  EXPECT_EQ(ended.out, "");
}

TEST_P(Misbehaviour, ARankThatDiesEndsTheJob) {
  const auto ended = run("dies");
  EXPECT_NE(ended.code, 0);
  EXPECT_LT(ended.seconds, 30) << ended.err;
  EXPECT_EQ(ended.out, "");
}

TEST_P(Misbehaviour, MoreRoundsThanDeclaredIsSaidAfterTheAnswer) {
  const auto ended = run("late", "--json json");
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_EQ(occurrences(ended.err, "misbehaving (late) took 3 rounds and declares at most 2"), 1U) << ended.err;
  EXPECT_EQ(occurrences(ended.out, "3 measured | at most 2 declared  EXCEEDED"), 1U) << ended.out;
  EXPECT_EQ(occurrences(ended.out, "answer: 42"), 1U);
  EXPECT_EQ(lines_of(read("ledger")).size(), 4U);
  EXPECT_EQ(occurrences(read("json"), "\"verified\": true"), 1U);
}

TEST_P(Misbehaviour, AWrongAnswerIsSaid) {
  const auto ended = run("wrong", "--json json");
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_EQ(occurrences(ended.err, "the answer is wrong: 41 answer, and the serial oracle finds 42"), 1U) << ended.err;
  EXPECT_EQ(occurrences(ended.out, "verified   NO: the serial oracle finds 42"), 1U) << ended.out;
  EXPECT_EQ(occurrences(read("json"), "\"verified\": false"), 1U);
  EXPECT_EQ(run("wrong", "--no-verify").code, 0);
}

TEST_P(Misbehaviour, WrongClassesAreSaid) {
  const auto ended = run("wrong-classes");
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_EQ(occurrences(ended.err, "finds 42, with other classes"), 1U) << ended.err;
}

INSTANTIATE_TEST_SUITE_P(On, Misbehaviour, testing::Values(0, 4),
                         [](const auto& test) { return test.param == 0 ? "OneRank" : "FourRanks"; });

TEST_F(Command, AnAddedProtocolIsListed) {
  const auto ended = misbehaving("list");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(occurrences(ended.out, "\nmisbehaving\n"), 1U);
  EXPECT_EQ(occurrences(ended.out, "\ncycles\n"), 1U);
  expect_refused(misbehaving("run other --graph star:3"), 2,
                 "no protocol 'other'; expected one of: connectivity, cycles, khop, compose, misbehaving");
}

}  // namespace
}  // namespace tests
