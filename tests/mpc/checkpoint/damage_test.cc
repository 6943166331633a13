#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "tests/mpc/checkpoint/runs.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/traffic.h"

namespace tests {
namespace {

namespace fs = std::filesystem;

/// Four rounds in which 7 machines pass words on: what they keep depends on all rounds. The seed makes runs of other contents.
template <class Cluster>
Word pass_on(Cluster& cluster, Word seed = 0) {
  const auto q = cluster.model().machines;
  auto word = cluster.template make<Word>([&](const auto& me) { return me.id().value + seed; });
  auto list = cluster.template make<std::vector<Word>>([](const auto& me) { return std::vector<Word>(me.id().value % 3, 5); });
  for (Word i = 0; i < 4; ++i) {
    const auto phase = cluster.scope("pass " + std::to_string(i));
    auto mail = cluster.template round<Word>(cluster.nothing(),
                                             [&](const auto& me, auto, auto& out) { out.send((me.id().value * 3 + i) % q, word[me]); });
    cluster.local(mail, [&](const auto& me, auto inbox) {
      for (const auto& [source, letter] : inbox) word[me] = (word[me] * 7 + letter) % 1000;
    });
  }
  return cluster.agree([](const auto&) { return Word{1}; });
}

mpc::Model seven_machines() {
  mpc::Model model;
  model.machines = 7;
  model.memory = mpc::Words{30};
  model.word_bits = 20;
  model.seed = 1;
  return model;
}

const auto passing = [](auto& cluster) { return pass_on(cluster); };

class Damage : public testing::Test {
 protected:
  Damage() {
    const auto model = seven_machines();
    digest = run_on({.ranks = 2, .write = folder.path() / "mine"}, model, passing).ledger.digest();
    run_on({.ranks = 2, .write = folder.path() / "other", .identity = {{"protocol", "test"}}}, model,
           [](auto& cluster) { return pass_on(cluster, 11); });
    last = checkpoint_of(folder.path() / "mine", 4);
    before = checkpoint_of(folder.path() / "mine", 3);
  }

  static std::vector<std::string> files_in(const fs::path& checkpoint) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(checkpoint)) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  /// The damaged checkpoint is refused on 1 and on 3 ranks, with the file's name and this text, and the one before it is named; nothing
  /// runs. With the file as it was, it is resumed again.
  void expect_refused(const std::string& name, const std::string& text, const std::function<void(const fs::path&)>& damage) const {
    const auto path = last / name;
    const auto whole = bytes_of(path);
    damage(path);
    for (const auto& place : {folder.path() / "mine", last}) {
      const auto refusal = refusal_of({.ranks = place == last ? 3 : 1, .resume = place}, seven_machines(),
                                      [](auto&) -> Word { throw std::logic_error("the protocol runs"); });
      EXPECT_EQ(refusal.exit, mpc::Exit::bad_input);
      EXPECT_TRUE(refusal.text.starts_with(path.string() + ": " + text)) << "wanted: " << text << "\ngot: " << refusal.text;
      EXPECT_TRUE(refusal.text.ends_with("; an older checkpoint is whole: --resume " + before.string())) << refusal.text;
    }
    fs::remove(path);
    write_bytes(path, whole);
  }

  std::uint64_t digest = 0;
  TemporaryFolder folder;
  fs::path last, before;
};

TEST_F(Damage, ACheckpointHoldsTheseFiles) {
  EXPECT_EQ(files_in(last), (std::vector<std::string>{"history", "machines-0", "machines-4", "manifest"}));
}

TEST_F(Damage, TruncatedOrGrown) {
  for (const std::string name : {"history", "machines-0", "machines-4"}) {
    SCOPED_TRACE(name);
    const auto size = fs::file_size(last / name);
    for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, size / 2, size - 8, size - 1, size + 1, size + 8}) {
      expect_refused(name, "has " + std::to_string(bytes) + " bytes; " + std::to_string(size) + " were written",
                     [&](const fs::path& path) { fs::resize_file(path, bytes); });
    }
  }
  const auto size = fs::file_size(last / "manifest");
  for (std::uint64_t bytes = 0; bytes < size; ++bytes) {
    expect_refused("manifest", bytes < 30 ? "is " : "is damaged", [&](const fs::path& path) { fs::resize_file(path, bytes); });
  }
  expect_refused("manifest", "is damaged", [&](const fs::path& path) { write_bytes(path, bytes_of(path) + "\n"); });
}

