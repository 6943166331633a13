#include <algorithm>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "mpc/hash.h"

#include "protocols/graph/graph_file.h"
#include "protocols/graph/graph_writer.h"

#include "tests/protocols/graph/whole_graph.h"

namespace protocols {
namespace {

using tests::ThreadedRanks;

RawEdges read_on(int size, const std::string& path, std::optional<std::uint64_t> vertices = {}, Format format = Format::automatic) {
  auto parts = ThreadedRanks::results(size, [&](mpc::Ranks& ranks) { return read_graph_file(path, vertices, ranks, format); });
  auto all = parts.front();
  for (std::size_t r = 1; r < parts.size(); ++r) {
    EXPECT_EQ(parts[r].declared, all.declared);
    EXPECT_EQ(parts[r].count, all.count);
    EXPECT_EQ(parts[r].lowest, all.lowest);
    all.pairs.insert(all.pairs.end(), parts[r].pairs.begin(), parts[r].pairs.end());
  }
  return all;
}

/// A text as a file, plain and compressed, on several numbers of ranks: the same pairs, or the same error without its folder.
struct Outcome {
  std::vector<Edge> pairs;
  std::uint64_t count = 0, lowest = 0;
  std::string error;
};
Outcome outcome(const std::string& name, const std::string& text, std::optional<std::uint64_t> vertices = {}) {
  const tests::Folder folder;
  std::optional<Outcome> first;
  for (const auto& path : {folder.write(name, text), folder.write_gzip(name + ".gz", text)}) {
    for (const int size : {1, 2, 3, 5, 9}) {
      Outcome here;
      here.error = tests::error_on(size, mpc::Exit::bad_input, [&](mpc::Ranks& ranks) { read_graph_file(path, vertices, ranks); });
      if (here.error == "no error") {
        auto raw = read_on(size, path, vertices);
        here = {std::move(raw.pairs), raw.count, raw.lowest, ""};
      } else {
        EXPECT_TRUE(here.error.starts_with(path + ":")) << here.error;
        here.error = name + here.error.substr(path.size());
      }
      if (!first) first = here;
      EXPECT_EQ(here.pairs, first->pairs) << path << " on " << size;
      EXPECT_EQ(here.error, first->error) << path << " on " << size;
      EXPECT_EQ(std::pair(here.count, here.lowest), std::pair(first->count, first->lowest));
    }
  }
  return *first;
}
std::string error_of(const std::string& name, const std::string& text, std::optional<std::uint64_t> vertices = {}) {
  return outcome(name, text, vertices).error;
}
using Pairs = std::vector<Edge>;

const std::string general = "%%MatrixMarket matrix coordinate pattern general\n";

TEST(MatrixMarket, TakesEveryFieldAndSymmetry) {
  EXPECT_EQ(outcome("a.mtx", general + "% c\n\n4 4 3\n1 2\n% d\n 4\t3 \r\n\n2 2").pairs, (Pairs{{1, 2}, {4, 3}, {2, 2}}));
  const auto body = [](const std::string& kind, const std::string& entries) {
    const auto lines = std::to_string(std::ranges::count(entries, '\n'));
    return outcome("a.mtx", "%%MatrixMarket matrix coordinate " + kind + "\n9 9 " + lines + "\n" + entries);
  };
  EXPECT_EQ(body("integer general", "1 2 -5\n2 1 +0\n").pairs, (Pairs{{1, 2}, {2, 1}}));
  EXPECT_EQ(body("real symmetric", "2 1 1e-3\n3 3 .5\n9 8 -1.D+2\n4 1 nan\n5 1 -Inf\n").pairs,
            (Pairs{{2, 1}, {3, 3}, {9, 8}, {4, 1}, {5, 1}}));
  EXPECT_EQ(body("complex hermitian", "2 1 1 2.5\n2 2 1 0\n").pairs, (Pairs{{2, 1}, {2, 2}}));
  EXPECT_EQ(body("real skew-symmetric", "2 1 1\n").pairs, (Pairs{{2, 1}}));
  EXPECT_EQ(body("pattern symmetric", "").pairs, Pairs{});
  const auto all = body("Pattern SYMMETRIC", "9 1\n");
  EXPECT_EQ(std::pair(all.count, all.lowest), std::pair(std::uint64_t{9}, std::uint64_t{1}));
}

TEST(MatrixMarket, RefusesWhatIsNoSquareSparseMatrix) {
  const auto banner = [](const std::string& line) { return error_of("a.mtx", line + "\n2 2 1\n2 1\n"); };
  const std::string form = "expected \"%%MatrixMarket matrix coordinate FIELD SYMMETRY\", found ";
  EXPECT_EQ(banner("2 2 1"), "a.mtx:1: no banner: " + form + "\"2 2 1\"");
  EXPECT_EQ(banner("%%MatrixMarket matrix coordinate real"),
            "a.mtx:1: not a whole banner: " + form + "\"%%MatrixMarket matrix coordinate real\"");
  EXPECT_EQ(
      banner("%%MatrixMarket matrix array real general"),
      "a.mtx:1: a dense matrix: expected \"coordinate\", which lists the entries, found \"%%MatrixMarket matrix array real general\"");
  EXPECT_TRUE(banner("%%MatrixMarket vector coordinate real general").starts_with("a.mtx:1: not a matrix: "));
  EXPECT_TRUE(banner("%%MatrixMarket matrix coordinate text general").starts_with("a.mtx:1: unknown field: "));
  EXPECT_TRUE(banner("%%MatrixMarket matrix coordinate real hermitian").starts_with("a.mtx:1: unknown symmetry: "));
  EXPECT_TRUE(banner("%%MatrixMarket matrix coordinate pattern skew-symmetric").starts_with("a.mtx:1: unknown symmetry: "));
  EXPECT_EQ(error_of("a.mtx", ""), "a.mtx:1: no banner: " + form + "an empty file");
  EXPECT_EQ(error_of("a.mtx", general + "% c\n"), "a.mtx:2: no size line: expected rows, columns and entries, found the end of the file");
  EXPECT_EQ(error_of("a.mtx", general + "2 3 1\n2 3\n"),
            "a.mtx:2: a matrix that is not square: expected as many columns as rows, found \"2 3 1\"");
  EXPECT_EQ(error_of("a.mtx", general + "0 0 0\n"), "a.mtx:2: number of rows out of range: expected 1 to 281474976710655, found \"0 0 0\"");
  EXPECT_EQ(error_of("a.mtx", general + "3 3\n"), "a.mtx:2: not a size line: expected rows, columns and entries, found \"3 3\"");
  EXPECT_EQ(error_of("a.mtx", general + "3 3 -1\n"),
            "a.mtx:2: not a size line: expected rows, columns and entries, whole numbers up to 281474976710656, found \"3 3 -1\"");
}

TEST(MatrixMarket, RefusesEntriesThatTheHeaderDoesNotPromise) {
  const auto entries = [](const std::string& text, const std::string& kind = "pattern general") {
    return error_of("a.mtx", "%%MatrixMarket matrix coordinate " + kind + "\n% c\n5 5 3\n" + text);
  };
  EXPECT_EQ(entries("1 2\n2 3\n"), "a.mtx:5: too few entries: expected 3, as line 3 says, found 2");
  EXPECT_EQ(entries("1 2\n2 3\n%\n\n"), "a.mtx:7: too few entries: expected 3, as line 3 says, found 2");
  EXPECT_EQ(entries("1 2\n2 3\n%\n3 4\n\n4 5\nx\n"), "a.mtx:9: too many entries: expected 3, as line 3 says, found \"4 5\"");
  EXPECT_EQ(entries("1 2\n2 3\n3 4\nx\n4 5\n"), "a.mtx:7: too many entries: expected 3, as line 3 says, found \"x\"");
  EXPECT_EQ(entries("1 2\n0 3\n3 4\n"), "a.mtx:5: row out of range: expected 1 to 5, found \"0 3\"");
  EXPECT_EQ(entries("1 2\n2 6\n3 4\n"), "a.mtx:5: column out of range: expected 1 to 5, found \"2 6\"");
  EXPECT_EQ(entries("1 2\n2 3\n-3 4\n"), "a.mtx:6: row out of range: expected 1 to 5, found \"-3 4\"");
  EXPECT_EQ(entries("1 2\n2 99999999999999999999\n"), "a.mtx:5: column out of range: expected 1 to 5, found \"2 99999999999999999999\"");
  EXPECT_EQ(entries("1 2\na 3\n"), "a.mtx:5: not a number: expected row and column, found \"a 3\"");
  EXPECT_EQ(entries("1 2\n3\n"), "a.mtx:5: too few fields: expected row and column, found \"3\"");
  EXPECT_EQ(entries("1 2\n3 4 5\n"), "a.mtx:5: too many fields: expected row and column, found \"3 4 5\"");
  EXPECT_EQ(entries("1 2 1\n3 4\n", "real general"), "a.mtx:5: too few fields: expected row, column and a number, found \"3 4\"");
  EXPECT_EQ(entries("1 2 1\n3 4 1.5\n", "integer general"),
            "a.mtx:5: value that is not an integer: expected row, column and an integer, found \"3 4 1.5\"");
  EXPECT_EQ(entries("1 2 x\n", "real general"), "a.mtx:4: value that is not a number: expected row, column and a number, found \"1 2 x\"");
  EXPECT_EQ(entries("1 2 3\n", "complex general"), "a.mtx:4: too few fields: expected row, column and two numbers, found \"1 2 3\"");
  EXPECT_EQ(entries("2 1\n2 3\n", "pattern symmetric"),
            "a.mtx:5: entry above the diagonal of a symmetric matrix: expected the lower triangle only, found \"2 3\"");
  EXPECT_EQ(entries("2 2 1\n", "real skew-symmetric"),
            "a.mtx:4: entry on or above the diagonal of a skew-symmetric matrix: expected the lower triangle only, found \"2 2 1\"");
}

TEST(Metis, TakesTheManualsGraphs) {
  // Figure 2 of the METIS manual.
  const Pairs edges{{1, 5}, {1, 3}, {1, 2}, {2, 3}, {2, 4}, {3, 5}, {3, 4}, {4, 6}, {4, 7}, {5, 6}, {6, 7}};
  const auto plain = outcome("a.graph", "7 11\n5 3 2\n1 3 4\n5 4 2 1\n2 3 6 7\n1 3 6\n5 4 7\n6 4\n");
  EXPECT_EQ(plain.pairs, edges);
  EXPECT_EQ(std::pair(plain.count, plain.lowest), std::pair(std::uint64_t{7}, std::uint64_t{1}));
  EXPECT_EQ(
      outcome("b.metis", "% c\n7 11 001\n5 1 3 2 2 1\n1 1 3 2 4 1\n5 3 4 2 2 2 1 2\n2 1 3 2 6 2 7 5\n1 1 3 3 6 2\n5 2 4 2 7 6\n6 6 4 5")
          .pairs,
      edges);
  EXPECT_EQ(outcome("c.graph",
                    "7 11 011\r\n4 5 1 3 2 2 1\r\n% c\r\n2 1 1 3 2 4 1\r\n5 5 3 4 2 2 2 1 2\r\n3 2 1 3 2 6 2 7 5\r\n1 1 1 3 3 6 2\r\n"
                    "6 5 2 4 2 7 6\r\n2 6 6 4 5\r\n")
                .pairs,
            edges);
  EXPECT_EQ(
      outcome("d.graph", "7 11 010 3\n1 2 0 5 3 2\n0 2 2 1 3 4\n4 1 1 5 4 2 1\n2 2 3 2 3 6 7\n1 1 1 1 3 6\n2 2 1 5 4 7\n1 2 1 6 4\n").pairs,
      edges);
  EXPECT_EQ(outcome("e.graph", "3 1 100\n7 3\n8\n9 1\n").pairs, (Pairs{{1, 3}}));
}

TEST(Metis, BlankLinesAreVerticesWithoutNeighbours) {
  EXPECT_EQ(outcome("a.graph", "5 1\n\n4\n%\n\n2\n\n").pairs, (Pairs{{2, 4}}));
  EXPECT_EQ(outcome("a.graph", "5 1\n\n4\n\n2\n\n\n  \n% c\n").pairs, (Pairs{{2, 4}}));
  EXPECT_EQ(outcome("a.graph", "1 0\n\n").pairs, Pairs{});
  EXPECT_EQ(error_of("a.graph", "5 1\n\n4\n\n2\n"), "a.graph:5: too few lines of vertices: expected 5, as line 1 says, found 4");
}

TEST(Metis, RefusesHeadersThatLie) {
  EXPECT_EQ(error_of("a.graph", ""), "a.graph:1: no header: expected \"n m [fmt [ncon]]\", found an empty file");
  EXPECT_EQ(error_of("a.graph", "% a\n% b\n"), "a.graph:2: no header: expected \"n m [fmt [ncon]]\", found only comments");
  EXPECT_EQ(error_of("a.graph", "5\n"), "a.graph:1: not a header: expected \"n m [fmt [ncon]]\", found \"5\"");
  EXPECT_EQ(error_of("a.graph", "0 0\n"), "a.graph:1: not a number of vertices: expected 1 to 281474976710655, found \"0 0\"");
  EXPECT_EQ(error_of("a.graph", "3 x\n"), "a.graph:1: not a number of edges: expected 0 to 281474976710656, found \"3 x\"");
  EXPECT_EQ(error_of("a.graph", "3 2 2\n"),
            "a.graph:1: unknown fmt: expected three digits, 0 or 1: vertex sizes, vertex weights, edge weights, found \"3 2 2\"");
  EXPECT_EQ(error_of("a.graph", "3 2 11 0\n"), "a.graph:1: not a number of weights: expected 1 or more, found \"3 2 11 0\"");
  EXPECT_EQ(error_of("a.graph", "% c\n3 3\n2\n1 3\n2\n"),
            "a.graph:2: number of edges: expected half of the 4 neighbours that are listed, found 3");
  EXPECT_EQ(error_of("a.graph", "4 2\n2\n1 3\n2\n"), "a.graph:4: too few lines of vertices: expected 4, as line 1 says, found 3");
  EXPECT_EQ(error_of("a.graph", "2 1\n2\n1\n%\n\n 1\n"), "a.graph:6: too many lines of vertices: expected 2, as line 1 says, found \"1\"");
}

TEST(Metis, RefusesBadLines) {
  EXPECT_EQ(error_of("a.graph", "3 2\n2\n1 4\n2\n"), "a.graph:3: not a vertex: expected a neighbour of vertex 2, from 1 to 3, found \"4\"");
  EXPECT_EQ(error_of("a.graph", "3 2\n2\n%\n1 0\n2\n"),
            "a.graph:4: not a vertex: expected a neighbour of vertex 2, from 1 to 3, found \"0\"");
  EXPECT_EQ(error_of("a.graph", "3 2\n2\n1 3x\n2\n"),
            "a.graph:3: not a vertex: expected a neighbour of vertex 2, from 1 to 3, found \"3x\"");
  EXPECT_EQ(error_of("a.graph", "3 2\n2\n1 2\n2\n"),
            "a.graph:3: vertex that is its own neighbour: expected other neighbours of vertex 2, found \"2\"");
  EXPECT_EQ(error_of("a.graph", "2 1 011 2\n1 1 2 5\n1\n"),
            "a.graph:3: vertex without its weights: expected 2 before the neighbours, found \"1\"");
  EXPECT_EQ(error_of("a.graph", "2 1 1\n2 5\n1\n"), "a.graph:3: edge without its weight: expected one after every neighbour, found \"\"");
  EXPECT_EQ(error_of("a.graph", "2 1 1\n2 -5\n1 5\n"), "a.graph:2: not a weight: expected a whole number, found \"-5\"");
}

TEST(Metis, RefusesAnEdgeFromOneEndOnly) {
  const auto one_sided = [](const std::string& text) {
    const auto error = error_of("a.graph", text);
    const std::string says = ": edge that is listed from one end only: expected ";
    const auto at = error.find(says);
    if (at == std::string::npos) return error;
    return error.substr(0, at) + " " + error.substr(at + says.size(), error.find(", as often") - at - says.size());
  };
  // Both counts are right: the reverse of 1-2 and of 3-4 is missing, 2-3 and 4-1 are there in its place.
  EXPECT_EQ(one_sided("4 2\n2\n% c\n3\n4\n1\n"), "a.graph:2 1 among the neighbours of 2");
  EXPECT_EQ(one_sided("4 2\n2\n1\n%\n1\n3\n"), "a.graph:5 3 among the neighbours of 1");
  EXPECT_EQ(one_sided("3 2\n2 2\n1 3\n\n"), "a.graph:2 1 among the neighbours of 2");
  EXPECT_EQ(outcome("a.graph", "2 2\n2 2\n1 1\n").pairs, (Pairs{{1, 2}, {1, 2}})) << "listed twice from both ends";
}

TEST(Metis, TakesLinesLongerThanABlock) {
  constexpr std::uint64_t n = 300000;
  std::string text = std::to_string(n) + " " + std::to_string(n - 1) + "\n";
  for (std::uint64_t v = 2; v <= n; ++v) text += std::to_string(v) + ' ';
  text += '\n';
  for (std::uint64_t v = 2; v <= n; ++v) text += "1\n";
  const tests::Folder folder;
  const auto path = folder.write("star.graph", text);
  for (const int size : {1, 3}) {
    const auto pairs = read_on(size, path).pairs;
    ASSERT_EQ(pairs.size(), n - 1);
    for (std::uint64_t k = 0; k + 1 < n; ++k) ASSERT_EQ(pairs[k], (Edge{1, k + 2}));
  }
}

TEST(Formats, AreFoundByContentAndName) {
  EXPECT_EQ(format_of("a.el", "%%MatrixMarket matrix"), Format::matrix_market);
  EXPECT_EQ(format_of("a.graph", "%%matrixmarket"), Format::matrix_market);
  EXPECT_EQ(format_of("a.graph.gz", "% MatrixMarket"), Format::metis);
  EXPECT_EQ(format_of("a.metis", ""), Format::metis);
  EXPECT_EQ(format_of("a.mtx.gz", "1 2"), Format::matrix_market);
  EXPECT_EQ(format_of("graph", "%%Matrix"), Format::edges);
  EXPECT_EQ(format_of("a.graph.el", "1 2"), Format::edges);
  const tests::Folder folder;
  const auto path = folder.write("a.txt", "3 2\n2\n1 3\n2\n");
  EXPECT_EQ(read_on(2, path, {}, Format::metis).pairs, (Pairs{{1, 2}, {2, 3}}));
  EXPECT_TRUE(error_of("a.mtx", "1 2\n").starts_with("a.mtx:1: no banner"));
}

TEST(Formats, HeadersAndTheOptionMustAgree) {
  EXPECT_EQ(outcome("a.mtx", general + "4 4 1\n1 2\n", 4).count, 4);
  EXPECT_EQ(error_of("a.mtx", general + "4 4 1\n1 2\n", 5),
            "a.mtx:2: another number of vertices: expected 5, as asked for, found \"4 4 1\"");
  EXPECT_EQ(error_of("a.graph", "2 1\n2\n1\n", 3), "a.graph:1: another number of vertices: expected 3, as asked for, found \"2 1\"");
}

/// Files that are cut into parts in awkward places: fewer lines than ranks, long comments, no end of line, CRLF.
TEST(Parts, AreThoseOfTheWholeFile) {
  const std::string comment = "# " + std::string(3000, 'c') + "\n";
  EXPECT_EQ(outcome("a.el", "0 1").pairs, (Pairs{{0, 1}}));
  EXPECT_EQ(outcome("a.el", "0 1\r\n2 3\r\n\r\n4 5").pairs, (Pairs{{0, 1}, {2, 3}, {4, 5}}));
  EXPECT_EQ(outcome("a.el", comment + "0 1\n" + comment + "2 3\n" + comment).pairs, (Pairs{{0, 1}, {2, 3}}));
  EXPECT_EQ(outcome("a.el", "\n\n\n\n\n\n0 1\n\n\n\n\n\n2 3\n\n\n\n").pairs, (Pairs{{0, 1}, {2, 3}}));
  EXPECT_EQ(outcome("a.el", "# vertices: 4\n# c").pairs, Pairs{});
  EXPECT_EQ(outcome("a.mtx", general + "100000 100000 1\n100000 1\n").pairs, (Pairs{{100000, 1}}));
  // The first error counts, on its line, in whichever part it is.
  std::string text;
  for (int i = 0; i < 500; ++i) text += std::to_string(i) + " 1\n";
  for (const std::size_t line : {2, 100, 251, 499}) {
    auto bad = text;
    std::size_t at = 0;
    for (std::size_t k = 1; k < line; ++k) at = bad.find('\n', at) + 1;
    bad.insert(at, "x");
    EXPECT_TRUE(error_of("a.el", bad + "y\n").starts_with("a.el:" + std::to_string(line) + ": not a number")) << line;
  }
  EXPECT_TRUE(error_of("a.el", text + "# vertices: 5\n").starts_with("a.el:501: number of vertices after the first edge"));
}

TEST(Parts, WantTheSameFileOnEveryRank) {
  const tests::Folder folder;
  const std::string why = ": every rank reads its own part of a plain file; of a .gz file rank 0 reads all";
  const auto refused = [&](const std::string& on_rank_0, const std::string& elsewhere) {
    return tests::error_on(3, mpc::Exit::bad_input,
                           [&](mpc::Ranks& ranks) { read_graph_file(ranks.rank() == 0 ? on_rank_0 : elsewhere, {}, ranks); });
  };
  const auto path = folder.write("a.el", "0 1\n");
  EXPECT_EQ(refused(path, folder.path("none.el")),
            folder.path("none.el") + ": expected a file that can be read: No such file or directory, on rank 1" + why);
  const auto longer = folder.write("b.el", "0 1\n1 2\n");
  EXPECT_EQ(refused(path, longer), longer + ": expected a file of 4 bytes, as on rank 0, found one of 8 on rank 1" + why);
}

TEST(Parts, APipeIsReadByRank0) {
  const tests::Folder folder;
  const auto through_pipe = [&](const std::string& name, const std::string& text) {
    const auto path = folder.path(name);
    std::filesystem::remove(path);
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    std::thread writer([&] { std::ofstream(path) << text; });
    std::string error;
    RawEdges raw;
    try {
      raw = read_on(3, path);
    } catch (const mpc::Error& failure) {
      error = failure.what();
    }
    writer.join();
    return std::pair(raw.pairs, error);
  };
  EXPECT_EQ(through_pipe("a.el", "0 1\n2 3\n").first, (Pairs{{0, 1}, {2, 3}}));
  EXPECT_EQ(through_pipe("a.graph", "3 2\n2\n1 3\n2\n").first, (Pairs{{1, 2}, {2, 3}}));
  EXPECT_EQ(through_pipe("b.graph", "3 2\n2\n1 3\n1\n").second,
            folder.path("b.graph") +
                ": edge that is listed from one end only: expected every edge from both; it can be named if the graph is "
                "read from a file");
}

/// The labels of a graph's components would name its own vertices: original ids are those of the file.
TEST(Formats, KeepTheNumbersOfTheFile) {
  const tests::Folder folder;
  const auto path = folder.write("a.mtx", general + "4 4 2\n1 3\n4 4\n");
  const auto graph = tests::on_any_ranks([&](mpc::Ranks& ranks) { return build(read_graph_file(path, {}, ranks), Ids::random, 1, ranks); });
  EXPECT_EQ(graph.vertices, 4);
  EXPECT_EQ(graph.original_edges(), (Pairs{{1, 3}}));
  EXPECT_EQ(graph.isolated, (std::vector<std::uint64_t>{2, 4}));
}

std::string written(int size, const std::string& text, const std::string& in, const std::string& out, Ids ids = Ids::random) {
  const tests::Folder folder;
  const auto from = folder.write(in, text);
  ThreadedRanks::run(
      size, [&](mpc::Ranks& ranks) { write_graph_file(folder.path(out), build(read_graph_file(from, {}, ranks), ids, 1, ranks), ranks); });
  return tests::text_of(folder.path(out));
}

TEST(Writing, NumbersTheVerticesFrom1) {
  const std::string symmetric = "%%MatrixMarket matrix coordinate pattern symmetric\n";
  for (const int size : {1, 2, 3, 5}) {
    EXPECT_EQ(written(size, "# vertices: 5\n0 2\n4 2\n", "a.el", "a.mtx", Ids::as_given), symmetric + "5 5 2\n3 1\n5 3\n");
    EXPECT_EQ(written(size, "# vertices: 5\n0 2\n4 2\n", "a.el", "a.graph.gz"), "5 2\n3\n\n1 5\n\n3\n");
    // Ids far apart, vertices that only a loop names (15, 90), and two that have no id.
    const std::string nodes = "# Nodes: 7 Edges: 2\n70 10\n15 15\n90 90\n20 70\n";
    EXPECT_EQ(written(size, nodes, "a.el", "a.metis"), "7 2\n4\n\n4\n1 3\n\n\n\n");
    EXPECT_EQ(written(size, nodes, "a.el", "a.mtx.gz", Ids::as_given), symmetric + "7 7 2\n4 1\n4 3\n");
    EXPECT_EQ(written(size, "4 1\n\n4\n\n2\n", "a.graph", "a.el"), "# vertices: 4\n1 3\n");
    EXPECT_EQ(written(size, general + "1 1 0\n", "a.mtx", "a.graph"), "1 0\n\n");
  }
}

TEST(Writing, KeepsTheGraph) {
  std::string text = "# vertices: 3000\n";
  for (std::uint64_t i = 0; i < 9000; ++i)
    text += std::to_string(mpc::mix(i) % 2500) + ' ' + std::to_string(mpc::mix(i + 9000) % 2500) + '\n';
  const auto shifted = [&](const std::string& name, const std::string& content) {
    const tests::Folder folder;
    const auto path = folder.write(name, content);
    auto graph = tests::on_any_ranks([&](mpc::Ranks& ranks) { return build(read_graph_file(path, {}, ranks), Ids::random, 1, ranks); });
    const auto lowest = name.ends_with(".el") ? 0 : 1;
    for (auto& id : graph.originals) id -= lowest;
    for (auto& id : graph.isolated) id -= lowest;
    return graph;
  };
  const auto graph = shifted("a.el", text);
  for (const auto* name : {"b.mtx", "b.graph", "b.el"}) {
    for (const int size : {1, 3}) EXPECT_EQ(shifted(name, written(size, text, "a.el", name)), graph) << name;
  }
}

}  // namespace
}  // namespace protocols
