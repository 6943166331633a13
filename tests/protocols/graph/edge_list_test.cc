#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "mpc/hash.h"

#include "protocols/graph/graph_file.h"
#include "protocols/graph/graph_writer.h"
#include "protocols/graph/text_sink.h"

#include "tests/protocols/graph/whole_graph.h"

namespace protocols {
namespace {

using tests::ThreadedRanks;

/// All pairs of the file, sorted, and what it declares; the same for 1, 2, 3 and 5 ranks.
RawEdges read(const std::string& path, std::optional<std::uint64_t> vertices = {}) {
  std::optional<RawEdges> first;
  for (const int size : {1, 2, 3, 5}) {
    auto parts = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) { return read_graph_file(path, vertices, ranks); });
    RawEdges all = parts.front();
    all.pairs.clear();
    for (const auto& part : parts) {
      EXPECT_EQ(part.declared, all.declared);
      EXPECT_EQ(part.count, all.count);
      all.pairs.insert(all.pairs.end(), part.pairs.begin(), part.pairs.end());
    }
    if (!first) first = all;
    EXPECT_EQ(all.pairs, first->pairs) << size << " ranks";
  }
  return *first;
}

/// The error for this file, without the folder.
std::string refusal(const std::string& path, std::optional<std::uint64_t> vertices = {}, mpc::Exit exit = mpc::Exit::bad_input) {
  std::string text;
  for (const int size : {1, 3}) {
    text = tests::error_on(size, exit, [&](mpc::Ranks& ranks) { read_graph_file(path, vertices, ranks); });
    EXPECT_EQ(text.find('\n'), std::string::npos) << "one line";
  }
  const auto folder = path.substr(0, path.rfind('/') + 1);
  return text.starts_with(folder) ? text.substr(folder.size()) : text;
}

TEST(ReadEdgeList, TakesAnySpacing) {
  const tests::Folder folder;
  const auto path = folder.write("a.el", "# a comment\n% another\n0 1\n\t2\t  3 \r\n\n   \n007 8\r\n  # indented\n4 5");
  EXPECT_EQ(read(path).pairs, (std::vector<Edge>{{0, 1}, {2, 3}, {7, 8}, {4, 5}}));
}

TEST(ReadEdgeList, KeepsLoopsDuplicatesAndDirections) {
  const tests::Folder folder;
  EXPECT_EQ(read(folder.write("a.el", "1 0\n0 1\n0 1\n3 3\n")).pairs, (std::vector<Edge>{{1, 0}, {0, 1}, {0, 1}, {3, 3}}));
}

TEST(ReadEdgeList, TakesIdsOf48Bits) {
  const tests::Folder folder;
  EXPECT_EQ(read(folder.write("a.el", "281474976710655 0\n")).pairs, (std::vector<Edge>{{vertex_limit - 1, 0}}));
}

TEST(ReadEdgeList, ReadsDeclarations) {
  const tests::Folder folder;
  const auto declares = [&](const std::string& text, std::optional<std::uint64_t> option = {}) {
    const auto raw = read(folder.write("a.el", text), option);
    return std::pair(raw.declared, raw.count);
  };
  EXPECT_EQ(declares("0 1\n"), std::pair(Declared::seen, std::uint64_t{0}));
  EXPECT_EQ(declares("# vertices: 5\n0 1\n"), std::pair(Declared::range, std::uint64_t{5}));
  EXPECT_EQ(declares("#VERTICES :\t5 \r\n"), std::pair(Declared::range, std::uint64_t{5}));
  EXPECT_EQ(declares("% Vertices:5"), std::pair(Declared::range, std::uint64_t{5}));
  EXPECT_EQ(declares("# Nodes: 7 Edges: 1\n100 1\n"), std::pair(Declared::count, std::uint64_t{7}));
  EXPECT_EQ(declares("# Nodes: 7 Edges: 1\n# vertices: 9\n0 1\n"), std::pair(Declared::range, std::uint64_t{9}));
  EXPECT_EQ(declares("# vertices: 9\n# Nodes: 7 Edges: 1\n0 1\n"), std::pair(Declared::range, std::uint64_t{9}));
  EXPECT_EQ(declares("# vertices: 9\n# vertices: 9\n0 1\n", 9), std::pair(Declared::range, std::uint64_t{9}));
  EXPECT_EQ(declares("0 1\n", 4), std::pair(Declared::range, std::uint64_t{4}));
  EXPECT_EQ(declares("# Nodes: 7\n0 1\n", 4), std::pair(Declared::range, std::uint64_t{4}));
  EXPECT_EQ(declares("# the vertices: 9 of them\n# vertices\n# nodes 3\n0 1\n"), std::pair(Declared::seen, std::uint64_t{0}));
  EXPECT_EQ(declares("# vertices: 281474976710656\n"), std::pair(Declared::range, vertex_limit));
}