TEST_F(Damage, AFlippedBitAnywhere) {
  for (const std::string name : {"history", "machines-0", "machines-4", "manifest"}) {
    SCOPED_TRACE(name);
    const auto bytes = bytes_of(last / name);
    for (std::size_t at = 0; at < bytes.size(); at += name == "history" ? 97 : 3) {
      expect_refused(name, name == "manifest" ? "is " : "has the checksum", [&](const fs::path& path) {
        auto flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
        write_bytes(path, flipped);
      });
    }
  }
}

TEST_F(Damage, AMissingFile) {
  for (const auto& name : files_in(last)) expect_refused(name, "No such file or directory", [](const fs::path& path) { fs::remove(path); });
}

TEST_F(Damage, AFolderForAManifest) {
  expect_refused("manifest", "is a folder", [](const fs::path& path) {
    fs::remove(path);
    fs::create_directory(path);
  });
}

TEST_F(Damage, AFileOfAnotherRun) {
  const auto other = checkpoint_of(folder.path() / "other", 4);
  for (const std::string name : {"history", "machines-0", "machines-4"}) {
    SCOPED_TRACE(name);
    expect_refused(name, "has", [&](const fs::path& path) { fs::copy_file(other / name, path, fs::copy_options::overwrite_existing); });
    expect_refused(name, "has", [&](const fs::path& path) { fs::copy_file(before / name, path, fs::copy_options::overwrite_existing); });
  }
  expect_refused("machines-0", "has",
                 [&](const fs::path& path) { fs::copy_file(last / "machines-4", path, fs::copy_options::overwrite_existing); });
  // With another run's manifest, the files of this one are the wrong ones.
  fs::copy_file(other / "manifest", last / "manifest", fs::copy_options::overwrite_existing);
  const auto refusal = refusal_of({.resume = last}, seven_machines(), passing);
  EXPECT_EQ(refusal.exit, mpc::Exit::bad_input);
  EXPECT_NE(refusal.text.find("has the checksum"), std::string::npos) << refusal.text;
}

TEST_F(Damage, AnotherFormat) {
  const auto text = bytes_of(last / "manifest");
  for (const std::string format : {"0", "1", "3", "20", ""}) {
    expect_refused("manifest", "is in format " + format + "; this program reads format 2", [&](const fs::path& path) {
      auto lines = text.substr(0, text.rfind("checksum "));
      lines.replace(lines.find("format 2") + 7, 1, format);
      write_bytes(path, lines + "checksum 0\n");
    });
  }
  expect_refused("manifest", "is no manifest of a checkpoint", [](const fs::path& path) { write_bytes(path, "# vertices: 3\n0 1\n"); });
}

TEST_F(Damage, TheOneBeforeIsResumed) {
  fs::resize_file(last / "machines-4", 8);
  for (const int ranks : {1, 3}) {
    const auto run = run_on({.ranks = ranks, .resume = before}, seven_machines(), passing);
    EXPECT_EQ(run.ledger.digest(), digest);
  }
  // Only the ones before it are of use: of two that are damaged, the third is named; and there may be none.
  fs::remove(before / "history");
  const auto refusal = refusal_of({.resume = last}, seven_machines(), passing);
  EXPECT_TRUE(refusal.text.ends_with("--resume " + checkpoint_of(folder.path() / "mine", 2).string())) << refusal.text;
  for (const auto round : {1, 2}) fs::remove(checkpoint_of(folder.path() / "mine", round) / "manifest");
  EXPECT_TRUE(refusal_of({.resume = last}, seven_machines(), passing).text.ends_with("; there is no older checkpoint that is whole"));
}

TEST_F(Damage, NothingToResume) {
  const auto text = [&](const fs::path& path) {
    const auto refusal = refusal_of({.ranks = 2, .resume = path}, seven_machines(), passing);
    EXPECT_EQ(refusal.exit, mpc::Exit::bad_input);
    return refusal.text;
  };
  EXPECT_EQ(text(folder.path() / "none"), (folder.path() / "none").string() + ": there is no such folder to resume from");
  write_bytes(folder.path() / "file", "");
  EXPECT_EQ(text(folder.path() / "file"), (folder.path() / "file").string() + ": there is no such folder to resume from");
  EXPECT_EQ(text(folder.path()), folder.path().string() + ": holds no checkpoint, which would be a folder such as round-000010");
}

