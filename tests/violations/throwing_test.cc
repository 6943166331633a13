#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/support/traffic.h"
#include "tests/violations/attempt.h"

namespace tests {
namespace {

/// Where one machine throws; all ranks must leave together, and a test that hangs fails by its time limit.
struct Place {
  const char* name;
  Program<void (*)(const mpc::Machine&)> protocol;
  std::uint64_t completed;  ///< rounds
};

void PrintTo(const Place& place, std::ostream* out) { *out << place.name; }

template <class Cluster>
void idle(Cluster& cluster) {
  cluster.template round<Word>(cluster.nothing(), [](const auto&, auto, auto&) {});
}

constexpr Place places[] = {
    {"Round",
     [](auto& cluster, void (*fail)(const mpc::Machine&)) {
       idle(cluster);
       cluster.template round<Word>(cluster.nothing(), [&](const auto& me, auto, auto& out) {
         out.send(Word{0}, 1);
         fail(me);
       });
       idle(cluster);
     },
     1},
    {"Local",
     [](auto& cluster, void (*fail)(const mpc::Machine&)) {
       idle(cluster);
       cluster.local([&](const mpc::Machine& me) { fail(me); });
       cluster.local([&](const mpc::Machine&) {});
       idle(cluster);
     },
     1},
    {"LocalThenAgree",
     [](auto& cluster, void (*fail)(const mpc::Machine&)) {
       cluster.local([&](const mpc::Machine& me) { fail(me); });
       cluster.agree([](const mpc::Machine&) { return Word{1}; });
     },
     0},
    {"LocalThenFinish", [](auto& cluster, void (*fail)(const mpc::Machine&)) { cluster.local([&](const mpc::Machine& me) { fail(me); }); },
     0},
    {"LocalThenInspect",
     [](auto& cluster, void (*fail)(const mpc::Machine&)) {
       cluster.local([&](const mpc::Machine& me) { fail(me); });
       cluster.inspect([](const mpc::Machine&) {});
     },
     0},
    {"Make",
     [](auto& cluster, void (*fail)(const mpc::Machine&)) {
       idle(cluster);
       auto word = cluster.template make<Word>([&](const mpc::Machine& me) { return fail(me), Word{1}; });
       idle(cluster);
     },
     1},
    {"Agree",
     [](auto& cluster, void (*fail)(const mpc::Machine&)) {
       idle(cluster);
       cluster.agree([&](const mpc::Machine& me) { return fail(me), Word{1}; });
     },
     1},
    {"Inspect",
     [](auto& cluster, void (*fail)(const mpc::Machine&)) {
       idle(cluster);
       cluster.inspect([&](const mpc::Machine& me) { fail(me); });
     },
     1},
};

constexpr std::uint64_t thrower = 6;

class Throwing : public testing::TestWithParam<Place> {
 protected:
  Outcome outcome(void (*fail)(const mpc::Machine&)) {
    mpc::Model model;
    model.machines = 9;
    model.memory = mpc::Words{20};
    model.word_bits = 10;
    const auto result = attempt_everywhere(model, [&](auto& cluster) {
      const auto label = cluster.scope("here");
      GetParam().protocol(cluster, fail);
    });
    EXPECT_FALSE(result.violation.has_value());
    EXPECT_EQ(result.completed.rounds.size(), GetParam().completed);
    const auto place = "machine 6, round " + std::to_string(GetParam().completed + 1) + " (here, ";
    EXPECT_TRUE(result.text.starts_with(place)) << result.text;
    return result;
  }
};

TEST_P(Throwing, AStandardException) {
  const auto result = outcome([](const mpc::Machine& me) {
    if (me.id().value == thrower) throw std::runtime_error("no such luck");
  });
  EXPECT_EQ(result.exit, mpc::Exit::fault);
  EXPECT_TRUE(result.text.ends_with("threw: no such luck")) << result.text;
}

TEST_P(Throwing, AnErrorWithItsExitCode) {
  const auto result = outcome([](const mpc::Machine& me) {
    if (me.id().value == thrower) throw mpc::InputError("line 3: not a number");
  });
  EXPECT_EQ(result.exit, mpc::Exit::bad_input);
  EXPECT_TRUE(result.text.ends_with("threw: line 3: not a number")) << result.text;
}

TEST_P(Throwing, SomethingElse) {
  const auto result = outcome([](const mpc::Machine& me) {
    if (me.id().value == thrower) throw 7;
  });
  EXPECT_EQ(result.exit, mpc::Exit::fault);
  EXPECT_TRUE(result.text.ends_with("threw: an exception of unknown type")) << result.text;
}

TEST_P(Throwing, SeveralMachinesWithDifferentErrors) {
  const auto result = outcome([](const mpc::Machine& me) {
    if (me.id().value >= thrower) throw std::runtime_error("machine " + std::to_string(me.id().value) + " it was");
  });
  EXPECT_EQ(result.exit, mpc::Exit::fault);
  EXPECT_TRUE(result.text.ends_with("threw: machine 6 it was")) << result.text;
}

INSTANTIATE_TEST_SUITE_P(Places, Throwing, testing::ValuesIn(places), [](const auto& test) { return std::string(test.param.name); });

TEST(ThrowTogether, AllRanksThrowTheLowestRanksError) {
  auto& ranks = world();
  const auto last = ranks.size() - 1;
  mpc::together(ranks, [] {});
  const auto text = [&](auto&& work) -> std::pair<std::string, mpc::Exit> {
    try {
      mpc::together(ranks, work);
    } catch (const mpc::Error& error) {
      return {error.what(), error.exit()};
    }
    return {"", mpc::Exit::done};
  };
  EXPECT_EQ(text([&] {
              if (ranks.rank() == last) throw mpc::InputError("bad file");
            }),
            std::pair(std::string("bad file"), mpc::Exit::bad_input));
  EXPECT_EQ(text([&] { throw std::runtime_error("rank " + std::to_string(ranks.rank())); }),
            std::pair(std::string("rank 0"), mpc::Exit::fault));
  EXPECT_EQ(text([&] {
              if (ranks.rank() == last) throw 7;
            }),
            std::pair(std::string("an exception of unknown type"), mpc::Exit::fault));
}

}  // namespace
}  // namespace tests
