#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "tests/command/process.h"

namespace tests {
namespace {

struct BadFile {
  const char* name;
  const char* make;  ///< a line of bash that makes it
  const char* file;
  const char* reason;  ///< after the name of the file
  friend void PrintTo(const BadFile& file, std::ostream* stream) { *stream << file.name; }
};

/// A bad file: exit code 3 and one line, from one rank.
class BadInput : public Command, public testing::WithParamInterface<BadFile> {};

TEST_P(BadInput, IsNamedOnce) {
  const auto& [name, make, file, reason] = GetParam();
  ASSERT_EQ(bash(make).code, 0);
  for (const int ranks : {0, 3}) {
    SCOPED_TRACE(testing::Message() << ranks << " ranks");
    const auto ended = roundtrip(std::string("run connectivity --graph ") + file, ranks);
    const auto path = std::string(file).substr(0, std::string(file).find(' '));
    expect_refused(ended, 3, "roundtrip: " + path + reason);
    if (ranks == 0) {
      EXPECT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Every, BadInput,
    testing::Values(
        BadFile{"Negative", "printf '0 1\\n-1 2\\n' >g.el", "g.el", ":2: "},  //
        BadFile{"NegativeSecond", "printf '0 -1\\n' >g.el", "g.el", ":1: "},
        BadFile{"Text", "printf '# text\\n0 1\\none two\\n' >g.el", "g.el", ":3: "},
        BadFile{"OneField", "printf '0 1\\n1 2\\n3\\n' >g.el", "g.el", ":3: "}, BadFile{"Float", "printf '0 1.5\\n' >g.el", "g.el", ":1: "},
        BadFile{"Exponent", "printf '0 1e3\\n' >g.el", "g.el", ":1: "},
        BadFile{"Wide", "printf '0 281474976710655\\n0 281474976710656\\n' >g.el", "g.el", ":2: "},
        BadFile{"VeryWide", "printf '0 99999999999999999999999\\n' >g.el", "g.el", ":1: "},
        BadFile{"Nul", "printf '0 1\\n1 \\0002\\n' >g.el", "g.el", ":2: "},
        BadFile{"Truncated", "seq 2 9000 | awk '{ print $1, $1 * 7 % 9001 }' | gzip | head -c 9000 >g.el.gz", "g.el.gz", ": gzip data is "},
        BadFile{"Junk", "head -c 3000 /dev/zero | tr '\\0' 'x' >g.el.gz", "g.el.gz", ": expected gzip data"},
        BadFile{"Damaged", "printf '0 1\\n' | gzip >g && (head -c 12 g; printf 'damaged'; tail -c 8 g) >g.el.gz", "g.el.gz",
                ": gzip data is "},
        BadFile{"BeyondN", "printf '# vertices: 3\\n0 1\\n1 3\\n' >g.el", "g.el", ":3: vertex 3 is beyond"},
        BadFile{"BeyondOption", "printf '0 1\\n1 3\\n' >g.el", "g.el --vertices 3", ":2: vertex 3 is beyond"},
        BadFile{"MoreThanNodes", "printf '# Nodes: 2 Edges: 2\\n0 1\\n1 3\\n' >g.el", "g.el", ": "},
        BadFile{"BadHeader", "printf '# vertices: many\\n0 1\\n' >g.el", "g.el", ":1: "},
        BadFile{"Empty", ": >g.el", "g.el", ":1: no edge and no number of vertices"},
        BadFile{"EmptyGz", ": >g.el.gz", "g.el.gz", ": expected gzip data"},
        BadFile{"Directory", "mkdir g.el", "g.el", ": expected a file, found a directory"},
        BadFile{"MtxArray", "printf '%%%%MatrixMarket matrix array real general\\n2 2\\n1\\n' >g", "g", ":1: a dense matrix: "},
        BadFile{"MtxTooFew", "printf '%%%%MatrixMarket matrix coordinate pattern general\\n9 9 2\\n1 2\\n' | gzip >g.gz", "g.gz",
                ":3: too few entries: expected 2, as line 2 says, found 1"},
        BadFile{"MetisOneSided", "printf '3 1\\n2\\n3\\n\\n' >g.graph", "g.graph", ":2: edge that is listed from one end only: "},
        BadFile{"MetisByOption", "printf '3 2\\n2\\n4\\n\\n' >g.el", "g.el --format metis", ":3: not a vertex: "},
        BadFile{"Missing", ":", "g.el", ": expected a file that can be read"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(Command, AFileWithoutPermissionIsBadInput) {
  write("g.el", "0 1\n");
  // Nothing is denied to root: run as nobody then, who may not reach the build folder either.
  std::string run = "\"$roundtrip\"";
  if (geteuid() == 0) {
    if (bash("setpriv --reuid=65534 --regid=65534 --clear-groups true").code != 0)
      GTEST_SKIP() << "root, and no setpriv: every file can be read";
    ASSERT_EQ(bash("cp \"$roundtrip\" program && chmod 755 program . && export HOME=$PWD").code, 0);
    run = "setpriv --reuid=65534 --regid=65534 --clear-groups ./program";
  }
  const auto with = [&](const char* mode) {
    return bash(std::string("export HOME=/tmp; chmod ") + mode + " g.el && " + run + " run connectivity --graph g.el --json -");
  };
  EXPECT_EQ(with("644").code, 0);
  expect_refused(with("000"), 3, "roundtrip: g.el: expected a file that can be read: Permission denied");
}

TEST_F(Command, CyclesRefusesAPath) {
  write("g.el", "50 30\n30 40\n");
  for (const int ranks : {0, 3}) {
    expect_refused(roundtrip("run cycles --graph g.el", ranks), 3, "vertex 40 has degree 1");
    expect_refused(roundtrip("run cycles --graph path:10", ranks), 3, "vertex 0 has degree 1");
  }
  write("g.el", "1 2\n2 3\n3 1\n3 9\n9 8\n8 3\n");
  expect_refused(roundtrip("run cycles --graph g.el"), 3, "vertex 3 has degree 4");
  write("g.el", "# vertices: 4\n1 2\n2 3\n3 1\n");
  expect_refused(roundtrip("run cycles --graph g.el"), 3, "vertex 0 has degree 0");
}

/// vertex -> smallest vertex of its component, by relabelling until nothing changes.
using Labels = std::map<std::uint64_t, std::uint64_t>;
Labels smallest_in_component(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& edges) {
  Labels parent;
  const auto root = [&](std::uint64_t x) {
    while (parent.at(x) != x) x = parent.at(x);
    return x;
  };
  for (const auto& [u, v] : edges) {
    parent.emplace(u, u);
    parent.emplace(v, v);
    const auto a = root(u), b = root(v);
    parent[std::max(a, b)] = std::min(a, b);
  }
  Labels labels;
  for (const auto& [vertex, _] : parent) labels[vertex] = root(vertex);
  return labels;
}

std::string text_of(const Labels& labels) {
  std::string text;
  for (const auto& [vertex, label] : labels) text += std::to_string(vertex) + " " + std::to_string(label) + "\n";
  return text;
}

TEST_F(Command, LabelsAreTheSmallestOriginalIdsOfTheComponents) {
  std::mt19937_64 random(5);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> edges{{281474976710655, 281474976710654}, {77, 77}};
  std::string text = "% a comment\n281474976710655\t 281474976710654\n  77 77\r\n";
  for (int k = 0; k < 700; ++k) {
    edges.push_back({random() % 800 * 1000003, random() % 800 * 1000003});
    text += std::to_string(edges.back().first) + (k % 2 == 0 ? " " : "\t\t") + std::to_string(edges.back().second) + "\n";
    if (k % 50 == 0) text += "# another\n";
  }
  write("g.el", text);
  const auto expected = smallest_in_component(edges);
  for (const auto* variant : {"local-contraction", "alt"}) {
    for (const auto* ids : {"random", "as-given"}) {
      SCOPED_TRACE(testing::Message() << variant << " " << ids);
      const auto ended = roundtrip(std::string("run connectivity --graph g.el --labels labels --variant ") + variant + " --ids " + ids);
      EXPECT_EQ(ended.code, 0) << ended.err;
      EXPECT_EQ(read("labels"), text_of(expected));
    }
  }
  // With the vertices declared, the others are there too.
  write("g.el", "# vertices: 9\n8 3\n3 5\n1 2\n");
  EXPECT_EQ(roundtrip("run connectivity --graph g.el --labels labels.gz", 3).code, 0);
  EXPECT_EQ(bash("gzip -dc labels.gz").out, "0 0\n1 1\n2 1\n3 3\n4 4\n5 3\n6 6\n7 7\n8 3\n");
}

TEST_F(Command, LabelsOfCyclesAreTheirSmallestVertices) {
  std::string text;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> edges;
  for (std::uint64_t length = 3, first = 10; length < 40; first += 2 * length, ++length) {
    for (std::uint64_t k = 0; k < length; ++k) edges.push_back({first + k, first + (k + 1) % length});
  }
  std::shuffle(edges.begin(), edges.end(), std::mt19937_64(3));
  for (const auto& [u, v] : edges) text += std::to_string(u) + " " + std::to_string(v) + "\n";
  write("g.el", text);
  for (const auto* variant : {"sample", "doubling"}) {
    const auto ended = roundtrip(std::string("run cycles --graph g.el --labels - --variant ") + variant, 2);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, text_of(smallest_in_component(edges))) << variant;
  }
}

TEST_F(Command, EveryFormatGivesTheSameRun) {
  ASSERT_EQ(roundtrip("graph rmat:9,3 --out a.el").code, 0);
  ASSERT_EQ(roundtrip("graph a.el --out b.mtx").code, 0);
  ASSERT_EQ(roundtrip("graph b.mtx --out c.graph", 3).code, 0);
  ASSERT_EQ(roundtrip("graph c.graph --out d.el.gz", 2).code, 0);
  EXPECT_EQ(bash("gzip -dc d.el.gz").out, read("a.el"));
  const auto digest = [&](const std::string& file, int ranks) {
    const auto ended = roundtrip("run connectivity --json - --graph " + file, ranks);
    EXPECT_EQ(ended.code, 0) << ended.err;
    const auto at = ended.out.find("\"digest\"");
    return ended.out.substr(at, ended.out.find('\n', at) - at);
  };
  const auto first = digest("a.el", 0);
  EXPECT_GT(first.size(), 20U);
  EXPECT_EQ(digest("b.mtx", 2), first);
  EXPECT_EQ(digest("c.graph", 3), first);
  EXPECT_EQ(digest("d.el.gz", 2), first);
  // Labels are in the numbers of the file.
  write("e.mtx", "%%MatrixMarket matrix coordinate integer symmetric\n4 4 2\n3 2 0\n4 4 1\n");
  EXPECT_EQ(roundtrip("run connectivity --graph e.mtx --labels -", 2).out, "1 1\n2 2\n3 2\n4 4\n");
}

TEST_F(Command, AWrittenGraphIsReadAgain) {
  for (const auto* spec : {"grid:20x30", "rmat:8,4", "cliques:30,4", "star:1", "er:20,0"}) {
    SCOPED_TRACE(spec);
    const std::string file = spec == std::string("rmat:8,4") ? "g.el.gz" : "g.el";
    ASSERT_EQ(roundtrip(std::string("graph ") + spec + " --out " + file + " --seed 3").code, 0);
    const std::string key = " --seed 3 --labels -";
    const auto generated = roundtrip(std::string("run connectivity --graph ") + spec + key);
    const auto read_back = roundtrip(std::string("run connectivity --graph ") + file + key);
    EXPECT_EQ(generated.code, 0) << generated.err;
    EXPECT_EQ(read_back.code, 0) << read_back.err;
    EXPECT_FALSE(generated.out.empty());
    EXPECT_EQ(generated.out, read_back.out);
  }
  // The same file from any number of ranks, and on standard output.
  ASSERT_EQ(roundtrip("graph rmat:9,4 --out one.el").code, 0);
  ASSERT_EQ(roundtrip("graph rmat:9,4 --out three.el", 3).code, 0);
  EXPECT_EQ(read("one.el"), read("three.el"));
  const auto printed = roundtrip("graph rmat:9,4 --out -");
  EXPECT_EQ(printed.out, read("one.el"));
  EXPECT_EQ(printed.err, "");
  EXPECT_GT(lines_of(printed.out).size(), 1000U);
}

}  // namespace
}  // namespace tests