TEST_F(Damage, ACheckpointOfAnotherRun) {
  const auto expect = [&](const RunPlan& plan, const mpc::Model& model, const std::string& text) {
    const auto refusal = refusal_of(plan, model, passing);
    EXPECT_EQ(refusal.exit, mpc::Exit::bad_input);
    EXPECT_EQ(refusal.text, last.string() + ": is of another run: " + text);
  };
  const auto with = [](auto change) {
    auto model = seven_machines();
    change(model);
    return model;
  };
  const RunPlan plan{.ranks = 2, .resume = last};
  expect(plan, with([](auto& model) { model.seed = 2; }), "its seed is 1, and here it is 2");
  expect(plan, with([](auto& model) { model.machines = 8; }), "its machines is 7, and here it is 8");
  expect(plan, with([](auto& model) { model.memory = mpc::Words{31}; }), "its words is 30, and here it is 31");
  expect(plan, with([](auto& model) { model.word_bits = 21; }), "its word-bits is 20, and here it is 21");
  auto other = plan;
  other.identity = {{"protocol", "another test"}};
  expect(other, seven_machines(), "its protocol is test, and here it is another test");
  other.identity = {};
  expect(other, seven_machines(), "its protocol is test, and here is none");
  other.identity = {{"protocol", "test"}, {"input", "17"}};
  expect(other, seven_machines(), "it does not say its input");
}

/// A name that is there twice would be compared with the wrong one.
TEST_F(Damage, NamesThatTellRunsApartAreDistinct) {
  EXPECT_THROW(run_on({.ranks = 2, .write = folder.path() / "twice", .identity = {{"ids", "3"}}}, seven_machines(), passing),
               std::logic_error);
}

/// A round; passed on as a value, so that each protocol below is one line.
const auto one_round = [](auto& cluster, const char* label) {
  const auto phase = cluster.scope(label);
  cluster.template round<Word>(cluster.nothing(), [](const auto&, auto, auto&) {});
};

// The replay makes other calls than the run that was checkpointed: another protocol under the same name.
TEST(OtherCalls, AreNamed) {
  const auto model = seven_machines();
  const auto written = [](auto& cluster) {
    auto word = cluster.template make<Word>();
    one_round(cluster, "a");
    cluster.agree([](const auto&) { return Word{3}; });
    cluster.total(1);
    cluster.local([](const auto&) {});
    one_round(cluster, "b");
    return Word{0};
  };
  const TemporaryFolder folder;
  run_on({.write = folder.path(), .every = 2}, model, written);
  const auto place = checkpoint_of(folder.path(), 2);
  EXPECT_EQ(refusal_of({.resume = folder.path()}, model, written).text, "");
  const auto expect = [&](const std::string& text, auto protocol) {
    for (const int ranks : {1, 3}) {
      const auto refusal = refusal_of({.ranks = ranks, .resume = folder.path()}, model, [&](auto& cluster) {
        protocol(cluster);
        return Word{0};
      });
      EXPECT_EQ(refusal.exit, mpc::Exit::bad_input);
      EXPECT_TRUE(refusal.text.starts_with(place.string() + ": after " + text)) << "wanted: " << text << "\ngot: " << refusal.text;
    }
  };
  const auto agree = [](auto& cluster) { return cluster.agree([](const auto&) { return Word{3}; }); };
  expect("0 rounds the run that wrote it came to the round 'a', and this one comes to the round 'c'",
         [&](auto& cluster) { one_round(cluster, "c"); });
  expect("0 rounds the run that wrote it came to the round 'a', and this one comes to the round 'a' with other types",
         [&](auto& cluster) { one_round(cluster, "a"); });  // a variable too few
  expect("0 rounds the run that wrote it came to the round 'a', and this one comes to the round 'a' with other types", [&](auto& cluster) {
    auto word = cluster.template make<std::vector<Word>>();
    one_round(cluster, "a");
  });
  expect("0 rounds the run that wrote it came to the round 'a', and this one comes to the round 'a' with other types", [&](auto& cluster) {
    auto word = cluster.template make<Word>();
    const auto phase = cluster.scope("a");
    cluster.template round<Plain<2>>(cluster.nothing(), [](const auto&, auto, auto&) {});
  });
  expect("0 rounds the run that wrote it came to the round 'a', and this one comes to agree()", agree);
  expect("1 rounds the run that wrote it came to agree(), and this one comes to total()", [&](auto& cluster) {
    auto word = cluster.template make<Word>();
    one_round(cluster, "a");
    cluster.total(1);
  });
  expect("1 rounds the run that wrote it came to agree(), and this one comes to local()", [&](auto& cluster) {
    auto word = cluster.template make<Word>();
    one_round(cluster, "a");
    cluster.local([](const auto&) {});
  });
  expect("1 rounds the run that wrote it came to local(), and this one comes to the round 'b'", [&](auto& cluster) {
    auto word = cluster.template make<Word>();
    one_round(cluster, "a");
    agree(cluster);
    cluster.total(1);
    one_round(cluster, "b");
  });
  expect("1 rounds the run that wrote it came to agree(), and this one comes to its end", [&](auto& cluster) {
    auto word = cluster.template make<Word>();
    one_round(cluster, "a");
  });
  expect("1 rounds the run that wrote it came to agree(), and this one comes to inspect()", [&](auto& cluster) {
    auto word = cluster.template make<Word>();
    one_round(cluster, "a");
    cluster.inspect([](const auto&) {});
  });
}