TEST(ReadEdgeList, ReadsGzipByNameAndByContent) {
  const tests::Folder folder;
  for (const auto* name : {"a.gz", "a.el"})
    EXPECT_EQ(read(folder.write_gzip(name, "0 1\n2 3\n")).pairs, (std::vector<Edge>{{0, 1}, {2, 3}}));
}

TEST(ReadEdgeList, ReadsGzipOfSeveralMembers) {
  const tests::Folder folder;
  const auto one = tests::bytes_of(folder.write_gzip("1.gz", "0 1\n2 "));
  const auto two = tests::bytes_of(folder.write_gzip("2.gz", "3\n4 5\n"));
  EXPECT_EQ(read(folder.write("a.gz", one + two)).pairs, (std::vector<Edge>{{0, 1}, {2, 3}, {4, 5}}));
}

TEST(ReadEdgeList, ReadsMoreThanOneBlockAndBatch) {
  const tests::Folder folder;
  std::string text = "# " + std::string(3 << 20, 'c') + "\n";
  constexpr std::uint64_t pairs = 1200000;
  for (std::uint64_t i = 0; i < pairs; ++i) text += std::to_string(i) + ' ' + std::to_string(2 * i + 1) + '\n';
  for (const auto& path : {folder.write("a.el", text), folder.write_gzip("a.gz", text)}) {
    for (const int size : {1, 3}) {
      const auto parts = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) { return read_graph_file(path, {}, ranks).pairs; });
      std::vector<Edge> all;
      for (const auto& part : parts) {
        // A plain file by bytes, and earlier lines are shorter; a compressed one by lines.
        const auto even = static_cast<double>(pairs) / size;
        EXPECT_NEAR(static_cast<double>(part.size()), even, path.ends_with(".gz") ? 2 : even / 10);
        all.insert(all.end(), part.begin(), part.end());
      }
      std::ranges::sort(all);
      ASSERT_EQ(all.size(), pairs);
      for (std::uint64_t i = 0; i < pairs; ++i) ASSERT_EQ(all[i], (Edge{i, 2 * i + 1}));
    }
  }
}