/// A list that is written in another way than it is read: types of one name and, as far as is known, of one layout.
struct Drifting {
  std::vector<Word> items;
  inline static bool changed = false;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& items;
    if (!changed) return;
    Word more = 0;
    archive& more;
  }
};

TEST(OtherCalls, ATypeThatReadsOtherWordsThanWereWritten) {
  const auto model = seven_machines();
  const auto kept = [](auto& cluster) {
    auto list = cluster.template make<Drifting>([](const auto& me) { return Drifting{std::vector<Word>(me.id().value)}; });
    one_round(cluster, "a");
    return Word{0};
  };
  const auto sent = [](auto& cluster) {
    cluster.template round<Drifting>(
        cluster.nothing(), [](const auto& me, auto, auto& out) { out.send(Word{4}, Drifting{std::vector<Word>(me.id().value)}); });
    return Word{0};
  };
  const auto check = [&](const auto& protocol, int machine) {
    const TemporaryFolder folder;
    Drifting::changed = false;
    run_on({.write = folder.path()}, model, protocol);
    EXPECT_EQ(refusal_of({.resume = folder.path()}, model, protocol).text, "");
    Drifting::changed = true;
    const auto refusal = refusal_of({.ranks = 3, .resume = folder.path()}, model, protocol);
    EXPECT_EQ(refusal.exit, mpc::Exit::bad_input);
    EXPECT_EQ(refusal.text, checkpoint_of(folder.path(), 1).string() + ": what it holds of machine " + std::to_string(machine) +
                                " is not what this program's types say");
  };
  check(kept, 0);
  check(sent, 4);
}

TEST(CheckpointPlan, AFolderOfOtherCheckpointsIsNotMixedWithNewOnes) {
  const TemporaryFolder folder;
  run_on({.write = folder.path(), .every = 2}, seven_machines(), passing);
  for (const auto& resume : {fs::path(), folder.path()}) {
    const TemporaryFolder other;
    if (!resume.empty()) run_on({.write = other.path()}, seven_machines(), passing);
    const auto refusal =
        refusal_of({.ranks = 2, .write = folder.path(), .resume = resume.empty() ? resume : other.path()}, seven_machines(), passing);
    EXPECT_EQ(refusal.exit, mpc::Exit::bad_input);
    EXPECT_EQ(refusal.text,
              folder.path().string() + ": holds checkpoints already, the last of round 4: resume from them, or choose another folder");
  }
}

TEST(CheckpointPlan, WhatCannotBeWrittenEndsTheRunOnAllRanks) {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "file", "");
  const auto refusal = refusal_of({.ranks = 3, .write = folder.path() / "file/a"}, seven_machines(), passing);
  EXPECT_EQ(refusal.exit, mpc::Exit::fault);
  EXPECT_TRUE(refusal.text.starts_with("cannot create " + (folder.path() / "file/a").string())) << refusal.text;
  // In the middle of a run: the checkpoint of round 2 is there, and then its folder is lost.
  const auto place = folder.path() / "a";
  const auto lost = refusal_of({.ranks = 3, .write = place, .every = 2}, seven_machines(), [&](auto& cluster) {
    if (cluster.transport().ranks().rank() == 0) {
      cluster.on_round([&, rounds = 0](const mpc::RoundEntry&) mutable {
        if (++rounds != 3) return;
        EXPECT_TRUE(fs::exists(checkpoint_of(place, 2) / "manifest"));
        fs::rename(place, folder.path() / "b");
        write_bytes(place, "");
      });
    }
    return pass_on(cluster);
  });
  EXPECT_EQ(lost.exit, mpc::Exit::fault);
  EXPECT_TRUE(lost.text.starts_with("cannot ")) << lost.text;
  EXPECT_NE(lost.text.find("round-000004"), std::string::npos) << lost.text;
  EXPECT_EQ(run_on({.resume = folder.path() / "b"}, seven_machines(), passing).ledger.rounds.size(), 4U);
}

}  // namespace
}  // namespace tests