TEST(ReadEdgeList, RefusesBadLines) {
  const std::map<std::string, std::string> refused{
      {"0 1\n1 -2\n", R"(a.el:2: negative vertex id: expected two vertex ids from 0 to 281474976710655, found "1 -2")"},
      {"0 1\n\n# c\nx y\n", R"(a.el:4: not a number: expected two vertex ids from 0 to 281474976710655, found "x y")"},
      {"hello\n", R"(a.el:1: not a number: expected two vertex ids from 0 to 281474976710655, found "hello")"},
      {"5\n", R"(a.el:1: only one field: expected two vertex ids, found "5")"},
      {"0 1 0.5\n", R"(a.el:1: more than two fields: expected two vertex ids, found "0 1 0.5")"},
      {"0 1.5\n", R"(a.el:1: not a plain integer: expected two vertex ids from 0 to 281474976710655, found "0 1.5")"},
      {"1e3 1\n", R"(a.el:1: not a plain integer: expected two vertex ids from 0 to 281474976710655, found "1e3 1")"},
      {"+1 2\n", R"(a.el:1: not a plain integer: expected two vertex ids from 0 to 281474976710655, found "+1 2")"},
      {"- 2\n", R"(a.el:1: not a number: expected two vertex ids from 0 to 281474976710655, found "- 2")"},
      {"1,2\n", R"(a.el:1: not a number: expected two vertex ids from 0 to 281474976710655, found "1,2")"},
      {"0 281474976710656\n",
       R"(a.el:1: vertex id of more than 48 bits: expected two vertex ids from 0 to 281474976710655, found "0 281474976710656")"},
      {"99999999999999999999999 1\n",
       R"(a.el:1: vertex id of more than 48 bits: expected two vertex ids from 0 to 281474976710655, found "99999999999999999999999 1")"},
      {std::string("0 1\n0\0 1\n", 9), R"(a.el:2: NUL byte: expected two vertex ids, found "0\x00 1")"},
      {std::string("# a\0b\n", 6), R"(a.el:1: NUL byte: expected text, found "# a\x00b")"},
      {"\xef\xbb\xbf"
       "0 1\n",
       R"(a.el:1: not a number: expected two vertex ids from 0 to 281474976710655, found "\xef\xbb\xbf0 1")"},
      {"# vertices: 5\n0 1\n7 5\n", R"(a.el:3: vertex 7 is beyond the declared number of vertices: expected ids from 0 to 4, found "7 5")"},
      {"# vertices: 5\n0 5\n", R"(a.el:2: vertex 5 is beyond the declared number of vertices: expected ids from 0 to 4, found "0 5")"},
      {"# vertices: many\n", R"(a.el:1: not a number of vertices: expected 1 to 281474976710656, found "# vertices: many")"},
      {"# vertices: 0\n", R"(a.el:1: not a number of vertices: expected 1 to 281474976710656, found "# vertices: 0")"},
      {"# vertices: -5\n", R"(a.el:1: not a number of vertices: expected 1 to 281474976710656, found "# vertices: -5")"},
      {"# vertices: 5 6\n", R"(a.el:1: not a number of vertices: expected 1 to 281474976710656, found "# vertices: 5 6")"},
      {"# vertices:", R"(a.el:1: not a number of vertices: expected 1 to 281474976710656, found "# vertices:")"},
      {"# Nodes: 1,005 Edges: 3\n", R"(a.el:1: not a number of vertices: expected 1 to 281474976710656, found "# Nodes: 1,005 Edges: 3")"},
      {"# vertices: 281474976710657\n",
       R"(a.el:1: not a number of vertices: expected 1 to 281474976710656, found "# vertices: 281474976710657")"},
      {"0 1\n# vertices: 5\n",
       R"(a.el:2: number of vertices after the first edge: expected it in the lines before, found "# vertices: 5")"},
      {"# vertices: 5\n# vertices: 6\n", R"(a.el:2: another number of vertices: expected 5, as a line before says, found "# vertices: 6")"},
      {"# Nodes: 5\n# Nodes: 6\n", R"(a.el:2: another number of vertices: expected 5, as a line before says, found "# Nodes: 6")"},
      {"0 " + std::string(60, 'z') + "\n",
       "a.el:1: not a number: expected two vertex ids from 0 to 281474976710655, found \"0 " + std::string(38, 'z') + "...\""},
      {"", "a.el:1: no edge and no number of vertices: expected lines of two vertex ids or \"# vertices: N\", found an empty file"},
      {"# c\n\n",
       "a.el:2: no edge and no number of vertices: expected lines of two vertex ids or \"# vertices: N\", found only comments and blank "
       "lines"},
  };
  const tests::Folder folder;
  for (const auto& [text, error] : refused) EXPECT_EQ(refusal(folder.write("a.el", text)), error);
}

TEST(ReadEdgeList, RefusesLongLinesOfDataOnly) {
  const tests::Folder folder;
  const auto pair = [](std::size_t spaces) { return "0" + std::string(spaces, ' ') + "1"; };
  EXPECT_EQ(read(folder.write("a.el", "#" + std::string(10000, 'x') + "\n" + pair(4094) + "\n")).pairs, (std::vector<Edge>{{0, 1}}));
  const std::string error = R"(a.el:2: line of more than 4096 characters: expected two vertex ids, found ")";
  EXPECT_EQ(refusal(folder.write("a.el", "0 1\n" + pair(4095) + "\n")), error + "0" + std::string(39, ' ') + "...\"");
  EXPECT_EQ(refusal(folder.write("a.el", "0 1\n" + std::string(5 << 20, '7'))), error + std::string(40, '7') + "...\"");
  EXPECT_EQ(refusal(folder.write("a.el", "0 1\n" + std::string(5 << 20, ' '))), error + "\"");
}

TEST(ReadEdgeList, RefusesAnErrorInALaterBatch) {
  const tests::Folder folder;
  std::string text;
  for (int i = 0; i < 1100000; ++i) text += "1 2\n";
  EXPECT_EQ(refusal(folder.write("a.el", text + "oops\n")).substr(0, 28), "a.el:1100001: not a number: ");
}

TEST(ReadEdgeList, RefusesWhatIsNoFile) {
  const tests::Folder folder;
  EXPECT_EQ(refusal(folder.path("none.el")), "none.el: expected a file that can be read: No such file or directory");
  std::filesystem::create_directory(folder.path("dir"));
  EXPECT_EQ(refusal(folder.path("dir")), "dir: expected a file, found a directory");
  EXPECT_EQ(refusal(folder.write("a.el", "0 1\n") + "/b.el"), "b.el: expected a file that can be read: Not a directory");
  if (geteuid() != 0) {
    const auto path = folder.write("secret.el", "0 1\n");
    std::filesystem::permissions(path, std::filesystem::perms::none);
    EXPECT_EQ(refusal(path), "secret.el: expected a file that can be read: Permission denied");
  }
}

TEST(ReadEdgeList, RefusesBadGzip) {
  const tests::Folder folder;
  std::string text;
  for (std::uint64_t i = 0; i < 5000; ++i) text += std::to_string(mpc::mix(i) % 100000) + " 1\n";
  const auto good = tests::bytes_of(folder.write_gzip("good.gz", text));
  const auto refused = [&](const std::string& bytes) { return refusal(folder.write("a.gz", bytes)); };
  EXPECT_EQ(refused("0 1\n"), "a.gz: expected gzip data, as the name says, found other data");
  EXPECT_EQ(refused(""), "a.gz: expected gzip data, as the name says, found an empty file");
  const auto half = good.size() / 2;
  const auto cut = "a.gz: gzip data is cut short: expected more, found the end of the file after byte ";
  EXPECT_EQ(refused(good.substr(0, half)), cut + std::to_string(half));
  EXPECT_EQ(refused(good.substr(0, good.size() - 1)), cut + std::to_string(good.size() - 1));
  EXPECT_EQ(refused(good.substr(0, 2)), cut + std::string("2"));
  EXPECT_EQ(refused(good + "more"),
            "a.gz: expected the end of the file after the gzip data, found more at byte " + std::to_string(good.size()));
  EXPECT_EQ(refused(good + '\0'),
            "a.gz: expected the end of the file after the gzip data, found more at byte " + std::to_string(good.size()));
  EXPECT_EQ(refused(good + good.substr(0, 5)), cut + std::to_string(good.size() + 5));
  auto damaged = good;
  for (std::size_t i = half; i < half + 20; ++i) damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
  const auto error = refused(damaged);
  EXPECT_TRUE(error.starts_with("a.gz:")) << error;
  auto wrong_sum = good;
  wrong_sum[good.size() - 6] = static_cast<char>(wrong_sum[good.size() - 6] ^ 1);
  EXPECT_TRUE(refused(wrong_sum).ends_with("found incorrect data check")) << refused(wrong_sum);
}

TEST(ReadEdgeList, RefusesAnOptionThatDisagrees) {
  const tests::Folder folder;
  const auto path = folder.write("a.el", "# vertices: 5\n0 1\n");
  EXPECT_EQ(refusal(path, 6), R"(a.el:1: another number of vertices: expected 6, as asked for, found "# vertices: 5")");
  EXPECT_EQ(refusal(folder.write("a.el", "0 7\n"), 6),
            R"(a.el:1: vertex 7 is beyond the declared number of vertices: expected ids from 0 to 5, found "0 7")");
  EXPECT_EQ(refusal(path, 0, mpc::Exit::usage), "vertices: expected 1 to 281474976710656, found 0");
  EXPECT_EQ(refusal(path, vertex_limit + 1, mpc::Exit::usage), "vertices: expected 1 to 281474976710656, found 281474976710657");
}

/// Reads a file, builds its graph and writes it elsewhere.
std::string rewritten(const tests::Folder& folder, int size, const std::string& text, Ids ids, const std::string& name) {
  const auto in = folder.write("in.el", text);
  const auto out = folder.path(name);
  ThreadedRanks::run(size, [&](mpc::Ranks& ranks) { write_graph_file(out, build(read_graph_file(in, {}, ranks), ids, 1, ranks), ranks); });
  return tests::text_of(out);
}

TEST(WriteEdgeList, WritesTheSameForAnyRanks) {
  const tests::Folder folder;
  for (const int size : {1, 2, 3, 5}) {
    EXPECT_EQ(rewritten(folder, size, "# vertices: 9\n4 2\n8 2\n4 4\n2 4\n", Ids::as_given, "a.el"), "# vertices: 9\n2 4\n2 8\n");
    EXPECT_EQ(rewritten(folder, size, "40 20\n80 20\n7 7\n50 50\n", Ids::as_given, "b.el"), "7 7\n50 50\n20 40\n20 80\n");
    EXPECT_EQ(rewritten(folder, size, "# Nodes: 9\n40 20\n7 7\n", Ids::as_given, "c.el.gz"), "# Nodes: 9 Edges: 1\n7 7\n20 40\n");
    EXPECT_EQ(rewritten(folder, size, "# vertices: 3\n", Ids::random, "d.el"), "# vertices: 3\n");
  }
  EXPECT_TRUE(tests::bytes_of(folder.path("c.el.gz")).starts_with("\x1f\x8b"));
  EXPECT_EQ(folder.files(), 5) << "no temporary file is left";
}

TEST(WriteEdgeList, KeepsTheGraphWhenReadAgain) {
  const tests::Folder folder;
  std::string text = "# Nodes: 5000\n";
  for (std::uint64_t i = 0; i < 9000; ++i)
    text += std::to_string(mpc::mix(i) % 2000 * 1000) + ' ' + std::to_string(mpc::mix(i + 9000) % 2000 * 1000) + '\n';
  const auto graph_of = [&](const std::string& content) {
    return tests::on_any_ranks([path = folder.write("graph.el", content)](mpc::Ranks& ranks) {
      return build(read_graph_file(path, {}, ranks), Ids::random, 1, ranks);
    });
  };
  const auto graph = graph_of(text);
  for (const int size : {1, 3}) {
    const auto again = rewritten(folder, size, text, Ids::random, "out.el");
    EXPECT_EQ(graph_of(again), graph);
  }
}

TEST(WriteEdgeList, WritesToStandardOutput) {
  const tests::Folder folder;
  const auto in = folder.write("in.el", "4 2\n");
  testing::internal::CaptureStdout();
  ThreadedRanks::run(
      2, [&](mpc::Ranks& ranks) { write_graph_file("-", build(read_graph_file(in, {}, ranks), Ids::as_given, 1, ranks), ranks); });
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "2 4\n");
}

TEST(WriteEdgeList, ReplacesAFileOnlyWhenComplete) {
  const tests::Folder folder;
  const auto path = folder.write("out.el", "old\n");
  std::filesystem::create_symlink(path, folder.path("link.el"));
  rewritten(folder, 2, "0 1\n", Ids::as_given, "link.el");
  EXPECT_EQ(tests::bytes_of(path), "0 1\n");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("link.el")));
  {
    TextSink sink(path);
    sink.write("half");
    EXPECT_EQ(tests::bytes_of(path), "0 1\n");
  }
  EXPECT_EQ(tests::bytes_of(path), "0 1\n");
  EXPECT_EQ(folder.files(), 3) << "no temporary file is left";
}

TEST(WriteEdgeList, SaysWhatCannotBeWritten) {
  const tests::Folder folder;
  std::filesystem::create_directory(folder.path("dir"));
  const auto in = folder.write("in.el", "0 1\n");
  const auto refused = [&](const std::string& path) {
    std::string text;
    for (const int size : {1, 3}) {
      text = tests::error_on(size, mpc::Exit::fault, [&](mpc::Ranks& ranks) {
        write_graph_file(path, build(read_graph_file(in, {}, ranks), Ids::random, 1, ranks), ranks);
      });
    }
    return text;
  };
  EXPECT_EQ(refused(folder.path("none/a.el")), folder.path("none/a.el") + ": cannot be written: No such file or directory");
  EXPECT_EQ(refused(folder.path("dir")), folder.path("dir") + ": cannot be written: Is a directory");
  EXPECT_EQ(refused("/dev/full"), "/dev/full: cannot be written: No space left on device");
  // Compressed text this short reaches the file only when it is closed.
  std::filesystem::create_symlink("/dev/full", folder.path("full.gz"));
  EXPECT_EQ(refused(folder.path("full.gz")), folder.path("full.gz") + ": cannot be written: No space left on device");
}

}  // namespace
}  // namespace protocols
